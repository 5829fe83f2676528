//! The item of upgrades in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::tape::Tape;
use crate::error::CommitError;
use crate::ports::{PortResult, UpgradeStore};
use crate::record::Seen;
use crate::upgrade::{Upgrade, UpgradeRecord};

/// The item of upgrades in memory, with the conditions of the real one. Clones are the same
/// item.
#[derive(Debug, Clone, Default)]
pub struct FakeUpgrades {
    inner: Arc<Mutex<Inner>>,
    tape: Tape,
}

#[derive(Debug, Default)]
struct Inner {
    record: Option<UpgradeRecord>,
    seen: BTreeMap<String, Seen>,
}

impl FakeUpgrades {
    /// No upgrade yet; calls pass a tape.
    pub fn taped(tape: Tape) -> Self {
        Self {
            inner: Arc::default(),
            tape,
        }
    }

    /// The upgrade as it stands, past the port.
    pub fn now(&self) -> Option<Upgrade> {
        self.lock().record.clone().map(|it| it.upgrade)
    }

    /// The tape that calls pass.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn store(
        &mut self,
        record: &UpgradeRecord,
        seen: Option<&Seen>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let earlier = seen.and_then(|seen| self.seen.get(&seen.key));
        if let Some(earlier) = earlier.filter(|it| it.expires_at >= now) {
            return Err(CommitError::Seen(Box::new(earlier.clone())));
        }
        let version = self.record.as_ref().map_or(0, |it| it.version);
        if version != record.version {
            return Err(CommitError::Moved);
        }
        self.record = Some(UpgradeRecord {
            version: version + 1,
            upgrade: record.upgrade.clone(),
        });
        self.seen
            .extend(seen.map(|seen| (seen.key.clone(), seen.clone())));
        Ok(())
    }
}

impl UpgradeStore for FakeUpgrades {
    async fn upgrade(&self) -> PortResult<Option<UpgradeRecord>> {
        let pass = self.tape.enter("upgrade", false).await?;
        let answer = self.lock().record.clone();
        pass.leave(answer)
    }

    async fn store_upgrade(
        &self,
        record: &UpgradeRecord,
        seen: Option<&Seen>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let pass = self.tape.enter("store_upgrade", true).await?;
        let answer = self.lock().store(record, seen, now);
        pass.leave(answer)?
    }

    async fn seen(&self, key: &str) -> PortResult<Option<Seen>> {
        let pass = self.tape.enter("seen", false).await?;
        let answer = self.lock().seen.get(key).cloned();
        pass.leave(answer)
    }
}
