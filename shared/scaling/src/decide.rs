//! The decision.

use jiff::Timestamp;
use slipway_domain::Scaling;

use crate::decision::{Decision, Verdict};
use crate::observation::Observation;
use crate::state::State;

/// Decides how many tasks there are to be.
pub fn decide(_policy: &Scaling, seen: &Observation, state: &State, now: Timestamp) -> Decision {
    let from = seen.tasks.desired;
    let to = from.max(seen.bounds.min).min(seen.bounds.max);
    Decision {
        at: now,
        verdict: match to.cmp(&from) {
            std::cmp::Ordering::Less => Verdict::In,
            std::cmp::Ordering::Equal => Verdict::Hold,
            std::cmp::Ordering::Greater => Verdict::Out,
        },
        from,
        to,
        summary: String::new(),
        reasons: Vec::new(),
        attention: false,
        look_again: None,
        state: state.clone(),
    }
}
