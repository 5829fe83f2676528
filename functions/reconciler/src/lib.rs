//! The reconciler's entry: whatever event arrives, it only names stacks to look at.
//!
//! A look that fails stops no other stack. Where a message of the wake queue asked for it, the
//! message comes again, and after some times reaches the failure queue; where an event did, one
//! message is sent; the sweep of the next minute looks again in any case, and sends nothing.

mod sweep;
mod wake;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use slipway_control::ports::{
    ChangeWriter, DatabaseLister, HistoryReader, ImageKeeper, RotationReader, RunEnder,
    ScanningKeeper, ServiceReader, Slots, StackDoctor, StackLister, StackReader, StackRegistry,
    StackRescuer, StackWriter, TrafficReader, UpgradeStore, Waker,
};
use slipway_control::preflight::Checks;
use slipway_control::reconcile::{Next, ReconcileError, Reconciler};
use slipway_control::upgrade::Limits;
use slipway_domain::{Scope, ServiceName};
use slipway_lambda::telemetry::chain;

pub use wake::{Wake, Wakes, wakes};

/// How many stacks are looked at together. A look mostly waits for AWS.
pub(crate) const TOGETHER: usize = 8;
/// How long a stack rests after a look that failed.
const REST: Duration = Duration::from_secs(10);

/// Looks at the stacks that events name.
#[derive(Debug)]
pub struct Handler<R, S, C, W, U> {
    /// What looks at a stack.
    pub reconciler: Reconciler<R, S, C>,
    /// What wakes this function later.
    pub waker: W,
    /// The item of upgrades.
    pub upgrades: U,
    /// How upgrades go.
    pub limits: Limits,
    /// Whether Inspector is to scan the images of the platform's repositories.
    pub scans: bool,
}

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
    /// Handles one event. The answer names the entries of a batch that are to come again.
    ///
    /// # Errors
    /// An event that is no batch, and whose looks failed and could not be put off.
    pub async fn handle(
        &self,
        event: Value,
        now: impl Fn() -> Timestamp,
    ) -> Result<Value, ReconcileError> {
        match wakes(&event, self.reconciler.platform.name.as_str()) {
            Wakes::Sweep => self.sweep(&now).await?,
            Wakes::Round => self.round(&now).await?,
            Wakes::Rotations => self.rotations(&now).await?,
            Wakes::One(wake) => self.put_off(&wake, &now).await?,
            Wakes::Records(entries) => return Ok(self.batch(entries, &now, Failed::PutOff).await),
            Wakes::Messages(entries) => {
                return Ok(self.batch(entries, &now, Failed::ComesAgain).await);
            }
            Wakes::Nothing => tracing::warn!("an event that names no stack of this platform"),
        }
        Ok(Value::Null)
    }

    /// Handles a batch; the answer names the entries that are to come again.
    async fn batch(
        &self,
        entries: Vec<(String, Wake)>,
        now: &impl Fn() -> Timestamp,
        failed: Failed,
    ) -> Value {
        // Together: a look that waits for a slow registry keeps no other from its turn.
        let looks = stream::iter(entries).map(async |(id, wake)| {
            let done = match failed {
                Failed::PutOff => self.put_off(&wake, now).await,
                Failed::ComesAgain => self.all(&wake, now).await,
            };
            done.is_err().then(|| json!({"itemIdentifier": id}))
        });
        let failures: Vec<Value> = looks
            .buffered(TOGETHER)
            .filter_map(async |failure| failure)
            .collect()
            .await;
        json!({"batchItemFailures": failures})
    }

    /// Looks at what an event names; what fails is put off by a message.
    async fn put_off(
        &self,
        wake: &Wake,
        now: &impl Fn() -> Timestamp,
    ) -> Result<(), ReconcileError> {
        for scope in self.scopes(wake).await? {
            if self.look(&wake.service, &scope, now()).await.is_err() {
                self.waker.wake(&wake.service, &scope, REST).await?;
            }
        }
        Ok(())
    }

    async fn all(&self, wake: &Wake, now: &impl Fn() -> Timestamp) -> Result<(), ReconcileError> {
        for scope in self.scopes(wake).await? {
            self.look(&wake.service, &scope, now()).await?;
        }
        Ok(())
    }

    async fn scopes(&self, wake: &Wake) -> Result<Vec<Scope>, ReconcileError> {
        match &wake.scope {
            Some(scope) => Ok(vec![scope.clone()]),
            None => self.reconciler.scopes(&wake.service).await,
        }
    }

    /// Looks at one stack, and asks for the next look if that is to come by itself.
    pub(crate) async fn look(
        &self,
        service: &ServiceName,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<(), ReconcileError> {
        let looked = self.reconciler.reconcile(service, scope, now).await;
        let next = looked.inspect_err(|error| {
            tracing::error!(error = chain(error), %service, %scope, "a look failed; again later");
        })?;
        tracing::info!(%service, %scope, next = ?next, "looked");
        match next {
            Next::Requeue(delay) => Ok(self.waker.wake(service, scope, delay).await?),
            Next::Then(scope) => Ok(self.waker.wake(service, &scope, Duration::ZERO).await?),
            Next::Done | Next::AwaitChange => Ok(()),
        }
    }
}

/// What becomes of an entry of a batch whose look failed.
#[derive(Clone, Copy)]
enum Failed {
    /// A message asks for another look.
    PutOff,
    /// The entry itself comes again.
    ComesAgain,
}
