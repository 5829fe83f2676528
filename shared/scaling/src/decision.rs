//! What was decided, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::state::State;

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// What is to be done.
    pub verdict: Verdict,
    /// How many tasks ECS was to run.
    pub from: u32,
    /// How many it is to run from now on: within the bounds, always.
    pub to: u32,
    /// In a sentence or two, for people: why.
    pub summary: String,
    /// What each signal said, in words and numbers.
    pub reasons: Vec<Reason>,
    /// Whether the minute's tick is to look again: something is above what it may be, or there is
    /// something to take away, or the forecast needs to be kept alive. A service at its fewest
    /// tasks and at rest needs none: alarms wake it, and a window of its schedule that begins or
    /// ends ([`next_boundary`](crate::next_boundary())).
    pub attention: bool,
    /// Seconds until another look that does not wait for the tick; absent when the tick will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_again: Option<u32>,
    /// What the next decision is to be given.
    pub state: State,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// More tasks.
    Out,
    /// Fewer tasks.
    In,
    /// As many as before.
    Hold,
    /// The last tasks go: the service sleeps.
    Sleep,
}

/// What one signal said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The signal or rule, in one word: `cpu`, `memory`, `requests`, `queue`, a metric's name,
    /// `bounds`, `deployment`, `cooldown`, `paused`, `schedule`, `health`, `forecast`…
    pub signal: String,
    /// How many tasks it asks for; absent where it has no opinion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants: Option<u32>,
    /// What was seen and what follows, in words, with the numbers.
    pub says: String,
}
