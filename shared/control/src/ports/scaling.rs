//! What the scaler reads and writes.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_domain::scaling::Statistic;
use slipway_domain::{EnvironmentName, ServiceName};
use slipway_scaling::{Bounds, Decision, Load, Paused, State};

use super::{Page, PortResult};
use crate::record::{AuditEntry, ServiceState};

/// What is remembered of one environment's scaling. Its absence is an empty one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScalerRecord {
    /// Grows with every write, whoever writes; 0 while there is none.
    pub version: u64,
    /// What the last decision left for the next.
    pub state: State,
    /// The last decision that was recorded.
    pub last: Option<Decision>,
    /// Bounds that hold for a time in place of the manifest's.
    pub held: Option<Override>,
    /// Since when the service sleeps, if it does.
    pub asleep_since: Option<Timestamp>,
    /// When the minute's tick is to look; never, when absent.
    pub attention: Option<Timestamp>,
    /// A number of tasks that was decided, until ECS is seen to have taken it on. A number that is
    /// set by hand takes the place of one that was decided.
    pub ordered: Option<Ordered>,
    /// The bounds that the scaler last found right, and put in place where they were not; those of
    /// the manifest, when absent.
    pub placed: Option<Placed>,
    /// When a message is due that asks for another look.
    pub again_at: Option<Timestamp>,
}

/// A number of tasks that was decided. It is written before ECS is told, so that a process that
/// dies in between leaves word of it, and nobody decides twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ordered {
    /// How many tasks ECS was to run before.
    pub from: u32,
    /// How many it is to run.
    pub to: u32,
    /// When that was decided.
    pub at: Timestamp,
    /// What was remembered before: it holds again if ECS never heard of it.
    pub before: State,
    /// Whether somebody set it by hand. Then it holds against numbers that were decided before and
    /// are told late.
    #[serde(default)]
    pub by_hand: bool,
}

/// Bounds that are right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The bounds.
    pub bounds: Bounds,
    /// Whether the scalable target was seen to have them. Until then they are put there; from
    /// then on other bounds are somebody's wish.
    pub seen: bool,
    /// The generation of the stack when they were put there: a newer one may have put others.
    pub generation: u64,
}

/// Bounds that hold for a time in place of the manifest's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The bounds meanwhile.
    pub bounds: Bounds,
    /// Until when; then the manifest's come back.
    pub until: Timestamp,
    /// Who asked for it: the caller's ARN.
    pub by: String,
}

/// What is written of one environment's scaling, whole or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalerWrite {
    /// The service.
    pub service: ServiceName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// The record, with the version that was read.
    pub record: ScalerRecord,
    /// A decision to keep for 30 days; not every look is worth one.
    pub decision: Option<Decision>,
    /// What the audit log is to say, where a person asked for it.
    pub audit: Option<AuditEntry>,
}

/// Remembers what was decided. One call of the registry each.
pub trait ScalerRegistry: Send + Sync {
    /// A service with its stacks, as [`ServiceReader::service`](super::ServiceReader::service)
    /// reads it, and what is remembered of the scaling of one of its environments.
    fn scaled(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
    ) -> impl Future<Output = PortResult<Option<(ServiceState, ScalerRecord)>>> + Send;

    /// Writes what is remembered. False, and nothing written, when its version has moved, or the
    /// environment's stack is not in the registry.
    fn save_scaler(&self, write: &ScalerWrite) -> impl Future<Output = PortResult<bool>> + Send;

    /// The decisions of the last 30 days, newest first.
    fn decisions(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = PortResult<Page<Decision>>> + Send;

    /// The environments that the minute's tick is to look at, oldest first, at most `limit`.
    fn scaler_attention(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = PortResult<Vec<(ServiceName, EnvironmentName)>>> + Send;
}

/// A metric of CloudWatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub dimensions: Vec<(String, String)>,
    /// What is made of a period's values.
    pub statistic: Statistic,
    /// Seconds of a period.
    pub seconds: u32,
}

/// Reads metrics.
pub trait MetricReader: Send + Sync {
    /// The points of each series from `from` to `to`, oldest first, in one call.
    fn read(
        &self,
        series: &[Series],
        from: Timestamp,
        to: Timestamp,
    ) -> impl Future<Output = PortResult<Vec<Load>>> + Send;
}

/// Sets the number of tasks.
pub trait TaskWriter: Send + Sync {
    /// Has ECS run this many tasks of the service. No deployment begins. False when the service
    /// is not there.
    fn set_count(
        &self,
        cluster: &str,
        service: &str,
        count: u32,
    ) -> impl Future<Output = PortResult<bool>> + Send;
}

/// Sets the bounds of the number of tasks: the scalable target. Any write moves the number into
/// them at once (Application Auto Scaling, `RegisterScalableTarget`).
pub trait BoundsWriter: Send + Sync {
    /// Sets the bounds, or what is paused, or both; what is absent stays.
    fn set_bounds(
        &self,
        cluster: &str,
        service: &str,
        bounds: Option<Bounds>,
        paused: Option<Paused>,
    ) -> impl Future<Output = PortResult<()>> + Send;
}
