//! Kubernetes' `HorizontalPodAutoscaler` on CPU utilisation, with the behaviour it has by default.
//!
//! Documented (kubernetes.io, "Horizontal Pod Autoscaling"): every 15 s the wanted number is
//! `ceil(pods × utilisation / target)`; a ratio within a tenth of 1 changes nothing; pods that are
//! not ready count with no load when the ratio says more, and if that turns the answer round,
//! nothing changes; more than 4 pods or 100 % in 15 s, whichever is more, are not added; the
//! highest number wanted within 300 s is the one that pods are taken away to.
//!
//! On ECS it reads the newest 20-second point that is published, at each of its 15 s. In its favour:
//! what the point asks for is reckoned from the tasks that served while it was taken, so that tasks
//! that start or stop since are never counted twice; of a point in which some came or went each
//! task's part is known; and a decision takes no time. With telemetry of its own it has
//! metrics-server's, with the default resolution of 15 s, and a sample is there the moment its 15 s
//! are over. A pod whose sample began before it served is not ready, as in `replica_calculator.go`.

use std::collections::VecDeque;

use super::super::Policy;
use super::super::run::tasks_for;
use super::super::telemetry::{Span, Telemetry};
use super::super::world::{NOTHING, World};

const SYNC: u64 = 15;
const TOLERANCE: f64 = 0.1;
/// Seconds whose highest number counts for scaling down, by default.
pub(in super::super) const STABILISATION: u64 = 300;
const MOST_PODS: u32 = 4;

/// The horizontal pod autoscaler.
#[derive(Debug)]
pub(in super::super) struct Hpa {
    target: f64,
    stabilisation: u64,
    next: u64,
    /// What was wanted, and when.
    wanted: VecDeque<(u64, u32)>,
    /// Pods that were added, and when.
    added: VecDeque<(u64, u32)>,
}

impl Hpa {
    /// Keeps the CPU at `target`, a part of 1.
    pub(in super::super) fn new(target: f64, stabilisation: u64) -> Self {
        Self {
            target,
            stabilisation,
            next: SYNC,
            wanted: VecDeque::new(),
            added: VecDeque::new(),
        }
    }

    /// The highest number wanted lately, where it is below what runs.
    fn stabilised(&mut self, now: u64, wanted: u32, running: u32) -> u32 {
        self.wanted.push_back((now, wanted));
        while self
            .wanted
            .front()
            .is_some_and(|(at, _)| at + self.stabilisation <= now)
        {
            self.wanted.pop_front();
        }
        let highest = self.wanted.iter().map(|(_, wanted)| *wanted).max();
        wanted.max(highest.unwrap_or(wanted).min(running))
    }

    /// As many more as may be added at once.
    fn limited(&mut self, now: u64, wanted: u32, running: u32) -> u32 {
        while self.added.front().is_some_and(|(at, _)| at + SYNC <= now) {
            self.added.pop_front();
        }
        let lately: u32 = self.added.iter().map(|(_, pods)| *pods).sum();
        let before = running.saturating_sub(lately);
        let limited = wanted.min((before * 2).max(before + MOST_PODS));
        if limited > running {
            self.added.push_back((now, limited - running));
        }
        limited
    }
}

impl Policy for Hpa {
    fn next(&self) -> u64 {
        self.next
    }

    fn look(&mut self, world: &World<'_>) -> Option<u32> {
        let now = world.now();
        self.next = now + SYNC;
        let telemetry = world.setup().telemetry;
        let Span { from, seconds } = telemetry.sample(world)?;
        let pods = world.desired();
        let served = world.tasks(from, seconds);
        let ready = match telemetry {
            Telemetry::Published => served,
            Telemetry::Own => served.min(f64::from(pods)),
        };
        let wanted = match world.cpu_of_each(from, seconds) {
            Some(used) => wanted(used, self.target, ready, pods),
            None => pods,
        };
        let wanted = wanted.max(world.setup().min).min(world.setup().max);
        let stable = self.stabilised(now, wanted, pods);
        Some(self.limited(now, stable, pods))
    }
}

