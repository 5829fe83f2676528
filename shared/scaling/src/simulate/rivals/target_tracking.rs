//! Target tracking of Application Auto Scaling on the average CPU of an ECS service.
//!
//! Documented: it goes out when three points in a row are above the target, and in when fifteen
//! one-minute points in a row are below nine tenths of it (containers-roadmap#1208; not
//! configurable); the size is proportional to the metric, rounded to the safe side; a scale-in
//! waits out the scale-in cooldown, which a scale-out ends, and 300 s are the default for ECS
//! (Application Auto Scaling user guide, "Define cooldown periods"; `TargetTrackingScaling
//! PolicyConfiguration`); its alarms act again each minute while they last.
//!
//! In its favour: the size is reckoned from the tasks that served while the metric was taken, so
//! that tasks still starting are never counted twice, and a scale-out that is larger than the
//! last one is made at once, cooldown or not. Of 20-second metrics it is not documented whether
//! the fifteen points for scaling in are of a minute or of 20 seconds: both are tried, and the
//! one-minute points are there as soon as the fine ones.

use super::super::alarm::{Breach, Rule, ScalingAlarm};
use super::super::run::tasks_for;
use super::super::world::World;
use super::super::{Policy, Setup};

/// Points that must be above the target.
const OUT_POINTS: u64 = 3;
/// Points that must be below the threshold for scaling in.
const IN_POINTS: u64 = 15;
/// What part of the target that threshold is.
const IN_PART: f64 = 0.9;

/// How it scales in.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Inwards {
    /// Seconds of a point.
    pub(in super::super) period: u64,
    /// Seconds from one scale-in to the next.
    pub(in super::super) cooldown: u64,
}

impl Inwards {
    /// As documented.
    pub(in super::super) const DEFAULT: Self = Self {
        period: 60,
        cooldown: 300,
    };
}

/// Target tracking.
#[derive(Debug)]
pub(in super::super) struct TargetTracking {
    target: f64,
    out_period: u64,
    scale_in: Inwards,
    out: ScalingAlarm,
    inwards: ScalingAlarm,
    in_again: u64,
}

impl TargetTracking {
    /// Keeps the CPU at `target`, a part of 1, by a metric with a point each `resolution`
    /// seconds.
    pub(in super::super) fn new(
        target: f64,
        resolution: u64,
        scale_in: Inwards,
        setup: &Setup,
    ) -> Self {
        let above = Rule {
            period: resolution,
            resolution,
            points: OUT_POINTS,
            breach: Breach::Above,
            threshold: target,
        };
        let below = Rule {
            period: scale_in.period,
            points: IN_POINTS,
            breach: Breach::Below,
            threshold: target * IN_PART,
            ..above
        };
        Self {
            target,
            out_period: resolution,
            scale_in,
            out: ScalingAlarm::new(above, &setup.delays),
            inwards: ScalingAlarm::new(below, &setup.delays),
            in_again: 0,
        }
    }

    /// How many tasks the newest point of an alarm asks for.
    fn wanted(&self, alarm: &ScalingAlarm, period: u64, world: &World<'_>) -> Option<u32> {
        let (from, used) = alarm.alarm.newest(world)?;
        Some(tasks_for(world.tasks(from, period) * used, self.target))
    }
}

impl Policy for TargetTracking {
    fn next(&self) -> u64 {
        self.out.next().min(self.inwards.next())
    }

    fn look(&mut self, world: &World<'_>) -> Option<u32> {
        let (out, inwards) = (self.out.is_due(world), self.inwards.is_due(world));
        let desired = world.desired();
        if out {
            let more = self.wanted(&self.out, self.out_period, world)?;
            if more > desired {
                self.in_again = 0;
                return Some(more);
            }
        } else if inwards && world.now() >= self.in_again {
            let less = self
                .wanted(&self.inwards, self.scale_in.period, world)?
                .max(world.setup().min);
            if less < desired {
                self.in_again = world.now() + self.scale_in.cooldown;
                return Some(less);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{changes, setup};
    use super::*;
    use crate::simulate::trace::Trace;

    fn tracking(target: f64, resolution: u64) -> Box<TargetTracking> {
        Box::new(TargetTracking::new(
            target,
            resolution,
            Inwards::DEFAULT,
            &setup(),
        ))
    }

    #[test]
    fn three_points_above_the_target_add_tasks_in_proportion() {
        // 10 tasks of 10 requests per second at 80 % against 50 %: 16 tasks.
        let trace = Trace::step(50.0, 80.0, 600, 1200);
        // The third period above ends at 780, its point is there at 930, seen at 960.
        assert_eq!(changes(tracking(0.5, 60), &trace, 10), [(965, 16)]);
        assert_eq!(changes(tracking(0.5, 20), &trace, 10), [(685, 16)]);
    }

    #[test]
    fn two_points_above_the_target_change_nothing() {
        let trace = Trace::steps(&[(0, 50.0), (600, 80.0), (720, 50.0)], 1800);
        assert_eq!(changes(tracking(0.5, 60), &trace, 10), []);
    }

    #[test]
    fn fifteen_minutes_below_nine_tenths_of_the_target_take_tasks_away() {
        let trace = Trace::step(50.0, 20.0, 600, 3600);
        // The fifteenth minute ends at 1500, its point is there at 1650, seen at 1680.
        assert_eq!(changes(tracking(0.5, 60), &trace, 10), [(1685, 4)]);
        // 46 % is below the target, but not below nine tenths of it.
        let trace = Trace::step(50.0, 46.0, 600, 3600);
        assert_eq!(changes(tracking(0.5, 60), &trace, 10), []);
    }

    #[test]
    fn scaling_in_waits_for_its_cooldown() {
        let trace = Trace::steps(&[(0, 50.0), (600, 30.0), (1500, 10.0)], 3600);
        let changes = changes(tracking(0.5, 20), &trace, 10);
        assert_eq!(changes[0], (1565, 6));
        assert_eq!(changes[1].1, 2);
        assert!(
            changes[1].0 >= 1565 + Inwards::DEFAULT.cooldown,
            "{changes:?}"
        );
    }

    #[test]
    fn with_fine_points_scaling_in_may_take_five_minutes() {
        let trace = Trace::step(50.0, 20.0, 600, 3600);
        let fine = Inwards {
            period: 20,
            ..Inwards::DEFAULT
        };
        let fine = Box::new(TargetTracking::new(0.5, 20, fine, &setup()));
        // The fifteenth period ends at 900, its point is there at 915, seen at 920.
        assert_eq!(changes(fine, &trace, 10), [(925, 4)]);
    }

    #[test]
    fn saturated_cpu_is_all_it_sees() {
        // A tenfold load on 10 tasks at 50 %: two steps of 100 % / 50 %, and so on.
        let trace = Trace::step(50.0, 500.0, 600, 3600);
        let sizes: Vec<u32> = changes(tracking(0.5, 20), &trace, 10)
            .into_iter()
            .map(|(_, tasks)| tasks)
            .collect();
        assert_eq!(sizes[..3], [20, 40, 80]);
    }
}
