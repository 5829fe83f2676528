//! One policy on one trace.

use serde::Serialize;

use super::trace::Trace;
use super::world::{NOTHING, World};
use super::{Policy, Setup};
use crate::Decision;

/// The utilisation that all policies find when a trace begins.
const AT_FIRST: f64 = 0.6;

/// A change with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// Seconds since the trace began.
    pub second: u64,
    /// The decision.
    pub decision: Decision,
}

/// What a policy did on a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Hours of tasks, from their start to their stop.
    pub task_hours: f64,
    /// Minutes in which the requests were above nine tenths of what the tasks could do in them.
    pub violation_minutes: u64,
    /// Minutes in which they were so for a moment at least.
    pub touched_minutes: u64,
    /// Requests beyond what the tasks could do.
    pub requests_over_capacity: f64,
    /// Changes of the number of tasks that are to run.
    pub changes: u64,
    /// How many tasks were asked for, each with the second; changes only.
    pub asked: Vec<(u64, u32)>,
    /// How many tasks served, each with the second from when on.
    pub served: Vec<(u64, u32)>,
    /// The changes with their reasons, where the policy gives any.
    pub told: Vec<Told>,
}

/// Lets a policy run. It finds as many tasks as the others do, unless it knows better.
pub(super) fn run(policy: Box<dyn Policy + '_>, trace: &Trace, setup: &Setup) -> Run {
    let first = policy.first().unwrap_or_else(|| first(trace, setup));
    run_from(policy, trace, setup, first)
}

/// Lets a policy run that finds so many tasks.
pub(super) fn run_from(
    mut policy: Box<dyn Policy + '_>,
    trace: &Trace,
    setup: &Setup,
    tasks: u32,
) -> Run {
    let mut world = World::new(trace, setup, tasks.max(setup.min).min(setup.max));
    loop {
        let next = policy.next();
        world.advance(next.min(trace.seconds()));
        if next >= trace.seconds() {
            break;
        }
        if let Some(tasks) = policy.look(&world) {
            world.set(tasks);
        }
    }
    world.into_run(policy.told())
}

fn first(trace: &Trace, setup: &Setup) -> u32 {
    tasks_for(trace.interval(0).0, setup.capacity * AT_FIRST)
}

/// How many tasks a demand takes, each of which takes on so much.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded on both sides"
)]
pub(super) fn tasks_for(demand: f64, each: f64) -> u32 {
    (demand / each - NOTHING).ceil().clamp(0.0, 1e6) as u32
}
