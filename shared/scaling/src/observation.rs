//! What is seen of a service when a decision is due.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is seen of a service when a decision is due.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Observation {
    /// Why a decision is due.
    pub trigger: Trigger,
    /// The service's tasks.
    pub tasks: Tasks,
    /// Between which numbers the tasks must stay: the scalable target's.
    pub bounds: Bounds,
    /// What is paused: the scalable target's `SuspendedState`.
    pub paused: Paused,
    /// Whether a deployment runs: tasks of two versions, or an update of the stack.
    pub deploying: bool,
    /// The load balancer's targets; absent where there is no load balancer or it did not say.
    pub targets: Option<Targets>,
    /// CPU utilisation of all tasks, in percent of what they have.
    pub cpu: Load,
    /// Memory utilisation of all tasks, in percent of what they have.
    pub memory: Load,
    /// Requests to all tasks in each period. CloudWatch has no point for a period without one.
    pub requests: Load,
    /// Messages that wait in the queue.
    pub waiting: Load,
    /// Messages that somebody works on: taken from the queue, and not deleted yet.
    pub in_flight: Load,
    /// Messages that were taken from the queue and deleted in each period.
    pub worked_off: Load,
    /// Seconds that the oldest message has waited.
    pub oldest: Load,
    /// The policy's further metrics, in its order.
    pub metrics: Vec<Load>,
    /// Names and states of alarms that are of interest to a reader, such as `CpuHigh`: `ALARM`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub alarms: BTreeMap<String, String>,
}

/// Why a decision is due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// The minute's tick.
    #[default]
    Tick,
    /// An alarm changed its state.
    Alarm,
    /// An earlier decision asked for another look.
    Again,
}

/// The number of tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tasks {
    /// How many ECS is to run.
    pub desired: u32,
    /// How many run.
    pub running: u32,
}

/// Between which numbers the tasks must stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// The fewest.
    pub min: u32,
    /// The most.
    pub max: u32,
}

/// What is paused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paused {
    /// No task is added.
    pub out: bool,
    /// No task is taken away.
    #[serde(rename = "in")]
    pub inwards: bool,
}

/// The load balancer's targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Targets {
    /// Those that get requests.
    pub healthy: u32,
    /// Those that fail their checks. Those that are new and not checked yet are neither.
    pub unhealthy: u32,
}

/// The points of a metric, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Load(pub Vec<Point>);

/// One point of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// When its period began.
    pub at: Timestamp,
    /// Seconds of its period.
    pub seconds: u32,
    /// The value: an average, or a sum over the period, as the metric is.
    pub value: f64,
}
