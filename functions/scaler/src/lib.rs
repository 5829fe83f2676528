//! The scaler's entry: whatever event arrives, it only names environments to look at.
//!
//! A look that fails stops no other. One that may succeed later is put off by a message, after
//! seconds: the queue itself would bring its message again after minutes only. What AWS refuses
//! comes again by the queue, and after some times reaches the failure queue. A look of the tick is
//! made again by the next one; the tick fails when something was refused, so that an alarm tells.

mod wake;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use slipway_control::error::PortError;
use slipway_control::ports::{
    BoundsWriter, LiveReader, MetricReader, QueueReader, ScalerRegistry, TaskWriter, WakeRules,
    Waker,
};
use slipway_control::scaler::{Looked, Named, Outcome, Scaler};
use slipway_domain::Scope;
use slipway_lambda::metrics::point;
use slipway_lambda::telemetry::chain;
use slipway_scaling::{Decision, Trigger};

pub use wake::{Wake, Wakes, wakes};

/// How many environments are looked at together. A look mostly waits for AWS.
const TOGETHER: usize = 8;
/// The most environments of one tick; the next one, a minute later, goes on.
const AT_ONCE: usize = 500;
/// How long a tick begins looks: it ends before its function's time, 30 seconds, is over.
const BEGINS_LOOKS: SignedDuration = SignedDuration::from_secs(20);
/// How long an environment rests after a look that failed.
const REST: Duration = Duration::from_secs(10);

/// Looks at the environments that events name.
#[derive(Debug)]
pub struct Handler<R, T, M, W> {
    /// What looks at an environment.
    pub scaler: Scaler<R, T, M>,
    /// What wakes this function later.
    pub waker: W,
    /// Where lines with metrics go.
    pub tell: fn(&Value),
}

impl<R, T, M, W> Handler<R, T, M, W>
where
    R: ScalerRegistry,
    T: LiveReader + TaskWriter + BoundsWriter + WakeRules,
    M: MetricReader + QueueReader,
    W: Waker,
{
    /// Handles one event. The answer names the messages of a batch that are to come again.
    ///
    /// # Errors
    /// A tick whose query failed, or one of whose looks was refused.
    pub async fn handle(
        &self,
        event: Value,
        now: impl Fn() -> Timestamp,
    ) -> Result<Value, PortError> {
        match wakes(&event, &self.scaler.platform) {
            Wakes::Tick => self.tick(&now).await,
            Wakes::Messages(wakes) => Ok(self.messages(wakes, &now).await),
            Wakes::Nothing => {
                tracing::warn!("an event that names no environment of this platform");
                Ok(Value::Null)
            }
        }
    }

    /// Looks at every environment whose time has come.
    async fn tick(&self, now: &impl Fn() -> Timestamp) -> Result<Value, PortError> {
        let due = self
            .scaler
            .registry
            .scaler_attention(now(), AT_ONCE)
            .await?;
        tracing::info!(environments = due.len(), "tick");
        let until = now() + BEGINS_LOOKS;
        let looks = stream::iter(due).map(async |(service, environment)| {
            let named = Named {
                service,
                environment,
                measures: Vec::new(),
            };
            if now() < until {
                self.look(&named, Trigger::Tick, now()).await
            } else {
                Ok(())
            }
        });
        let looked: Vec<Result<(), PortError>> = looks.buffer_unordered(TOGETHER).collect().await;
        let refused = |error: &PortError| !error.is_transient();
        match looked.into_iter().filter_map(Result::err).find(refused) {
            Some(error) => Err(error),
            None => Ok(Value::Null),
        }
    }

    /// Looks at what messages name, each environment once.
    async fn messages(
        &self,
        wakes: Vec<(Wake, Vec<String>)>,
        now: &impl Fn() -> Timestamp,
    ) -> Value {
        let looks = stream::iter(wakes).map(async |(wake, ids)| {
            let Wake { named, trigger } = wake;
            let looked = match self.look(&named, trigger, now()).await {
                Err(error) if error.is_transient() => self.wake(&named, REST).await,
                looked => looked,
            };
            looked.err().map(|_| ids)
        });
        let failed: Vec<Option<Vec<String>>> = looks.buffer_unordered(TOGETHER).collect().await;
        let failed = failed.into_iter().flatten().flatten();
        let failures: Vec<Value> = failed.map(|id| json!({"itemIdentifier": id})).collect();
        json!({"batchItemFailures": failures})
    }

    /// Looks at one environment, and asks for the next look if that is not to wait for the tick.
    async fn look(&self, named: &Named, trigger: Trigger, now: Timestamp) -> Result<(), PortError> {
        let (service, environment) = (&named.service, &named.environment);
        let looked = self.scaler.look(named, trigger, now).await;
        let Outcome { looked, again } = looked.inspect_err(|error| {
            let error = chain(error);
            tracing::error!(error, %service, %environment, "a look failed; again later");
        })?;
        self.log(named, &looked, now);
        match again {
            Some(delay) => self.wake(named, delay).await,
            None => Ok(()),
        }
    }

    async fn wake(&self, named: &Named, delay: Duration) -> Result<(), PortError> {
        let scope = Scope::Environment(named.environment.clone());
        self.waker.wake(&named.service, &scope, delay).await
    }

    fn log(&self, named: &Named, looked: &Looked, now: Timestamp) {
        let (service, environment) = (&named.service, &named.environment);
        match looked {
            Looked::Decided { decision, .. } => {
                let Decision { from, to, .. } = **decision;
                let summary = &decision.summary;
                tracing::info!(%service, %environment, from, to, summary, "looked");
                if let Some(line) = self.line(named, decision, now) {
                    (self.tell)(&line);
                }
            }
            other => tracing::info!(%service, %environment, looked = ?other, "looked"),
        }
    }

    /// The line with the metric of a change: how many tasks were added or taken away.
    fn line(&self, named: &Named, decision: &Decision, now: Timestamp) -> Option<Value> {
        let Decision { from, to, .. } = *decision;
        let name = match to.cmp(&from) {
            std::cmp::Ordering::Greater => "TasksAdded",
            std::cmp::Ordering::Less => "TasksTakenAway",
            std::cmp::Ordering::Equal => return None,
        };
        let fields = json!({
            "service": named.service,
            "environment": named.environment,
            "from": from,
            "to": to,
        });
        let fields = fields.as_object().cloned().unwrap_or_else(Map::new);
        let change = (name, f64::from(to.abs_diff(from)));
        let platform = self.scaler.platform.name.as_str();
        Some(point(platform, now, change, fields))
    }
}
