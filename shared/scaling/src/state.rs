//! What one decision leaves for the next.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::crew::Count;
use crate::track::Track;

/// What one decision leaves for the next. Empty before the first. Whatever an older or newer
/// version left is understood as far as it goes: what is missing is learned again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// When tasks were last added.
    pub out_at: Option<Timestamp>,
    /// When tasks were last taken away.
    pub in_at: Option<Timestamp>,
    /// How many tasks ran, and since when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<Count>,
    /// The demands that are forecast, by signal.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tracks: BTreeMap<String, Track>,
    /// How many tasks were wanted at the last looks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<Wanted>,
    /// Until when nothing is taken away, after a rush.
    pub panic_until: Option<Timestamp>,
    /// Tasks' worth of CPU that a request per minute costs.
    pub cost: Option<f64>,
    /// Messages per minute that one task works off.
    pub pace: Option<f64>,
    /// The point that was learned from last: each tells once.
    pub pace_at: Option<Timestamp>,
    /// Seconds from a decision until its tasks serve.
    pub startup: Option<f64>,
    /// Tasks that were asked for and do not serve yet.
    pub starting: Option<Wanted>,
    /// The share of memory that moves to other tasks when one goes: 0 where each task holds its
    /// own, 1 where it is of the load alone.
    pub shared_memory: Option<f64>,
    /// The memory before the number of tasks last changed.
    pub memory_before: Option<Memory>,
    /// When a request or a message was last seen.
    pub busy_at: Option<Timestamp>,
    /// Whether the last decision left no task.
    pub asleep: bool,
}

/// A number of tasks at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub tasks: u32,
}

/// Memory before the number of tasks changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// When it changed.
    pub at: Timestamp,
    /// How many tasks there were.
    pub tasks: u32,
    /// Percent of their memory that they used.
    pub used: f64,
}
