//! The reconciler's entry: whatever event arrives, it only names stacks to look at.
//!
//! A look that fails is tried again by a message on the wake queue, so that one stack's
//! trouble stops no other; only when that message cannot be sent does the event itself count
//! as failed, and is retried by whoever sent it.

mod wake;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use slipway_control::ports::{
    HistoryReader, ServiceReader, Slots, StackReader, StackRegistry, StackWriter, Waker,
};
use slipway_control::reconcile::{Next, ReconcileError, Reconciler};
use slipway_domain::{Scope, ServiceName};
use slipway_lambda::telemetry::chain;

pub use wake::{Wake, Wakes, wakes};

/// The most stacks that one sweep looks at; the next one, a minute later, goes on.
const SWEEP: usize = 100;
/// How long a stack rests after a look that failed.
const REST: Duration = Duration::from_secs(10);

/// Looks at the stacks that events name.
#[derive(Debug)]
pub struct Handler<R, S, W> {
    /// What looks at a stack.
    pub reconciler: Reconciler<R, S>,
    /// What wakes this function later.
    pub waker: W,
}

impl<R, S, W> Handler<R, S, W>
where
    R: ServiceReader + HistoryReader + StackRegistry + Slots,
    S: StackReader + StackWriter,
    W: Waker,
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
            Wakes::Sweep => {
                let stacks = self.reconciler.registry.attention(now(), SWEEP).await?;
                tracing::info!(stacks = stacks.len(), "sweep");
                for (service, scope) in stacks {
                    self.look(&service, &scope, now()).await?;
                }
                Ok(Value::Null)
            }
            Wakes::One(wake) => {
                self.wake(&wake, &now).await?;
                Ok(Value::Null)
            }
            Wakes::Batch(entries) => {
                let mut failures = Vec::new();
                for (id, wake) in entries {
                    if let Err(error) = self.wake(&wake, &now).await {
                        tracing::error!(error = chain(&error), service = %wake.service, "a look failed, and could not be put off");
                        failures.push(json!({"itemIdentifier": id}));
                    }
                }
                Ok(json!({"batchItemFailures": failures}))
            }
            Wakes::Nothing => {
                tracing::warn!("an event that names no stack of this platform");
                Ok(Value::Null)
            }
        }
    }

    async fn wake(&self, wake: &Wake, now: &impl Fn() -> Timestamp) -> Result<(), ReconcileError> {
        let scopes = match &wake.scope {
            Some(scope) => vec![scope.clone()],
            None => self.reconciler.scopes(&wake.service).await?,
        };
        for scope in scopes {
            self.look(&wake.service, &scope, now()).await?;
        }
        Ok(())
    }

    async fn look(
        &self,
        service: &ServiceName,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<(), ReconcileError> {
        let next = match self.reconciler.reconcile(service, scope, now).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(error = chain(&error), %service, %scope, "a look failed; again later");
                Next::Requeue(REST)
            }
        };
        tracing::info!(%service, %scope, next = ?next, "looked");
        match next {
            Next::Requeue(delay) => Ok(self.waker.wake(service, scope, delay).await?),
            Next::Then(scope) => Ok(self.waker.wake(service, &scope, Duration::ZERO).await?),
            Next::Done | Next::AwaitChange => Ok(()),
        }
    }
}
