//! How many tasks run, and when that changes: the manifest's `scaling`.
//!
//! It is the policy of whoever scales, as it stands: the scaler, the simulator and the command
//! line read the same words.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

mod rules;

pub(crate) use rules::broken;

/// How many tasks run, and when that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Scaling {
    /// The fewest tasks. With 0, a service that nobody calls sleeps; see `to_zero`.
    #[schemars(range(min = 0, max = 5000))]
    pub min: u32,
    /// The most tasks.
    #[schemars(range(min = 1, max = 5000))]
    pub max: u32,
    /// Who changes the number of tasks.
    pub by: ScaledBy,
    /// CPU utilisation, in percent of what the tasks have, averaged over the service.
    pub cpu: Band,
    /// Memory utilisation, in percent of what the tasks have, averaged over the service.
    pub memory: Band,
    /// Requests per minute that one task serves well. A signal of its own, and a better one than
    /// a CPU that is busy with all it can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::requests_per_task")]
    pub requests: Option<u32>,
    /// The queue that the tasks work off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// Further metrics of CloudWatch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub metrics: Vec<Metric>,
    /// Times of the week that have bounds of their own. Where several hold, the highest `min`
    /// and the highest `max` count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub schedule: Vec<Window>,
    /// Seconds between two points of CPU and memory: 60, or 20, which find a rush a minute
    /// sooner and cost more (docs/COST.md).
    #[schemars(schema_with = "schema::resolution")]
    pub resolution: u32,
    /// When a service with a `min` of 0 sleeps, and what its first caller gets.
    pub to_zero: ToZero,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            min: 2,
            max: 10,
            by: ScaledBy::Alarms,
            cpu: Band::default(),
            memory: Band::default(),
            requests: None,
            queue: None,
            metrics: Vec::new(),
            schedule: Vec::new(),
            resolution: 60,
            to_zero: ToZero::default(),
        }
    }
}

impl Scaling {
    /// Whether there may be no task at all: always, or in hours of their own.
    pub fn may_sleep(&self) -> bool {
        self.min == 0 || self.schedule.iter().any(|window| window.min == Some(0))
    }

    /// How many tasks a service begins with. At least one, also where it may sleep: a first
    /// version that was never seen to run is none that could be gone back to.
    pub fn first_count(&self) -> u32 {
        self.min.max(1)
    }

    /// The numbers of tasks that may be replaced by a deployment, in any hour of the week.
    pub(crate) fn counts(&self) -> std::ops::RangeInclusive<u32> {
        let windows = || self.schedule.iter();
        let fewest = windows().filter_map(|window| window.min).min();
        let most = windows().filter_map(|window| window.max).max();
        let fewest = fewest.map_or(self.min, |fewest| fewest.min(self.min));
        fewest.max(1)..=most.map_or(self.max, |most| most.max(self.max))
    }
}

/// Who changes the number of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScaledBy {
    /// The platform's scaler, woken by alarms.
    Alarms,
    /// AWS's own target tracking, on `high` of CPU and memory and on `requests`; the platform's
    /// scaler keeps its hands off.
    TargetTracking,
}

/// Where a utilisation may lie before the number of tasks changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Band {
    /// Percent below which tasks are taken away; less than `high`.
    #[schemars(range(min = 1, max = 99))]
    pub low: u32,
    /// Percent above which tasks are added.
    #[schemars(range(min = 2, max = 100))]
    pub high: u32,
}

impl Default for Band {
    fn default() -> Self {
        Self { low: 30, high: 70 }
    }
}

/// A queue of SQS whose messages the tasks work off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::closed)]
pub struct Queue {
    /// The queue's name, in the platform's account and region. It needs the tag
    /// `slipway:platform` with the platform's name.
    #[schemars(schema_with = "schema::queue_name")]
    pub name: String,
    /// Seconds that a message may wait before it is worked on.
    #[serde(default = "default_delay")]
    #[schemars(range(min = 1, max = 86400))]
    pub delay: u32,
}

fn default_delay() -> u32 {
    60
}

/// A metric of CloudWatch, averaged or added up over a minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::closed)]
pub struct Metric {
    /// Its namespace, such as `AWS/ApplicationELB` or one of your own.
    #[schemars(length(min = 1, max = 255))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Its dimensions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "schema::DimensionMap")]
    pub dimensions: BTreeMap<String, String>,
    /// What is made of a minute's values.
    #[serde(default = "default_statistic")]
    pub statistic: Statistic,
    /// Below it tasks are taken away; less than `high`.
    pub low: f64,
    /// Above it tasks are added.
    pub high: f64,
    /// Whether the value is of all tasks together, as a number of sessions is: then `low` and
    /// `high` are of one task's share. Otherwise it is an average over them, as a utilisation is.
    #[serde(default)]
    pub total: bool,
}

fn default_statistic() -> Statistic {
    Statistic::Average
}

/// What is made of a minute's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// Their mean.
    Average,
    /// The highest.
    Maximum,
    /// The lowest.
    Minimum,
    /// All added up.
    Sum,
}

/// Hours of the week that have bounds of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::closed)]
pub struct Window {
    /// The days on which it begins; every day when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 7))]
    pub days: Vec<Day>,
    /// The time at which it begins, `HH:MM`.
    #[schemars(schema_with = "schema::time_of_day")]
    pub from: String,
    /// The time at which it ends, `HH:MM`; on the next day when not later than `from`.
    #[schemars(schema_with = "schema::time_of_day")]
    pub to: String,
    /// The time zone, as the IANA names it, such as `Europe/Berlin`.
    #[serde(default = "default_zone")]
    #[schemars(length(min = 1, max = 64))]
    pub timezone: String,
    /// The fewest tasks meanwhile; as `min` of `scaling` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::task_count")]
    pub min: Option<u32>,
    /// The most tasks meanwhile; as `max` of `scaling` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::most_tasks")]
    pub max: Option<u32>,
}

fn default_zone() -> String {
    "UTC".to_owned()
}

/// A day of the week.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "a day is a day")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// When a service sleeps, and what its first caller gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct ToZero {
    /// Minutes without a request or a message, after which the last tasks go.
    #[schemars(range(min = 5, max = 1440))]
    pub after: u32,
    /// What the caller gets who wakes the service.
    pub answer: WakeAnswer,
}

impl Default for ToZero {
    fn default() -> Self {
        Self {
            after: 15,
            answer: WakeAnswer::Retry,
        }
    }
}

/// What the caller gets who wakes a sleeping service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WakeAnswer {
    /// 503 with `Retry-After`, at once.
    Retry,
    /// Is kept waiting, for at most 25 seconds, and then sent to the same address again.
    Hold,
}
