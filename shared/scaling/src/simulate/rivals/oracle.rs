//! The oracle: the cheapest tasks that never violate the bound, known beforehand.
//!
//! Each demand takes at least `ceil(demand / (0.9 × capacity))` tasks. Of the first, the second, …
//! task it is known when they are needed; between two such times a task is kept if that costs no
//! more than starting another, which costs its start-up. These are independent of one another,
//! because a task that is needed implies all that come before it. So nothing that keeps every
//! minute, starts its tasks itself and is billed alike can cost less; within the most tasks that
//! are allowed. What it needs in the first moments it finds running.

use std::collections::BTreeMap;

use super::super::run::tasks_for;
use super::super::trace::Trace;
use super::super::world::{BOUND, World};
use super::super::{Policy, Setup};

/// The oracle.
#[derive(Debug)]
pub(in super::super) struct Oracle {
    /// Numbers of tasks, each with the second from when on; the last one first.
    plan: Vec<(u64, u32)>,
    first: u32,
}

impl Oracle {
    pub(in super::super) fn new(trace: &Trace, setup: &Setup) -> Self {
        let needed: Vec<(u64, u64, u32)> = trace
            .intervals()
            .map(|(from, to, rate)| {
                let tasks = tasks_for(rate, setup.capacity * BOUND);
                (from, to, tasks.max(setup.min).min(setup.max))
            })
            .collect();
        let most = needed.iter().map(|(_, _, tasks)| *tasks).max().unwrap_or(0);
        let mut changes: BTreeMap<u64, i64> = BTreeMap::new();
        for level in 1..=most {
            for (from, to) in kept(&needed, level, setup.start_up) {
                *changes.entry(from).or_default() += 1;
                *changes.entry(to).or_default() -= 1;
            }
        }
        let mut tasks = 0_i64;
        let mut plan: Vec<(u64, u32)> = changes
            .into_iter()
            .map(|(at, change)| {
                tasks += change;
                (at, u32::try_from(tasks).unwrap_or(0))
            })
            .collect();
        plan.reverse();
        let first = plan.pop().map_or(0, |(_, tasks)| tasks);
        Self { plan, first }
    }
}

/// From when to when the task of a level costs.
fn kept(needed: &[(u64, u64, u32)], level: u32, start_up: u64) -> Vec<(u64, u64)> {
    let mut kept: Vec<(u64, u64)> = Vec::new();
    for (from, to, _) in needed.iter().filter(|(_, _, tasks)| *tasks >= level) {
        match kept.last_mut() {
            Some((_, end)) if from - *end <= start_up => *end = *to,
            Some(_) | None => kept.push((*from, *to)),
        }
    }
    for (from, _) in &mut kept {
        *from = from.saturating_sub(start_up);
    }
    kept
}

impl Policy for Oracle {
    fn next(&self) -> u64 {
        self.plan.last().map_or(u64::MAX, |(at, _)| *at)
    }

    fn look(&mut self, _world: &World<'_>) -> Option<u32> {
        self.plan.pop().map(|(_, tasks)| tasks)
    }

    fn first(&self) -> Option<u32> {
        Some(self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::setup;
    use super::*;
    use crate::simulate::run::run;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn costs(trace: &Trace) -> f64 {
        let setup = setup();
        let run = run(Box::new(Oracle::new(trace, &setup)), trace, &setup);
        assert_eq!(run.touched_minutes, 0);
        run.task_hours * 3600.0
    }

    #[test]
    fn a_task_is_started_so_that_it_serves_when_it_is_needed() {
        // 10 requests per second each: 2 tasks at 18, 4 at 36.
        let trace = Trace::steps(&[(0, 18.0), (600, 36.0), (1200, 18.0)], 1800);
        assert!((costs(&trace) - (2.0 * 1800.0 + 2.0 * 660.0)).abs() < 1e-6);
    }

    #[test]
    fn a_task_is_kept_when_another_start_would_cost_more() {
        let trace = |gap: u64| {
            Trace::steps(
                &[
                    (0, 18.0),
                    (600, 36.0),
                    (700, 18.0),
                    (700 + gap, 36.0),
                    (900, 18.0),
                ],
                1800,
            )
        };
        assert!((costs(&trace(50)) - (3600.0 + 2.0 * 360.0)).abs() < 1e-6);
        assert!((costs(&trace(100)) - (3600.0 + 2.0 * (160.0 + 160.0))).abs() < 1e-6);
    }

    /// Something that sets a number of tasks at random moments.
    struct Any(Vec<(u64, u32)>);

    impl Policy for Any {
        fn next(&self) -> u64 {
            self.0.last().map_or(u64::MAX, |(at, _)| *at)
        }

        fn look(&mut self, _world: &World<'_>) -> Option<u32> {
            self.0.pop().map(|(_, tasks)| tasks)
        }
    }

    proptest! {
        #[test]
        fn nothing_that_never_violates_costs_less(
            rates in vec(0.0..300.0_f64, 2..20),
            spare in vec((0..1800_u64, 0..6_u32), 1..20),
        ) {
            let setup = setup();
            let rates: Vec<(u64, f64)> = (0..).step_by(90).zip(rates).collect();
            let trace = Trace::steps(&rates, 1800);
            let oracle = run(Box::new(Oracle::new(&trace, &setup)), &trace, &setup);
            prop_assert_eq!(oracle.touched_minutes, 0);
            // What is needed for the demand of some minutes ahead, and some tasks more.
            let mut moves: Vec<(u64, u32)> = spare
                .into_iter()
                .map(|(at, more)| {
                    let highest = rates.iter().filter(|(from, _)| at < from + 90 && *from <= at + 400);
                    let rate = highest.map(|(_, rate)| *rate).fold(0.0, f64::max);
                    (at, tasks_for(rate, setup.capacity * BOUND) + more)
                })
                .collect();
            moves.sort_unstable();
            moves.dedup_by_key(|(at, _)| *at);
            moves.reverse();
            let other = run(Box::new(Any(moves)), &trace, &setup);
            let both = other.task_hours - oracle.task_hours;
            prop_assert!(other.touched_minutes > 0 || both > -1e-9, "{both}");
        }
    }
}
