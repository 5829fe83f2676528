//! A metric of CloudWatch with a low and a high mark.
//!
//! What a task has of it shrinks as tasks are added, in proportion. No look-ahead: whether it is
//! a rate, nobody knows.

use slipway_domain::scaling::Metric;

use crate::memory::CALM;
use crate::observation::Load;
use crate::opinion::{Opinion, Scene};
use crate::points;
use crate::whole::tasks;

/// What the policy's further metrics ask for.
pub(crate) fn opinions(scene: &Scene<'_>) -> Vec<Opinion> {
    let loads = &scene.seen.metrics;
    let each = scene.policy.metrics.iter().enumerate();
    each.map(|(index, metric)| opinion(scene, metric, loads.get(index)))
        .collect()
}

fn opinion(scene: &Scene<'_>, metric: &Metric, load: Option<&Load>) -> Opinion {
    let seen = load
        .map(|load| points::clean(load, scene.now))
        .unwrap_or_default();
    let name = metric.name.as_str();
    let Some(newest) = points::newest(&seen, scene.now) else {
        return Opinion::unknown(name, format!("{name} is not known: nothing is taken away"));
    };
    let running = scene.seen.tasks.running.max(1);
    let all = if metric.total {
        newest.value
    } else {
        newest.value * f64::from(running)
    };
    let each = all / f64::from(running);
    let (above, below) = (each > metric.high, each < metric.low);
    let (needs, floor) = if metric.high > 0.0 {
        (tasks(all / metric.high), tasks(all / (metric.high * CALM)))
    } else if above {
        (running + 1, running)
    } else {
        (0, 0)
    };
    let needs = if above { needs } else { 0 };
    let floor = if above { needs } else { floor.min(running) };
    let says = format!(
        "{name} {each:.6} a task with {running} tasks, marks {} and {}: {}",
        metric.low,
        metric.high,
        if above {
            format!("{needs} are to share it")
        } else {
            format!("{floor} may hold it")
        }
    );
    Opinion {
        above,
        below,
        ..Opinion::of(name, needs, floor, says)
    }
}
