//! CPU: what the tasks use, as a rate of work that has a level and a slope.
//!
//! Utilisation times tasks is the work there is, whoever does it, as long as nobody works all they
//! can. Tasks that do are no measure: how much more there would be is unknown.

use slipway_domain::scaling::Band;

use crate::crew;
use crate::observation::Point;
use crate::opinion::{Opinion, Scene};
use crate::points;
use crate::state::State;
use crate::track::{Forecast, Sample};
use crate::whole::tasks;

/// Percent from which on a task works all it can.
const SATURATED: f64 = 98.0;
/// How many misses one is in which nobody knows how much was missing.
const UNBOUND: f64 = 5.0;
/// Seconds after the end of its period at which a point of 20 seconds can be read.
const DELAY: f64 = 15.0;
/// How many times the serving tasks are needed when nobody knows how many are.
const GROWTH: u32 = 2;

/// Percent that no task is to exceed, from the mark at which alarms speak: 90 for 70.
pub(crate) fn ceiling(band: &Band) -> f64 {
    (f64::from(band.high) * 9.0 / 7.0).min(SATURATED)
}

/// What CPU asks for.
pub(crate) fn opinion(scene: &Scene<'_>, state: &mut State) -> Opinion {
    let seen = points::clean(&scene.seen.cpu, scene.now);
    let Some(newest) = points::newest(&seen, scene.now) else {
        return Opinion::unknown("cpu", "CPU is not known: nothing is taken away");
    };
    let band = &scene.policy.cpu;
    let ahead = scene.ahead(&newest);
    let busy = busy(scene, &newest);
    let unknown = (ceiling(band) / f64::from(band.high.max(1))).ln();
    let learns = learns(scene);
    let track = state.tracks.entry("cpu".to_owned()).or_default();
    for point in &seen {
        let sample = Sample {
            at: points::middle(point),
            demand: point.value.min(100.0) / 100.0 * crew::during(&state.counts, point),
            at_least: point.value >= SATURATED || (point == &newest && busy >= SATURATED),
        };
        if learns && track.at.is_some_and(|at| at < sample.at) {
            let minute = minute(&seen, point);
            if minute > ceiling(band) {
                let unbound = minute >= SATURATED;
                track.miss(sample.at, if unbound { UNBOUND } else { 1.0 });
            }
        }
        track.feed(sample, ahead, unknown);
    }
    let Some(forecast) = track.forecast(ahead) else {
        return Opinion::unknown("cpu", "CPU is not known: nothing is taken away");
    };
    let needs = tasks(forecast.with_margin * 100.0 / ceiling(band));
    if busy >= SATURATED && scene.serving > 0 {
        return saturated(scene, state, &newest, needs);
    }
    Opinion {
        above: newest.value > f64::from(band.high),
        below: newest.value < f64::from(band.low),
        rush: needs >= 2 * scene.serving.max(1),
        ..Opinion::of(
            "cpu",
            needs,
            needs,
            words(band, &newest, &forecast, ahead, needs),
        )
    }
}

/// The utilisation of the minute that ends with this point; nothing when none does.
fn minute(seen: &[Point], point: &Point) -> f64 {
    let end = points::end(point);
    if end.as_second().rem_euclid(60) != 0 {
        return 0.0;
    }
    let within = seen
        .iter()
        .filter(|other| points::end(other) <= end && crate::whole::seconds(other.at, end) <= 60.0);
    let (sum, seconds) = within.fold((0.0, 0.0), |(sum, all), other| {
        let seconds = f64::from(other.seconds);
        (sum + other.value * seconds, all + seconds)
    });
    if seconds > 0.0 { sum / seconds } else { 0.0 }
}

/// Whether too little is a lesson about headroom: not when more was not allowed, and not while
/// tasks come and go for other reasons.
fn learns(scene: &Scene<'_>) -> bool {
    let seen = scene.seen;
    let unhealthy = seen.targets.is_some_and(|targets| targets.unhealthy > 0);
    !seen.deploying && !seen.paused.out && !unhealthy && seen.tasks.desired < scene.bounds.max
}

/// Seconds until the next point can be read.
pub(crate) fn next_point(scene: &Scene<'_>) -> u32 {
    let seen = points::clean(&scene.seen.cpu, scene.now);
    let Some(newest) = points::newest(&seen, scene.now).filter(|point| point.seconds == 20) else {
        return 20;
    };
    let passed = crate::whole::seconds(points::end(&newest), scene.now);
    let wait = (DELAY - passed).rem_euclid(20.0);
    // Rather a little late than a moment too early.
    let wait = if wait < 5.0 { wait + 20.0 } else { wait };
    tasks(wait).clamp(5, 25)
}

/// Percent that the serving tasks work: those that fail their checks are in the average, and get
/// no requests.
fn busy(scene: &Scene<'_>, newest: &Point) -> f64 {
    let (running, serving) = (scene.seen.tasks.running, scene.serving);
    newest.value * f64::from(running.max(1)) / f64::from(serving.max(1))
}

/// What is asked for when the tasks do all they can.
fn saturated(scene: &Scene<'_>, state: &State, newest: &Point, forecast: u32) -> Opinion {
    let all = format!(
        "CPU {:.0} %: {} tasks that serve do all they can, and how much more there would be does \
         not show",
        newest.value, scene.serving
    );
    let needs = if scene.policy.queue.is_some() && !scene.seen.waiting.0.is_empty() {
        return Opinion {
            above: true,
            ..Opinion::of(
                "cpu",
                0,
                scene.seen.tasks.desired,
                format!("{all}; the queue tells"),
            )
        };
    } else if let Some(work) = crate::requests::work(scene, state) {
        tasks(work * 100.0 / ceiling(&scene.policy.cpu)).max(scene.serving + 1)
    } else {
        scene.serving.saturating_mul(GROWTH)
    };
    let needs = needs.max(forecast);
    Opinion {
        above: true,
        rush: true,
        ..Opinion::of(
            "cpu",
            needs,
            needs,
            format!("{all}; {needs} are to take over"),
        )
    }
}

fn words(band: &Band, newest: &Point, forecast: &Forecast, ahead: i64, needs: u32) -> String {
    format!(
        "CPU {:.0} %, the work of {:.1} tasks; in {ahead} s {:.1}, and {:.1} with headroom for \
         errors as they were: {needs} at {:.0} % at most",
        newest.value,
        forecast.level,
        forecast.expected,
        forecast.with_margin,
        ceiling(band),
    )
}
