//! How many tasks ran, and when: what turns a utilisation of the past into a demand.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observation::{Point, Tasks};
use crate::points;
use crate::whole::seconds;

/// The most numbers that are kept. Each is a change; points are used within minutes.
const MOST: usize = 24;

/// How many tasks ran from when on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// Since when.
    pub at: Timestamp,
    /// When it was last seen to be so.
    pub until: Timestamp,
    /// How many.
    pub running: u32,
}

/// Notes how many run now. Looks that come late, after a younger one, add nothing.
pub(crate) fn note(counts: &mut Vec<Count>, tasks: Tasks, now: Timestamp) {
    let running = tasks.running;
    match counts.last_mut() {
        Some(last) if last.until >= now => {}
        Some(last) if last.running == running => last.until = now,
        _ => counts.push(Count {
            at: now,
            until: now,
            running,
        }),
    }
    let excess = counts.len().saturating_sub(MOST);
    counts.drain(..excess);
}

/// Notes that tasks go now: ECS stops them within moments.
pub(crate) fn left(counts: &mut Vec<Count>, running: u32, now: Timestamp) {
    counts.push(Count {
        at: now,
        until: now,
        running,
    });
}

/// How many tasks ran on average in a point's period.
pub(crate) fn during(counts: &[Count], point: &Point) -> f64 {
    let middle = points::middle(point);
    let half = i64::from(point.seconds) / 3;
    let moments = [-half, 0, half].map(|by| crate::whole::later(middle, by));
    moments
        .iter()
        .map(|at| running_at(counts, *at))
        .sum::<f64>()
        / 3.0
}

/// How many tasks ran at a moment. Between two looks that saw different numbers it is somewhere
/// between; before the first look it was as then.
fn running_at(counts: &[Count], at: Timestamp) -> f64 {
    let after = counts.partition_point(|count| count.at <= at);
    let Some(before) = after.checked_sub(1).map(|index| counts[index]) else {
        return counts.first().map_or(0.0, |count| f64::from(count.running));
    };
    match counts.get(after) {
        Some(next) if at > before.until => {
            let part = seconds(before.until, at) / seconds(before.until, next.at).max(1.0);
            let (from, to) = (f64::from(before.running), f64::from(next.running));
            from + (to - from) * part.clamp(0.0, 1.0)
        }
        _ => f64::from(before.running),
    }
}
