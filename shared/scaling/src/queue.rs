//! A queue: as many tasks as keep up with what arrives and work off what waits in time.

use crate::observation::{Load, Point};
use crate::opinion::{Opinion, Scene};
use crate::points;
use crate::state::State;
use crate::whole::{seconds, tasks};

/// The share of a new measurement in a task's pace.
const SHARE: f64 = 0.2;
/// Of a task's pace, what is planned with when tasks are taken away.
const CALM: f64 = 0.9;
/// How many times the tasks are needed at most, while their pace is not known.
const GROWTH: f64 = 2.0;

/// What the queue asks for; nothing where there is none.
pub(crate) fn opinion(scene: &Scene<'_>, state: &mut State) -> Option<Opinion> {
    let delay = f64::from(scene.policy.queue.as_ref()?.delay.max(1));
    let waiting = points::clean(&scene.seen.waiting, scene.now);
    let Some(newest) = points::newest(&waiting, scene.now) else {
        return Some(Opinion::unknown(
            "queue",
            "the queue is not known: nothing is taken away",
        ));
    };
    let waits = newest.value;
    let done = rate(scene);
    let oldest = points::clean(&scene.seen.oldest, scene.now);
    let oldest = points::newest(&oldest, scene.now).map(|point| point.value);
    learn(scene, state, waits, done);
    let running = f64::from(scene.seen.tasks.running);
    if running == 0.0 && waits > 0.0 && state.pace.is_none() {
        let says = format!("{waits:.0} messages wait, and nobody works on them");
        return Some(Opinion {
            above: true,
            ..Opinion::of("queue", 1, 1, says)
        });
    }
    let late = oldest.filter(|age| *age > delay && waits > running);
    let needs = match pace(state) {
        Some(pace) => {
            let arrive = (done + growth(&waiting)).max(0.0);
            (arrive / pace)
                .max(waits / (pace * delay / 60.0))
                .max(waits.min(1.0))
        }
        None => late.map_or(0.0, |age| running * (age / delay).min(GROWTH)),
    };
    // Where the oldest is late although the pace would do, the pace is not what it was.
    let needs = late.map_or(needs, |_| needs.max(running + 1.0));
    let above = late.is_some() || needs > running;
    let floor = match pace(state) {
        Some(_) => tasks(needs / CALM),
        None if waits > 0.0 => scene.seen.tasks.desired,
        None => 0,
    };
    let says = words(waits, oldest, done, pace(state), tasks(needs), delay);
    Some(Opinion {
        above,
        ..Opinion::of("queue", tasks(needs), floor, says)
    })
}

/// Messages per minute that were worked off.
fn rate(scene: &Scene<'_>) -> f64 {
    let done = points::clean(&scene.seen.worked_off, scene.now);
    points::newest(&done, scene.now).map_or(0.0, |point| per_minute(&point))
}

fn per_minute(point: &Point) -> f64 {
    point.value * 60.0 / f64::from(point.seconds.max(1))
}

/// Messages per minute by which what waits grew of late.
fn growth(waiting: &[Point]) -> f64 {
    let [.., before, last] = waiting else {
        return 0.0;
    };
    let minutes = seconds(before.at, last.at) / 60.0;
    if (0.1..=10.0).contains(&minutes) {
        (last.value - before.value) / minutes
    } else {
        0.0
    }
}

/// A task's pace shows while there is more to do than tasks to do it.
fn learn(scene: &Scene<'_>, state: &mut State, waits: f64, done: f64) {
    let running = f64::from(scene.seen.tasks.running);
    if running < 1.0 || waits <= running || done <= 0.0 {
        return;
    }
    let points = points::clean(&scene.seen.worked_off, scene.now);
    let newest = points.last().map(|point| point.at);
    if newest <= state.pace_at {
        return;
    }
    state.pace_at = newest;
    let pace_now = done / running;
    state.pace = Some(pace(state).map_or(pace_now, |known| known + SHARE * (pace_now - known)));
}

fn pace(state: &State) -> Option<f64> {
    state.pace.filter(|pace| pace.is_finite() && *pace > 1e-6)
}

/// When a message was last seen, as far as points go.
pub(crate) fn last(scene: &Scene<'_>) -> Option<jiff::Timestamp> {
    let of = |load: &Load| {
        let seen = points::clean(load, scene.now);
        seen.iter()
            .rev()
            .find(|point| point.value > 0.0)
            .map(points::end)
    };
    let seen = &scene.seen;
    let loads = [&seen.waiting, &seen.in_flight, &seen.worked_off];
    loads.into_iter().filter_map(of).max()
}

/// Whether somebody works on a message, as far as is known: a long one is neither waiting nor done.
pub(crate) fn is_at_work(scene: &Scene<'_>) -> bool {
    let seen = points::clean(&scene.seen.in_flight, scene.now);
    points::newest(&seen, scene.now).is_some_and(|point| point.value > 0.0)
}

/// Messages that wait now, as far as is known.
pub(crate) fn waiting(scene: &Scene<'_>) -> Option<f64> {
    let seen = points::clean(&scene.seen.waiting, scene.now);
    points::newest(&seen, scene.now).map(|point| point.value)
}

fn words(
    waits: f64,
    oldest: Option<f64>,
    done: f64,
    pace: Option<f64>,
    needs: u32,
    delay: f64,
) -> String {
    let oldest = oldest.map_or_else(String::new, |age| format!(", the oldest for {age:.0} s"));
    let pace = pace.map_or_else(
        || "a task's pace is not known yet".to_owned(),
        |pace| format!("a task does {pace:.1} a minute"),
    );
    format!(
        "{waits:.0} messages wait{oldest}; {done:.0} a minute are done, {pace}: {needs} tasks so \
         that none waits longer than {delay:.0} s"
    )
}
