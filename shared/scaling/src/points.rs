//! The points of a metric, made fit to be counted with.
//!
//! They come from outside and may be anything: out of order, twice, from the future of a clock
//! that is ahead, not a number. What makes no sense is left out, as if it had not come.

use jiff::Timestamp;

use crate::observation::{Load, Point};
use crate::whole::{later, seconds};

/// Seconds by which a clock may be ahead.
const SKEW: i64 = 60;
/// The most points that are looked at: five hours of 20 seconds, or fifteen of a minute.
const MOST: usize = 900;
/// Seconds after which a metric is silent, at least. CloudWatch has points of ECS and of load
/// balancers within two minutes; alarms forgive as much again.
const SILENCE: f64 = 300.0;

/// The points that make sense, oldest first, each period once: of two points the later one in the
/// list, which is the newer word.
pub(crate) fn clean(load: &Load, now: Timestamp) -> Vec<Point> {
    let start = load.0.len().saturating_sub(MOST);
    let sane = |point: &&Point| {
        point.value.is_finite()
            && point.value >= 0.0
            && point.value < 1e15
            && (1..=86_400).contains(&point.seconds)
            && end(point) <= later(now, SKEW)
    };
    let mut points: Vec<Point> = load.0[start..].iter().filter(sane).copied().collect();
    points.sort_by_key(|point| point.at);
    points.reverse();
    // The sort is stable: of one moment, the last in the list comes first now.
    points.dedup_by_key(|point| point.at);
    points.reverse();
    points
}

/// When a point's period ended.
pub(crate) fn end(point: &Point) -> Timestamp {
    later(point.at, i64::from(point.seconds))
}

/// The middle of a point's period.
pub(crate) fn middle(point: &Point) -> Timestamp {
    later(point.at, i64::from(point.seconds / 2))
}

/// The newest point, unless the metric is silent.
pub(crate) fn newest(points: &[Point], now: Timestamp) -> Option<Point> {
    let last = points.last()?;
    let patience = SILENCE.max(3.0 * f64::from(last.seconds));
    (seconds(end(last), now) <= patience).then_some(*last)
}
