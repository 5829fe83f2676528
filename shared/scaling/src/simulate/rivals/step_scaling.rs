//! Step scaling of Application Auto Scaling, as its user guide sets it up for an ECS service.
//!
//! The guide's own example (Application Auto Scaling user guide, "Create a step scaling policy"):
//! an alarm on CPU at or above 70 % for two periods of 60 s adds 10 % of the tasks below 15 points
//! above the threshold, 20 % below 25, and 30 % from there on; an alarm at or below 50 % takes
//! away one task down to 10 points below, two down to 20, and three from there on. Both policies
//! have a cooldown of 60 s (300 s, the default, would be slower) and at least one task. The
//! settings that are varied are the upper threshold and how far the lower one is below it, 20 or
//! 10 points.
//!
//! Documented: a percentage above 1 is rounded down and one below 1 is 1; while the cooldown of a
//! scale-out lasts, what it added counts towards the next one; a scale-in waits for the cooldown,
//! a scale-out does not wait for a scale-in's. The alarms act again each minute while they last.

use super::super::alarm::{Breach, Rule, ScalingAlarm};
use super::super::world::{NOTHING, World};
use super::super::{Policy, Setup};

const POINTS: u64 = 2;
const COOLDOWN: u64 = 60;
/// From how far above the threshold on how many percent are added.
const OUT_STEPS: [(f64, f64); 3] = [(0.0, 10.0), (0.15, 20.0), (0.25, 30.0)];
/// To how far below the threshold how many tasks are taken away.
const IN_STEPS: [(f64, u32); 3] = [(0.0, 1), (-0.1, 2), (-0.2, 3)];

/// Step scaling.
#[derive(Debug)]
pub(in super::super) struct StepScaling {
    threshold: f64,
    band: f64,
    out: ScalingAlarm,
    inwards: ScalingAlarm,
    /// The tasks before the scale-out whose cooldown lasts, and until when.
    base: Option<(u32, u64)>,
    in_again: u64,
}

impl StepScaling {
    /// Adds tasks at `threshold`, a part of 1, and above, and takes some away when it is lower
    /// by `band`.
    pub(in super::super) fn new(threshold: f64, band: f64, setup: &Setup) -> Self {
        let above = Rule {
            period: 60,
            resolution: 60,
            points: POINTS,
            breach: Breach::AtOrAbove,
            threshold,
        };
        let below = Rule {
            breach: Breach::AtOrBelow,
            threshold: threshold - band,
            ..above
        };
        Self {
            threshold,
            band,
            out: ScalingAlarm::new(above, &setup.delays),
            inwards: ScalingAlarm::new(below, &setup.delays),
            base: None,
            in_again: 0,
        }
    }

    fn outwards(&mut self, world: &World<'_>) -> Option<u32> {
        let now = world.now();
        let (_, used) = self.out.alarm.newest(world)?;
        let cooling = self.base.filter(|(_, until)| now < *until);
        let base = cooling.map_or(world.desired(), |(base, _)| base);
        let tasks = base + added(base, percent(used - self.threshold)?);
        (tasks > world.desired()).then(|| {
            self.base = Some((base, now + COOLDOWN));
            self.in_again = now + COOLDOWN;
            tasks
        })
    }

    fn inwards(&mut self, world: &World<'_>) -> Option<u32> {
        if world.now() < self.in_again {
            return None;
        }
        let (_, used) = self.inwards.alarm.newest(world)?;
        let tasks = world
            .desired()
            .saturating_sub(fewer(used - self.threshold + self.band)?);
        self.in_again = world.now() + COOLDOWN;
        Some(tasks.max(world.setup().min))
    }
}

impl Policy for StepScaling {
    fn next(&self) -> u64 {
        self.out.next().min(self.inwards.next())
    }

    fn look(&mut self, world: &World<'_>) -> Option<u32> {
        let (out, inwards) = (self.out.is_due(world), self.inwards.is_due(world));
        if out {
            self.outwards(world)
        } else if inwards {
            self.inwards(world)
        } else {
            None
        }
    }
}

/// The step at a breach: lower bounds are part of it, upper ones are not.
fn percent(breach: f64) -> Option<f64> {
    let steps = OUT_STEPS.iter().rev();
    let mut steps = steps.filter(|(from, _)| breach >= *from - NOTHING);
    steps.next().map(|(_, percent)| *percent)
}

/// The step at a breach below the threshold: upper bounds are part of it, lower ones are not.
fn fewer(breach: f64) -> Option<u32> {
    let steps = IN_STEPS.iter().rev();
    let mut steps = steps.filter(|(to, _)| breach <= *to + NOTHING);
    steps.next().map(|(_, tasks)| *tasks)
}

/// A percentage of tasks, as it is rounded.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a number of tasks"
)]
fn added(tasks: u32, percent: f64) -> u32 {
    let exact = f64::from(tasks) * percent / 100.0;
    if exact < 1.0 {
        1
    } else {
        (exact + NOTHING) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{changes, setup};
    use super::*;
    use crate::simulate::trace::Trace;

    fn steps(threshold: f64) -> Box<StepScaling> {
        Box::new(StepScaling::new(threshold, 0.2, &setup()))
    }

    #[test]
    fn the_step_is_chosen_by_how_far_the_threshold_is_breached() {
        let chosen = |breach: f64| percent(breach).map(|percent| format!("{percent}"));
        assert_eq!(chosen(-0.01), None);
        assert_eq!(chosen(0.0).as_deref(), Some("10"));
        assert_eq!(chosen(0.149).as_deref(), Some("10"));
        assert_eq!(chosen(0.15).as_deref(), Some("20"));
        assert_eq!(chosen(0.25).as_deref(), Some("30"));
        assert_eq!(
            [0.01, 0.0, -0.1, -0.11, -0.2, -0.5].map(fewer),
            [None, Some(1), Some(2), Some(2), Some(3), Some(3)]
        );
    }

    #[test]
    fn percentages_are_rounded_as_documented() {
        assert_eq!(added(19, 10.0), 1);
        assert_eq!(added(20, 10.0), 2);
        assert_eq!(added(3, 10.0), 1);
    }

    #[test]
    fn two_periods_at_the_threshold_add_tasks_until_it_is_no_longer_reached() {
        // 20 tasks at 80 %: 10 % more, a minute later the same of what is there then, …
        let trace = Trace::step(120.0, 160.0, 600, 1500);
        let changes = changes(steps(0.7), &trace, 20);
        // The second period above ends at 720, its point is there at 870, seen at 900.
        assert_eq!(changes[..3], [(905, 22), (965, 24), (1025, 26)]);
    }

    #[test]
    fn what_was_added_counts_while_the_cooldown_lasts() {
        let trace = Trace::step(120.0, 160.0, 600, 1500);
        let setup = setup();
        let mut world = World::new(&trace, &setup, 20);
        let mut policy = StepScaling::new(0.7, 0.2, &setup);
        world.advance(1000);
        policy.base = Some((20, 1030));
        world.set(22);
        // 10 % of 20 are there already; 30 % would be 26 in all.
        assert_eq!(policy.outwards(&world), None);
        policy.threshold = 0.5;
        assert_eq!(policy.outwards(&world), Some(26));
    }

    #[test]
    fn a_scale_in_takes_few_tasks_at_a_time() {
        let trace = Trace::step(120.0, 90.0, 600, 1300);
        let changes = changes(steps(0.7), &trace, 20);
        assert_eq!(changes[..2], [(905, 19), (965, 18)]);
    }
}
