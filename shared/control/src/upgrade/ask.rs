//! What people may ask of an upgrade: to see it, to stop it, to let it go on.

use serde_json::Value;

use super::state::{Upgrade, UpgradeRecord, UpgradeState};
use super::view::UpgradeView;
use crate::error::{CommitError, ServiceError};
use crate::ports::UpgradeStore;
use crate::record::Seen;
use crate::services::Caller;
use crate::services::keys::{answer_of, remember};

/// How often a change that met another is tried.
const TRIES: u32 = 3;

/// Shows and steers upgrades.
#[derive(Debug)]
pub struct UpgradeControl<U> {
    /// The item of upgrades.
    pub store: U,
}

impl<U: UpgradeStore> UpgradeControl<U> {
    /// The upgrade that runs, or the last one.
    pub async fn show(&self) -> Result<UpgradeView, ServiceError> {
        Ok(self.read().await?.upgrade.into())
    }

    /// Lets no further stack through. What is in flight ends by itself.
    pub async fn stop(
        &self,
        reason: Option<&str>,
        caller: &Caller,
    ) -> Result<UpgradeView, ServiceError> {
        let request = serde_json::json!(["stop-upgrade", reason]);
        self.change(caller, &request, |upgrade| match upgrade.state {
            UpgradeState::Running => {
                let reason = reason.unwrap_or("No reason was given.");
                upgrade.stop(&caller.actor, reason, caller.stamp.now);
                Ok(())
            }
            UpgradeState::Stopped => Ok(()),
            UpgradeState::Done => Err(ServiceError::UpgradeOver),
        })
        .await
    }

    /// Lets it go on, with what failed once more.
    pub async fn resume(&self, caller: &Caller) -> Result<UpgradeView, ServiceError> {
        let request = serde_json::json!(["resume-upgrade"]);
        self.change(caller, &request, |upgrade| match upgrade.state {
            UpgradeState::Running => Ok(()),
            UpgradeState::Done if upgrade.failed == 0 => Err(ServiceError::UpgradeOver),
            UpgradeState::Stopped | UpgradeState::Done => {
                upgrade.resume(&caller.actor, caller.stamp.now);
                Ok(())
            }
        })
        .await
    }

    async fn read(&self) -> Result<UpgradeRecord, ServiceError> {
        let none = || {
            ServiceError::NoPart(
                "there was no upgrade yet: the first sweep makes one, within a minute".to_owned(),
            )
        };
        self.store.upgrade().await?.ok_or_else(none)
    }

    async fn change(
        &self,
        caller: &Caller,
        request: &Value,
        apply: impl Fn(&mut Upgrade) -> Result<(), ServiceError>,
    ) -> Result<UpgradeView, ServiceError> {
        if let Some(key) = &caller.key
            && let Some(earlier) = self.store.seen(key).await?
            && earlier.expires_at >= caller.stamp.now
        {
            return replay(&earlier, caller, request);
        }
        for _ in 0..TRIES {
            let before = self.read().await?;
            let mut after = before.clone();
            apply(&mut after.upgrade)?;
            let view = UpgradeView::from(after.upgrade.clone());
            let seen = remember(caller, request, &view);
            if seen.is_none() && after == before {
                return Ok(view);
            }
            match self
                .store
                .store_upgrade(&after, seen.as_ref(), caller.stamp.now)
                .await
            {
                Ok(()) => return Ok(view),
                Err(CommitError::Seen(earlier)) => return replay(&earlier, caller, request),
                Err(CommitError::Port(error)) => return Err(error.into()),
                Err(
                    CommitError::Moved | CommitError::Contended | CommitError::PathTaken { .. },
                ) => {}
            }
        }
        Err(ServiceError::UpgradeBusy)
    }
}

/// The answer that was given before, if the request is the same.
fn replay(earlier: &Seen, caller: &Caller, request: &Value) -> Result<UpgradeView, ServiceError> {
    let mine = remember(caller, request, &Value::Null);
    mine.and_then(|mine| answer_of(earlier, &mine.request))
        .ok_or(ServiceError::KeyReused)
}