/// How many pods a utilisation asks for, of `pods` of which some are `ready`.
fn wanted(used: f64, target: f64, ready: f64, pods: u32) -> u32 {
    let tolerated = |ratio: f64| (ratio - 1.0).abs() <= TOLERANCE + NOTHING;
    let all = f64::from(pods);
    let ratio = used / target;
    if tolerated(ratio) {
        return pods;
    }
    if ratio < 1.0 || ready >= all {
        return tasks_for(ratio * ready, 1.0);
    }
    let diluted = ratio * ready / all;
    if tolerated(diluted) || diluted < 1.0 {
        return pods;
    }
    tasks_for(diluted * all, 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{changes, own_changes};
    use super::*;
    use crate::simulate::trace::Trace;

    fn hpa() -> Hpa {
        Hpa::new(0.5, STABILISATION)
    }

    #[test]
    fn the_number_is_the_ceiling_of_the_ratio() {
        assert_eq!(wanted(0.9, 0.75, 50.0, 50), 60);
        assert_eq!(wanted(0.61, 0.5, 10.0, 10), 13);
        assert_eq!(wanted(0.25, 0.5, 9.0, 9), 5);
    }

    #[test]
    fn a_tenth_is_tolerated() {
        assert_eq!(wanted(0.55, 0.5, 10.0, 10), 10);
        assert_eq!(wanted(0.45, 0.5, 10.0, 10), 10);
        assert_eq!(wanted(0.56, 0.5, 10.0, 10), 12);
    }

    #[test]
    fn pods_that_are_not_ready_count_with_no_load_when_more_are_wanted() {
        // 10 of 15 are ready at 90 %: as if 15 had 60 %.
        assert_eq!(wanted(0.9, 0.5, 10.0, 15), 18);
        // As if 20 had 45 %, which is tolerated; as if 30 had 30 %, which turns it round.
        assert_eq!(wanted(0.9, 0.5, 10.0, 20), 20);
        assert_eq!(wanted(0.9, 0.5, 10.0, 30), 30);
    }

    #[test]
    fn it_looks_each_15_seconds_and_adds_at_once() {
        let trace = Trace::step(50.0, 80.0, 600, 660);
        assert_eq!(own_changes(Box::new(hpa()), &trace, 10), [(615, 16)]);
    }

    #[test]
    fn on_ecs_it_sees_points_of_20_seconds_when_they_are_published() {
        // The first whole point at 80 % ends at 620, is there at 635 and read at 645. It is not
        // read as the load of the 16 tasks that there are to be then.
        let trace = Trace::step(50.0, 80.0, 600, 1200);
        assert_eq!(changes(Box::new(hpa()), &trace, 10), [(645, 16)]);
        // Nor as that of the 4 tasks that are left.
        let trace = Trace::step(50.0, 20.0, 600, 1800);
        assert_eq!(changes(Box::new(hpa()), &trace, 10), [(930, 4)]);
    }

    #[test]
    fn no_more_than_twice_the_pods_or_four_are_added_in_15_seconds() {
        let mut hpa = Hpa::new(0.5, STABILISATION);
        assert_eq!(hpa.limited(15, 90, 10), 20);
        assert_eq!(hpa.limited(30, 90, 20), 40);
        let mut hpa = Hpa::new(0.5, STABILISATION);
        assert_eq!(hpa.limited(15, 90, 2), 6);
        assert_eq!(hpa.limited(20, 90, 6), 6);
    }

    #[test]
    fn pods_are_taken_away_to_the_highest_number_of_five_minutes() {
        let trace = Trace::step(50.0, 20.0, 600, 1200);
        assert_eq!(own_changes(Box::new(hpa()), &trace, 10), [(900, 4)]);
        let trace = Trace::steps(&[(0, 50.0), (600, 20.0), (750, 40.0), (780, 20.0)], 1200);
        let changes = own_changes(Box::new(hpa()), &trace, 10);
        assert_eq!(changes, [(900, 8), (1080, 4)]);
    }
}
