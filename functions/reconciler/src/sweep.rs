//! The work of schedules: the sweep of each minute, and the full round.
//!
//! A part that fails keeps no other from its turn; the next sweep makes up for it.

use futures_util::StreamExt;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use slipway_control::databases::rotation::Rotations;
use slipway_control::ports::{
    ChangeWriter, DatabaseLister, HistoryReader, ImageKeeper, RotationReader, RunEnder,
    ScanningKeeper, ServiceReader, Slots, StackDoctor, StackLister, StackReader, StackRegistry,
    StackRescuer, StackWriter, TrafficReader, UpgradeStore, Waker,
};
use slipway_control::preflight::Checks;
use slipway_control::reconcile::{ReconcileError, Reconciler};
use slipway_control::round::Round;
use slipway_control::scanning;
use slipway_control::upgrade::Upgrades;
use slipway_domain::{Scope, ServiceName};
use slipway_lambda::telemetry::chain;

use crate::{Handler, TOGETHER};

/// The most stacks that one sweep looks at; the next one, a minute later, goes on.
const SWEEP: usize = 500;
/// How long a sweep begins looks: it ends well before its function's time is over.
const BEGINS_LOOKS: SignedDuration = SignedDuration::from_secs(40);

impl<R, S, C, W, U> Handler<R, S, C, W, U>
where
    R: ServiceReader + DatabaseLister + HistoryReader + ChangeWriter + StackRegistry + Slots,
    S: StackReader
        + TrafficReader
        + StackDoctor
        + StackWriter
        + StackRescuer
        + RunEnder
        + StackLister,
    C: Checks + ImageKeeper + RotationReader + ScanningKeeper,
    W: Waker,
    U: UpgradeStore,
{
    /// Looks at every stack whose time has come, then at the slots, then at the upgrade.
    pub(crate) async fn sweep(&self, now: &impl Fn() -> Timestamp) -> Result<(), ReconcileError> {
        let until = now() + BEGINS_LOOKS;
        let looks = self.look_at_due(now, until).await;
        let slots = self.reconciler.free_slots().await;
        let upgrade = self.advance_upgrade(now, until).await;
        let parts = [("looks", looks), ("slots", slots), ("upgrade", upgrade)];
        let mut first = Ok(());
        for (part, done) in parts {
            if let Err(error) = &done {
                tracing::error!(error = chain(error), part, "a part of a sweep failed");
            }
            first = first.and(done);
        }
        first
    }

    async fn look_at_due(
        &self,
        now: &impl Fn() -> Timestamp,
        until: Timestamp,
    ) -> Result<(), ReconcileError> {
        let due = self.reconciler.registry.attention(now(), SWEEP).await?;
        tracing::info!(stacks = due.len(), "sweep");
        self.look_together(due, now, until).await;
        Ok(())
    }

    /// Looks at stacks, some together, and begins none after `until`. Those that are left, and
    /// those whose looks fail, which is told in the log, are the next sweep's.
    async fn look_together(
        &self,
        stacks: Vec<(ServiceName, Scope)>,
        now: &impl Fn() -> Timestamp,
        until: Timestamp,
    ) {
        stream::iter(stacks)
            .for_each_concurrent(TOGETHER, |(service, scope)| async move {
                if now() < until {
                    let _ = self.look(&service, &scope, now()).await;
                }
            })
            .await;
    }

    async fn advance_upgrade(
        &self,
        now: &impl Fn() -> Timestamp,
        until: Timestamp,
    ) -> Result<(), ReconcileError> {
        let upgrades = Upgrades {
            registry: &self.reconciler.registry,
            store: &self.upgrades,
            platform: &self.reconciler.platform,
            fingerprint: &self.reconciler.fingerprint,
            limits: self.limits,
        };
        let through = upgrades.advance(now()).await?;
        self.look_together(through, now, until).await;
        Ok(())
    }

    /// Has services deployed whose databases' passwords were rotated.
    pub(crate) async fn rotations(
        &self,
        now: &impl Fn() -> Timestamp,
    ) -> Result<(), ReconcileError> {
        let rotations = Rotations {
            registry: &self.reconciler.registry,
            secrets: &self.reconciler.checks,
            platform: &self.reconciler.platform,
        };
        rotations.go(now()).await?;
        Ok(())
    }

    /// Compares the registry with CloudFormation, passwords with those who have them, and how images
    /// are scanned with what the platform wants.
    pub(crate) async fn round(&self, now: &impl Fn() -> Timestamp) -> Result<(), ReconcileError> {
        let round = Round {
            registry: &self.reconciler.registry,
            stacks: &self.reconciler.stacks,
            waker: &self.waker,
            platform: &self.reconciler.platform,
        };
        let compared = round.go(now()).await;
        let rotated = self.rotations(now).await;
        let scanned = self.scanning().await;
        compared?;
        rotated?;
        scanned
    }

    /// Has images scanned, where the platform is to.
    async fn scanning(&self) -> Result<(), ReconcileError> {
        if self.scans {
            let Reconciler {
                checks, platform, ..
            } = &self.reconciler;
            let kept = scanning::keep(checks, platform).await;
            kept.inspect_err(
                |error| tracing::warn!(%error, "how images are scanned is not known"),
            )?;
        }
        Ok(())
    }
}
