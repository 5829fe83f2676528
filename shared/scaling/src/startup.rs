//! How long a task takes from being asked for until it serves: assumed at first, then learned.

use jiff::Timestamp;

use crate::state::{State, Wanted};

/// Seconds that are assumed: Fargate starts tasks in 30 to 60 s, and health checks follow
/// (docs/SCALING.md).
const ASSUMED: f64 = 60.0;
/// The share of a new measurement in what is remembered.
const SHARE: f64 = 0.3;
/// Seconds after which a start is not one that others are like.
const LONGEST: f64 = 600.0;

/// Seconds from a decision until its tasks serve.
pub(crate) fn seconds(learned: Option<f64>) -> i64 {
    let known = learned.filter(|seconds| seconds.is_finite());
    #[expect(clippy::cast_possible_truncation, reason = "clamped to minutes")]
    let whole = known.unwrap_or(ASSUMED).clamp(20.0, LONGEST) as i64;
    whole
}

/// Looks whether what was asked for serves by now.
pub(crate) fn learn(state: &mut State, desired: u32, serving: u32, now: Timestamp) {
    let Some(asked) = state.starting else { return };
    let took = crate::whole::seconds(asked.at, now);
    if serving >= asked.tasks {
        let before = state
            .startup
            .filter(|before| before.is_finite())
            .unwrap_or(ASSUMED);
        let took = took.clamp(0.0, LONGEST);
        // A look sees what came about since the look before.
        state.startup = Some(before + SHARE * (took - before));
        state.starting = None;
    } else if desired < asked.tasks || !(0.0..=LONGEST).contains(&took) {
        state.starting = None;
    }
}

/// Notes that tasks were asked for. While some start, their time counts.
pub(crate) fn begin(state: &mut State, tasks: u32, now: Timestamp) {
    if state.starting.is_none() {
        state.starting = Some(Wanted { at: now, tasks });
    }
}
