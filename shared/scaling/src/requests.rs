//! Requests: a rate that is known whatever the tasks can do, a minute or two late.
//!
//! CloudWatch has no point for a minute without a request. With healthy targets that is no missing
//! data but silence; without targets nobody knows what it is.

use crate::observation::Point;
use crate::opinion::{Opinion, Scene};
use crate::points;
use crate::state::State;
use crate::track::Sample;
use crate::whole::{later, seconds, tasks};

/// Seconds after which a minute without a point had no request.
const LATE: i64 = 180;
/// The share of a new measurement in what a request costs.
const SHARE: f64 = 0.1;
/// The margin as long as nothing is known: a quarter more.
const UNKNOWN: f64 = 0.25;

/// What requests ask for; nothing when the policy does not count them.
pub(crate) fn opinion(scene: &Scene<'_>, state: &mut State) -> Option<Opinion> {
    let serves = f64::from(scene.policy.requests?.max(1));
    let seen = with_silence(scene);
    let Some(newest) = points::newest(&seen, scene.now) else {
        return Some(Opinion::unknown(
            "requests",
            "requests are not known: nothing is taken away",
        ));
    };
    let ahead = scene.ahead(&newest);
    let track = state.tracks.entry("requests".to_owned()).or_default();
    for point in &seen {
        let sample = Sample {
            at: points::middle(point),
            demand: rate(point) / serves,
            at_least: false,
        };
        track.feed(sample, ahead, UNKNOWN);
    }
    let forecast = track.forecast(ahead)?;
    let needs = tasks(forecast.with_margin);
    let each = rate(&newest) / f64::from(scene.serving.max(1));
    let says = format!(
        "{:.0} requests a minute, {each:.0} for each of {} tasks that serve {serves:.0} well; in \
         {ahead} s {:.0}, and {:.0} with headroom for errors as they were: {needs} tasks",
        rate(&newest),
        scene.serving,
        forecast.expected * serves,
        forecast.with_margin * serves,
    );
    Some(Opinion {
        above: each > serves,
        rush: needs >= 2 * scene.serving.max(1),
        ..Opinion::of("requests", needs, needs, says)
    })
}

/// Requests per minute.
fn rate(point: &Point) -> f64 {
    point.value * 60.0 / f64::from(point.seconds.max(1))
}

/// The points of requests, and none where there was none.
fn with_silence(scene: &Scene<'_>) -> Vec<Point> {
    let seen = points::clean(&scene.seen.requests, scene.now);
    if scene
        .seen
        .targets
        .is_none_or(|targets| targets.healthy == 0)
    {
        return seen;
    }
    let period = seen.last().map_or(60, |point| point.seconds);
    let silence = |at| Point {
        at,
        seconds: period,
        value: 0.0,
    };
    let mut all: Vec<Point> = Vec::with_capacity(seen.len());
    let until = later(scene.now, -LATE - i64::from(period));
    for point in seen {
        if let Some(last) = all.last().copied() {
            fill(&mut all, points::end(&last), point.at, silence);
        }
        all.push(point);
    }
    match all.last().copied() {
        Some(last) => fill(&mut all, points::end(&last), later(until, 1), silence),
        None => all.push(silence(until)),
    }
    all
}

/// Adds the periods that begin from one moment to before another, as far as an hour back.
fn fill(
    all: &mut Vec<Point>,
    from: jiff::Timestamp,
    to: jiff::Timestamp,
    silence: impl Fn(jiff::Timestamp) -> Point,
) {
    let mut at = from.max(later(to, -3600));
    while at < to {
        let point = silence(at);
        at = points::end(&point);
        all.push(point);
    }
}

/// Learns what a request costs, from a minute in which the tasks did not do all they could.
pub(crate) fn learn_cost(scene: &Scene<'_>, state: &mut State, saturated: bool) {
    let seen = points::clean(&scene.seen.requests, scene.now);
    let (Some(newest), Some(track)) = (points::newest(&seen, scene.now), state.tracks.get("cpu"))
    else {
        return;
    };
    let Some(work) = track.forecast(0).map(|forecast| forecast.level) else {
        return;
    };
    if saturated || rate(&newest) < 1.0 || work <= 0.0 {
        return;
    }
    let cost = work / rate(&newest);
    let known = state.cost.filter(|known| known.is_finite() && *known > 0.0);
    state.cost = Some(known.map_or(cost, |known| known + SHARE * (cost - known)));
}

/// Tasks' worth of work in the newest minute's requests, as far as that is known.
pub(crate) fn work(scene: &Scene<'_>, state: &State) -> Option<f64> {
    let seen = points::clean(&scene.seen.requests, scene.now);
    let newest = points::newest(&seen, scene.now)?;
    let fresh = seconds(points::end(&newest), scene.now) <= 180.0;
    let cost = state.cost.filter(|cost| cost.is_finite() && *cost > 0.0)?;
    let work = cost * rate(&newest);
    // Older than the rush, it says nothing about it.
    (fresh && work > f64::from(scene.serving)).then_some(work)
}

/// When a request was last seen, as far as points go.
pub(crate) fn last(scene: &Scene<'_>) -> Option<jiff::Timestamp> {
    let seen = points::clean(&scene.seen.requests, scene.now);
    seen.iter()
        .rev()
        .find(|point| point.value > 0.0)
        .map(points::end)
}

/// Whether the silence of requests means that there is none: targets are there to be asked.
pub(crate) fn heard(scene: &Scene<'_>) -> bool {
    scene
        .seen
        .targets
        .is_some_and(|targets| targets.healthy > 0)
}
