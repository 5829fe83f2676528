//! What forbids taking tasks away, each in words.

use crate::decision::Reason;
use crate::opinion::{Opinion, Scene};
use crate::state::State;
use crate::whole::seconds;

/// Seconds between two changes outwards: less than the 20 between two points of CPU, so that each
/// point is answered once.
pub(crate) const OUT_COOLDOWN: f64 = 15.0;
/// Seconds after any change in which none is taken away.
pub(crate) const IN_COOLDOWN: f64 = 60.0;
/// Seconds by which a remembered moment may lie ahead of the clock; beyond, it is no memory.
const SKEW: f64 = 300.0;
/// One unhealthy target in so many is too many.
const UNHEALTHY: u32 = 5;

/// What forbids taking tasks away now.
pub(crate) fn inwards(scene: &Scene<'_>, state: &State, opinions: &[Opinion]) -> Vec<Reason> {
    let mut all = steady(scene, opinions);
    let left =
        remaining(state.in_at, scene, IN_COOLDOWN).max(remaining(state.out_at, scene, IN_COOLDOWN));
    if left > 0.0 {
        all.push(reason(
            "cooldown",
            format!("the number of tasks changed a moment ago: for {left:.0} s none goes"),
        ));
    }
    let rush = state
        .panic_until
        .map_or(0.0, |until| seconds(scene.now, until));
    if rush > 0.0 && rush <= SKEW {
        all.push(reason(
            "panic",
            format!("there was a rush: for {rush:.0} s more none goes"),
        ));
    }
    all
}

/// What forbids it that has nothing to do with the time of the last change.
pub(crate) fn steady(scene: &Scene<'_>, opinions: &[Opinion]) -> Vec<Reason> {
    let mut all = Vec::new();
    if scene.seen.paused.inwards {
        all.push(reason("paused", "taking tasks away is paused"));
    }
    if scene.seen.deploying {
        all.push(reason(
            "deployment",
            "a deployment runs: none goes until it ends",
        ));
    }
    if let Some(says) = unhealthy(scene) {
        all.push(reason("health", says));
    }
    let unknown = opinions.iter().filter(|opinion| opinion.floor.is_none());
    for opinion in unknown {
        all.push(reason(
            "missing",
            format!(
                "{}: what is not known is not taken for calm",
                opinion.signal
            ),
        ));
    }
    all
}

/// Why the targets' health forbids it: who gets no requests has little to do.
fn unhealthy(scene: &Scene<'_>) -> Option<String> {
    let targets = scene.seen.targets?;
    let all = targets.healthy.saturating_add(targets.unhealthy);
    let bad = targets.unhealthy > 0 && targets.unhealthy.saturating_mul(UNHEALTHY) >= all;
    let none = targets.healthy == 0 && scene.seen.tasks.running > 0;
    (bad || none).then(|| {
        format!(
            "{} of {all} targets are healthy: that little arrives is no sign of a quiet time",
            targets.healthy
        )
    })
}

/// Seconds of a cooldown that are left. A moment that lies ahead, by a clock that differs, is one
/// just now.
pub(crate) fn remaining(since: Option<jiff::Timestamp>, scene: &Scene<'_>, cooldown: f64) -> f64 {
    let Some(since) = since else { return 0.0 };
    let passed = seconds(since, scene.now);
    if passed < -SKEW {
        0.0
    } else {
        cooldown - passed.max(0.0)
    }
}

/// The later of a remembered moment and now: a clock that went back shortens no cooldown.
pub(crate) fn newer(since: Option<jiff::Timestamp>, now: jiff::Timestamp) -> jiff::Timestamp {
    let known = since.filter(|since| seconds(*since, now) >= -SKEW);
    known.map_or(now, |since| since.max(now))
}

pub(crate) fn reason(signal: &str, says: impl Into<String>) -> Reason {
    Reason {
        signal: signal.to_owned(),
        wants: None,
        says: says.into(),
    }
}
