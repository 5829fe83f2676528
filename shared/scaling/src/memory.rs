//! Memory: what tasks hold, of which only a part moves to others when a task goes.
//!
//! A task holds some memory whatever it does, and a JVM what it once got. How much of it is
//! shared is learned from what changes of the number of tasks did to it. Until then memory is
//! taken to grow with CPU at most, and tasks go one at a time.

use slipway_domain::scaling::Band;

use crate::observation::Point;
use crate::opinion::{Opinion, Scene};
use crate::points;
use crate::state::{Memory, State};
use crate::whole::{seconds, tasks};

/// Of the high mark, what may be reached when tasks are taken away: otherwise they would be
/// added again.
pub(crate) const CALM: f64 = 0.9;
/// Below this share more tasks do not help.
const PRIVATE: f64 = 0.1;
/// Seconds after which a change says nothing of memory any more.
const STALE: f64 = 3600.0;
/// Seconds after a change at which memory tells what it did.
const SETTLED: f64 = 180.0;

/// What memory asks for.
pub(crate) fn opinion(scene: &Scene<'_>, state: &mut State) -> Opinion {
    let seen = points::clean(&scene.seen.memory, scene.now);
    let Some(newest) = points::newest(&seen, scene.now) else {
        return Opinion::unknown("memory", "memory is not known: nothing is taken away");
    };
    learn(scene, state, &newest);
    let running = f64::from(scene.seen.tasks.running.max(1));
    let band = &scene.policy.memory;
    let high = f64::from(band.high);
    let used = newest.value;
    let (share, learned) = share(scene, state, used);
    let above = used > high;
    // used × (1 + share × (running / n − 1)) ≤ mark, solved for n.
    let fewest = |mark: f64| -> f64 {
        let room = mark / used.max(0.1) - 1.0 + share;
        if room <= 0.0 {
            f64::INFINITY
        } else {
            share * running / room
        }
    };
    let helpless = above && share < PRIVATE;
    let needs = if above && !helpless {
        tasks(fewest(high))
    } else {
        0
    };
    let floor = if above {
        scene.seen.tasks.desired
    } else if learned {
        tasks(fewest(high * CALM)).min(scene.seen.tasks.running)
    } else {
        // One at a time, unless all of it may move.
        let one = tasks(fewest(high * CALM)).max(scene.seen.tasks.desired.saturating_sub(1));
        one.min(tasks(used * running / (high * CALM)))
    };
    Opinion {
        above: above && !helpless,
        below: used < f64::from(band.low),
        ..Opinion::of(
            "memory",
            needs,
            floor,
            words(band, used, share, helpless, needs, floor),
        )
    }
}

/// The share of memory that moves to other tasks, and whether it was learned.
fn share(scene: &Scene<'_>, state: &State, used: f64) -> (f64, bool) {
    if let Some(share) = state.shared_memory.filter(|share| share.is_finite()) {
        return (share.clamp(0.0, 1.0), true);
    }
    let cpu = points::clean(&scene.seen.cpu, scene.now);
    let Some(cpu) = points::newest(&cpu, scene.now) else {
        return (1.0, false);
    };
    // A task with all its CPU busy still fits in its memory: so what grows with CPU is at most
    // cpu × (100 − used) / (100 − cpu).
    let cpu = cpu.value.min(99.0);
    let grows = cpu * (100.0 - used).max(0.0) / (100.0 - cpu);
    ((grows / used.max(0.1)).clamp(0.0, 1.0), false)
}

/// Learns from the last change of the number of tasks, once it has settled.
fn learn(scene: &Scene<'_>, state: &mut State, newest: &Point) {
    let Some(before) = state.memory_before else {
        return;
    };
    let running = scene.seen.tasks.running;
    let settled = seconds(before.at, newest.at) >= SETTLED && running == scene.seen.tasks.desired;
    if !settled || running == 0 || before.tasks == 0 || running == before.tasks {
        return;
    }
    state.memory_before = None;
    let times = f64::from(before.tasks) / f64::from(running) - 1.0;
    let share = ((newest.value / before.used.max(0.1) - 1.0) / times).clamp(0.0, 1.0);
    let known = state.shared_memory.filter(|known| known.is_finite());
    state.shared_memory = Some(known.map_or(share, |known| f64::midpoint(known, share)));
}

/// Notes the memory before a change, unless an earlier one still waits to be learned from.
pub(crate) fn before_change(scene: &Scene<'_>, state: &mut State) {
    let waits = |before: Memory| seconds(before.at, scene.now) <= STALE;
    if state.memory_before.is_some_and(waits) {
        return;
    }
    let seen = points::clean(&scene.seen.memory, scene.now);
    state.memory_before = points::newest(&seen, scene.now).map(|point| Memory {
        at: scene.now,
        tasks: scene.seen.tasks.running,
        used: point.value,
    });
}

fn words(band: &Band, used: f64, share: f64, helpless: bool, needs: u32, floor: u32) -> String {
    let percent = share * 100.0;
    if helpless {
        return format!(
            "memory {used:.0} % is above {} %, but each task holds its own: more tasks do not \
             help, more memory for each would",
            band.high
        );
    }
    if needs > 0 {
        return format!(
            "memory {used:.0} % is above {} %: {needs} tasks would share it",
            band.high
        );
    }
    format!(
        "memory {used:.0} %, of which {percent:.0} % moves when a task goes: {floor} may hold it"
    )
}
