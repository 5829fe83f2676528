//! Knative's pod autoscaler (KPA) on concurrency, with the windows it has by default.
//!
//! Documented (knative.dev, "Additional autoscaling configuration for KPA", and
//! `pkg/autoscaler/scaling/autoscaler.go`): each 2 s the wanted number is `ceil(concurrency /
//! target)` over a stable window of 60 s and a panic window of 6 s. It panics when the panic
//! window asks for twice the pods that are ready, takes none away while it panics, and calms down
//! when it was not over the threshold for a stable window. At most a thousand times the ready
//! pods are added and half of them taken away at once. It begins in panic.
//!
//! The concurrency is measured at the requests themselves, so it is not hidden by saturated CPU:
//! it is the demand. A target of 70 % is the default; the others are tried as well. On ECS it
//! reads points of 20 seconds of it as they are published: its windows end with the newest one, and
//! the panic window is that one. In its favour: ECS and its load balancers publish the demand by the
//! minute only, and minutes late, and here it is as soon as the CPU; which tasks serve is known at
//! once; and a decision takes no time. With telemetry of its own, what was measured is there at
//! once, too.

use super::super::run::tasks_for;
use super::super::world::World;
use super::super::{Policy, Setup};

const TICK: u64 = 2;
/// Seconds of the stable window, by default.
pub(in super::super) const STABLE: u64 = 60;
/// What part of it the panic window is: a tenth.
const PANIC: u64 = 10;
const PANIC_THRESHOLD: f64 = 2.0;
const MOST_UP: u32 = 1000;
const MOST_DOWN: u32 = 2;

/// Knative's pod autoscaler.
#[derive(Debug)]
pub(in super::super) struct Kpa {
    target: f64,
    stable: u64,
    next: u64,
    /// When it was last over the threshold, while it panics.
    panic: Option<u64>,
    most: u32,
}

impl Kpa {
    /// Keeps the tasks at `target`, a part of what they can do.
    pub(in super::super) fn new(target: f64, stable: u64) -> Self {
        Self {
            target,
            stable,
            next: 0,
            panic: Some(0),
            most: 0,
        }
    }

    /// How many pods are wanted at a concurrency in each window, counted in pods at the target.
    fn wanted(&mut self, now: u64, stable: u32, panic: u32, ready: u32) -> u32 {
        let ready = ready.max(1);
        let limited = |pods: u32| {
            pods.max(ready / MOST_DOWN)
                .min(ready.saturating_mul(MOST_UP))
        };
        if f64::from(panic) / f64::from(ready) >= PANIC_THRESHOLD {
            self.panic = Some(now);
        } else if self.panic.is_some_and(|last| last + self.stable < now) {
            self.panic = None;
            self.most = 0;
        }
        if self.panic.is_none() {
            return limited(stable);
        }
        self.most = self.most.max(limited(stable)).max(limited(panic));
        self.most
    }
}

impl Policy for Kpa {
    fn next(&self) -> u64 {
        self.next
    }

    fn look(&mut self, world: &World<'_>) -> Option<u32> {
        let now = world.now();
        self.next = now + TICK;
        if now == 0 {
            self.most = world.serving();
        }
        let Setup {
            capacity,
            telemetry,
            ..
        } = world.setup();
        let over = |window: u64| {
            let demand = telemetry.demand(world, window)?;
            Some(tasks_for(demand, capacity * self.target))
        };
        let (stable, panic) = (over(self.stable)?, over(self.stable / PANIC)?);
        Some(self.wanted(now, stable, panic, world.serving()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{changes, own_changes};
    use super::*;
    use crate::simulate::trace::Trace;

    /// One that was calm.
    fn calm() -> Kpa {
        Kpa {
            panic: None,
            ..Kpa::new(0.7, STABLE)
        }
    }

    #[test]
    fn the_stable_window_decides_when_it_is_calm() {
        assert_eq!(calm().wanted(100, 12, 15, 10), 12);
        assert_eq!(calm().wanted(100, 8, 5, 10), 8);
    }

    #[test]
    fn half_of_the_ready_pods_are_taken_away_at_most() {
        assert_eq!(calm().wanted(100, 1, 1, 11), 5);
    }

    #[test]
    fn twice_the_ready_pods_are_a_panic_in_which_none_is_taken_away() {
        let mut kpa = calm();
        assert_eq!(kpa.wanted(100, 11, 20, 10), 20);
        assert_eq!(kpa.wanted(102, 12, 10, 10), 20);
        // Not over the threshold for a stable window.
        assert_eq!(kpa.wanted(160, 12, 10, 20), 20);
        assert_eq!(kpa.wanted(162, 12, 10, 20), 12);
    }

    #[test]
    fn a_step_fills_the_stable_window_within_a_minute() {
        let trace = Trace::step(70.0, 105.0, 600, 700);
        let changes = own_changes(Box::new(Kpa::new(0.7, STABLE)), &trace, 10);
        assert_eq!(changes.first(), Some(&(602, 11)));
        let (at, tasks) = changes[changes.len() - 1];
        assert!(tasks == 15 && at > 640 && at <= 660, "{changes:?}");
    }

    #[test]
    fn a_load_of_twice_as_much_is_followed_within_the_panic_window() {
        let trace = Trace::step(70.0, 210.0, 600, 700);
        let changes = own_changes(Box::new(Kpa::new(0.7, STABLE)), &trace, 10);
        assert_eq!(
            changes.iter().find(|(_, tasks)| *tasks == 30),
            Some(&(606, 30))
        );
    }

    #[test]
    fn on_ecs_its_windows_end_with_the_newest_point() {
        // A point each 20 seconds, there 15 seconds after it ended, of which it looks at three.
        let trace = Trace::step(70.0, 105.0, 600, 700);
        let steps = changes(Box::new(Kpa::new(0.7, STABLE)), &trace, 10);
        assert_eq!(steps, [(636, 12), (656, 14), (676, 15)]);
        // Twice as much is seen by the newest point alone.
        let trace = Trace::step(70.0, 210.0, 600, 700);
        let steps = changes(Box::new(Kpa::new(0.7, STABLE)), &trace, 10);
        assert_eq!(steps, [(636, 30)]);
    }
}
