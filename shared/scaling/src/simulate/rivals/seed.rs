//! The rule of the first of the given architectures: one task more while CPU or memory is above
//! 70 %, one less while either is below 30 %, by four alarms.
//!
//! The seed names no periods. In its favour: one 60-second point suffices, and its alarms act
//! again each minute while they last, as those of Auto Scaling do; a function that listens to
//! changes of state would act once. Memory stays at 40 % in the simulation, so that its two
//! alarms are quiet; CPU alone decides.

use super::super::alarm::{Breach, Rule, ScalingAlarm};
use super::super::world::World;
use super::super::{Policy, Setup};

const HIGH: f64 = 0.7;
const LOW: f64 = 0.3;

/// The seed's rule.
#[derive(Debug)]
pub(in super::super) struct Seed {
    high: ScalingAlarm,
    low: ScalingAlarm,
}

impl Seed {
    pub(in super::super) fn new(setup: &Setup) -> Self {
        let high = Rule {
            period: 60,
            resolution: 60,
            points: 1,
            breach: Breach::Above,
            threshold: HIGH,
        };
        let low = Rule {
            breach: Breach::Below,
            threshold: LOW,
            ..high
        };
        Self {
            high: ScalingAlarm::new(high, &setup.delays),
            low: ScalingAlarm::new(low, &setup.delays),
        }
    }
}

impl Policy for Seed {
    fn next(&self) -> u64 {
        self.high.next().min(self.low.next())
    }

    fn look(&mut self, world: &World<'_>) -> Option<u32> {
        let (high, low) = (self.high.is_due(world), self.low.is_due(world));
        if high {
            Some(world.desired() + 1)
        } else if low {
            Some(world.desired().saturating_sub(1).max(world.setup().min))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{changes, setup};
    use super::*;
    use crate::simulate::trace::Trace;

    #[test]
    fn one_task_more_each_minute_above_seventy_percent() {
        let trace = Trace::step(50.0, 80.0, 600, 1050);
        let changes = changes(Box::new(Seed::new(&setup())), &trace, 10);
        assert_eq!(changes, [(845, 11), (905, 12), (965, 13), (1025, 14)]);
    }

    #[test]
    fn one_task_less_each_minute_below_thirty_percent() {
        let trace = Trace::step(50.0, 25.0, 600, 970);
        let changes = changes(Box::new(Seed::new(&setup())), &trace, 10);
        assert_eq!(changes, [(845, 9), (905, 8), (965, 7)]);
    }

    #[test]
    fn between_the_two_nothing_happens() {
        let trace = Trace::step(50.0, 70.0, 600, 3600);
        assert_eq!(changes(Box::new(Seed::new(&setup())), &trace, 10), []);
    }
}
