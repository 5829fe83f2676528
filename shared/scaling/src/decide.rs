//! The decision.

use jiff::Timestamp;
use slipway_domain::Scaling;

use crate::decision::{Decision, Reason, Verdict};
use crate::guards::{self, reason};
use crate::observation::{Bounds, Observation};
use crate::opinion::{Opinion, Scene};
use crate::state::State;
use crate::steps::{self, Step};
use crate::{cpu, crew, hours, memory, metric, queue, requests, startup};

/// Decides how many tasks there are to be.
///
/// # Guarantees
/// Whatever comes in: `to` is within the bounds that hold now, of the target or of a window of
/// the schedule. There is no change outwards within 15 s of one outwards, and none inwards within
/// 60 s of any, bounds and sleep apart. Nothing is taken away while a deployment runs, data is
/// missing, too many targets are unhealthy, or it is paused. The same input gives the same
/// decision.
///
/// # Assumptions
/// `state` is what the decision before left, or empty. `now` is nearly the time of the points;
/// points from a future beyond a minute are ignored.
pub fn decide(policy: &Scaling, seen: &Observation, state: &State, now: Timestamp) -> Decision {
    let bounds = hours::bounds_over(policy, seen.bounds, now);
    let mut next = state.clone();
    crew::note(&mut next.counts, seen.tasks, now);
    let mut scene = Scene::new(policy, seen, now, bounds);
    startup::learn(&mut next, seen.tasks.desired, scene.serving, now);
    scene.startup = startup::seconds(next.startup);
    let opinions = opinions(&scene, &mut next);
    let step = steps::step(&scene, &mut next, &opinions);
    remember(&scene, &mut next, &step);
    let attention = attention(&scene, &next, &opinions, &step);
    Decision {
        at: now,
        verdict: step.verdict,
        from: seen.tasks.desired,
        to: step.to,
        attention,
        look_again: look_again(&scene, &opinions, &step, attention),
        reasons: reasons(&scene, &opinions, &step),
        summary: step.summary,
        state: next,
    }
}

/// What each signal asks for.
fn opinions(scene: &Scene<'_>, state: &mut State) -> Vec<Opinion> {
    if scene.seen.tasks.desired == 0 {
        return queue::opinion(scene, state).into_iter().collect();
    }
    let cpu = cpu::opinion(scene, state);
    requests::learn_cost(scene, state, cpu.floor.is_none() || cpu.rush);
    let mut all = vec![cpu, memory::opinion(scene, state)];
    all.extend(requests::opinion(scene, state));
    all.extend(queue::opinion(scene, state));
    all.extend(metric::opinions(scene));
    all
}

/// Notes the change for the next decision.
fn remember(scene: &Scene<'_>, state: &mut State, step: &Step) {
    match step.verdict {
        Verdict::Out => {
            state.out_at = Some(guards::newer(state.out_at, scene.now));
            startup::begin(state, step.to, scene.now);
        }
        Verdict::In | Verdict::Sleep => {
            state.in_at = Some(guards::newer(state.in_at, scene.now));
            let stay = scene.seen.tasks.running.min(step.to);
            crew::left(&mut state.counts, stay, scene.now);
        }
        Verdict::Hold => {}
    }
    if step.verdict != Verdict::Hold {
        memory::before_change(scene, state);
    }
    state.asleep = step.to == 0;
}

/// Whether the minute's tick is to look again. Alarms wake a service that is at rest, and who
/// called this knows when the next hours of the schedule begin.
fn attention(scene: &Scene<'_>, state: &State, opinions: &[Opinion], step: &Step) -> bool {
    let Bounds { min, max } = scene.bounds;
    if min == max && step.verdict == Verdict::Hold {
        return false;
    }
    if step.to == 0 {
        return scene.policy.queue.is_some();
    }
    step.to > min
        || step.verdict != Verdict::Hold
        || scene.serving < step.to
        || state.panic_until.is_some_and(|until| until > scene.now)
        || opinions
            .iter()
            .any(|opinion| opinion.above || opinion.needs > Some(step.to))
}

/// Seconds until the next point of CPU can be read, where the policy pays for points that come
/// faster than the minute's tick and there is something to decide.
fn look_again(
    scene: &Scene<'_>,
    opinions: &[Opinion],
    step: &Step,
    attention: bool,
) -> Option<u32> {
    let moving = step.to > scene.bounds.min
        || scene.serving < step.to
        || opinions.iter().any(|opinion| opinion.above);
    if !attention || step.to == 0 || scene.policy.resolution != 20 || !moving {
        return None;
    }
    Some(cpu::next_point(scene))
}

fn reasons(scene: &Scene<'_>, opinions: &[Opinion], step: &Step) -> Vec<Reason> {
    let signals = opinions.iter().map(|opinion| Reason {
        signal: opinion.signal.clone(),
        wants: opinion.needs,
        says: opinion.says.clone(),
    });
    let mut all: Vec<Reason> = signals.collect();
    all.extend(step.reasons.iter().cloned());
    let Bounds { min, max } = scene.bounds;
    if scene.bounds != scene.seen.bounds {
        all.push(reason(
            "schedule",
            format!("{min} to {max} tasks at this hour"),
        ));
    }
    all
}
