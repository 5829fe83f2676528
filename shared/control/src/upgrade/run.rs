//! Moving an upgrade on, a sweep at a time.

use jiff::Timestamp;
use slipway_domain::{Platform, Scope, ServiceName};

use super::state::{Limits, Upgrade, UpgradeRecord};
use crate::error::CommitError;
use crate::ports::{PortResult, ServiceReader, StackRegistry, StackWrite, UpgradeStore};
use crate::record::{ServiceState, StackRecord};

/// The services of a page of the listing.
const PAGE: usize = 50;
/// The most pages that one sweep reads.
const MAX_PAGES: usize = 3;
/// The most services whose turn comes in one sweep: a read each.
const MAX_VISITS: usize = 100;

/// Moves upgrades on, over a registry.
#[derive(Debug)]
pub struct Upgrades<'a, R, U> {
    /// Services and their stacks.
    pub registry: &'a R,
    /// The item of upgrades.
    pub store: &'a U,
    /// The platform.
    pub platform: &'a Platform,
    /// What this version renders, in one word.
    pub fingerprint: &'a str,
    /// How upgrades go.
    pub limits: Limits,
}

impl<R, U> Upgrades<'_, R, U>
where
    R: ServiceReader + StackRegistry,
    U: UpgradeStore,
{
    /// Begins an upgrade if this version renders something else than the last one, or moves the
    /// one that runs on. Gives the stacks that were let through: they want a look.
    pub async fn advance(&self, now: Timestamp) -> PortResult<Vec<(ServiceName, Scope)>> {
        let found = self.store.upgrade().await?;
        let version = found.as_ref().map_or(0, |it| it.version);
        let before = found
            .map(|it| it.upgrade)
            .filter(|it| it.fingerprint == self.fingerprint);
        if before.as_ref().is_some_and(Upgrade::rests) {
            return Ok(Vec::new());
        }
        let mut upgrade = before
            .clone()
            .unwrap_or_else(|| Upgrade::begin(self.fingerprint, self.limits, now));
        upgrade.limits = self.limits;
        let mut permits = self.follow(&mut upgrade, now).await?;
        permits.extend(self.go_on(&mut upgrade, now).await?);
        upgrade.conclude(now);
        if before.as_ref() != Some(&upgrade) {
            tell(before.as_ref(), &upgrade);
            match self
                .store
                .store_upgrade(&UpgradeRecord { version, upgrade }, None, now)
                .await
            {
                Ok(()) => {}
                Err(CommitError::Port(error)) => return Err(error),
                // Another sweep or a person was quicker: nothing of this one counts.
                Err(_) => return Ok(Vec::new()),
            }
        }
        self.let_through(permits).await
    }

    /// Sees what became of the stacks in flight: a read for each of their services.
    async fn follow(
        &self,
        upgrade: &mut Upgrade,
        now: Timestamp,
    ) -> PortResult<Vec<(ServiceName, StackRecord)>> {
        let mut permits = Vec::new();
        for service in upgrade.services_in_flight() {
            let state = self.read(&service).await?;
            let records = upgrade.judge(&service, state.as_ref(), self.platform, now);
            permits.extend(records.into_iter().map(|it| (service.clone(), it)));
        }
        Ok(permits)
    }

    /// Goes on through the listing while there is room.
    async fn go_on(
        &self,
        upgrade: &mut Upgrade,
        now: Timestamp,
    ) -> PortResult<Vec<(ServiceName, StackRecord)>> {
        let (mut permits, mut pages, mut visits) = (Vec::new(), 0, 0);
        while upgrade.has_room() && visits < MAX_VISITS {
            if let Some(next) = upgrade.take_next() {
                visits += 1;
                let service = next.service.clone();
                let state = self.read(&service).await?;
                let records = upgrade.visit(next, state.as_ref(), self.platform, now);
                permits.extend(records.into_iter().map(|it| (service.clone(), it)));
            } else if !upgrade.listed && pages < MAX_PAGES {
                pages += 1;
                let cursor = upgrade.cursor.clone();
                let page = self
                    .registry
                    .services(None, cursor.as_deref(), PAGE)
                    .await?;
                upgrade.list(page);
            } else {
                break;
            }
        }
        Ok(permits)
    }

    /// A service; one that cannot be read for good holds up no other.
    async fn read(&self, service: &ServiceName) -> PortResult<Option<ServiceState>> {
        match self.registry.service(service).await {
            Err(error) if !error.is_transient() => {
                tracing::error!(%error, %service, "an upgrade passes a service by");
                Ok(None)
            }
            answer => answer,
        }
    }

    /// Writes the permits. One that is not written is found missing by the next sweep.
    async fn let_through(
        &self,
        permits: Vec<(ServiceName, StackRecord)>,
    ) -> PortResult<Vec<(ServiceName, Scope)>> {
        let mut through = Vec::new();
        for (service, record) in permits {
            let scope = record.scope.clone();
            let write = StackWrite {
                service: service.clone(),
                record,
                release: Vec::new(),
                places: Vec::new(),
                databases: Vec::new(),
                deployments: Vec::new(),
                audit: None,
            };
            if self.registry.save(&write).await? {
                tracing::info!(%service, %scope, "an upgrade lets a stack through");
                through.push((service, scope));
            }
        }
        Ok(through)
    }
}

fn tell(before: Option<&Upgrade>, upgrade: &Upgrade) {
    if before.is_none_or(|before| before.state != upgrade.state) {
        tracing::info!(
            state = ?upgrade.state,
            fingerprint = upgrade.fingerprint,
            done = upgrade.done,
            unchanged = upgrade.unchanged,
            skipped = upgrade.skipped,
            failed = upgrade.failed,
            "upgrade"
        );
    }
}
