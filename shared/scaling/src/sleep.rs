//! Going to no task at all, and back: only where the bounds allow none, and only when it is known
//! that nobody calls.

use crate::opinion::Scene;
use crate::state::State;
use crate::whole::seconds;
use crate::{queue, requests};

/// How quiet it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Quiet {
    /// Long enough, so many minutes.
    Long(f64),
    /// Not long enough, so many minutes.
    Short(f64),
    /// Nobody knows: why.
    Unknown(&'static str),
}

/// Notes when somebody last called, and says for how long nobody has.
pub(crate) fn quiet(scene: &Scene<'_>, state: &mut State) -> Quiet {
    let woken = state.asleep && scene.seen.tasks.desired > 0;
    let seen = requests::last(scene).max(queue::last(scene));
    let busy = if woken {
        Some(scene.now)
    } else {
        state.busy_at.max(seen)
    };
    let busy = busy.map_or(scene.now, |at| at.min(scene.now));
    state.busy_at = Some(busy);
    if let Some(why) = deaf(scene) {
        return Quiet::Unknown(why);
    }
    let minutes = seconds(busy, scene.now) / 60.0;
    let waits = queue::waiting(scene).is_some_and(|waits| waits > 0.0);
    if minutes >= f64::from(scene.policy.to_zero.after) && !waits && !queue::is_at_work(scene) {
        Quiet::Long(minutes)
    } else {
        Quiet::Short(minutes)
    }
}

/// Why it cannot be known whether somebody calls.
fn deaf(scene: &Scene<'_>) -> Option<&'static str> {
    let has_queue = scene.policy.queue.is_some();
    let has_targets = scene.seen.targets.is_some();
    if has_queue && queue::waiting(scene).is_none() {
        Some("whether messages wait is not known")
    } else if has_targets && !requests::heard(scene) {
        Some("without a healthy target nobody knows whether somebody calls")
    } else if !has_queue && !has_targets {
        Some("no metric of targets or of a queue tells whether somebody calls")
    } else {
        None
    }
}

/// Whether a sleeping service is to wake: messages wait for it.
pub(crate) fn wakes(scene: &Scene<'_>) -> Option<f64> {
    queue::waiting(scene).filter(|waits| *waits > 0.0)
}
