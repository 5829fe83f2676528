//! From a step of the load to the scaling action: what AWS measured for target tracking, for all.
//!
//! Ten tasks at 20 % get a load that takes all of their CPU, against a target of 60 %: a period
//! in whose middle the step falls is then just at the target, so that neither early nor late
//! steps are favoured. The result is averaged over all seconds of a minute in which the step
//! may fall.

use super::rivals::hpa::{self, Hpa};
use super::rivals::kpa::{self, Kpa};
use super::rivals::seed::Seed;
use super::rivals::step_scaling::StepScaling;
use super::rivals::target_tracking::{Inwards, TargetTracking};
use super::run::run_from;
use super::slipway::{Slipway, SlipwaySetup};
use super::trace::{Trace, whole};
use super::{Policy, Setup};

const TASKS: u32 = 10;
const TARGET: f64 = 0.6;
/// The second of the earliest step: a quarter of an hour and more of rest before it.
const FIRST: u64 = 1800;
/// How long an answer is awaited.
const PATIENCE: u64 = 1200;

/// The mean of the seconds from a step of the load to the call that adds tasks; nothing where
/// none is added within 20 minutes.
pub(super) fn seconds(name: &str, setup: &Setup, own: &SlipwaySetup) -> Option<f64> {
    let setup = Setup {
        capacity: 10.0,
        min: TASKS,
        max: TASKS * 10,
        ..setup.clone()
    };
    let full = f64::from(TASKS) * setup.capacity;
    let mut sum = 0;
    for phase in 0..60 {
        let at = FIRST + phase;
        let trace = Trace::step(0.2 * full, full, at, at + PATIENCE);
        let run = run_from(policy(name, &setup, own)?, &trace, &setup, TASKS);
        let (action, _) = run.asked.iter().find(|(second, _)| *second >= at)?;
        sum += action - at;
    }
    Some(whole(sum) / 60.0)
}

fn policy<'a>(name: &str, setup: &Setup, own: &'a SlipwaySetup) -> Option<Box<dyn Policy + 'a>> {
    Some(match name {
        "slipway" => Box::new(Slipway::new(own, setup)),
        "target-tracking-60s" => Box::new(TargetTracking::new(TARGET, 60, Inwards::DEFAULT, setup)),
        "target-tracking-20s" => Box::new(TargetTracking::new(TARGET, 20, Inwards::DEFAULT, setup)),
        "step" => Box::new(StepScaling::new(TARGET, 0.2, setup)),
        "seed" => Box::new(Seed::new(setup)),
        "hpa" => Box::new(Hpa::new(TARGET, hpa::STABILISATION)),
        "kpa" => Box::new(Kpa::new(TARGET, kpa::STABLE)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Telemetry;
    use super::*;

    fn reaction(name: &str) -> f64 {
        reaction_with(name, Telemetry::Published)
    }

    fn reaction_with(name: &str, telemetry: Telemetry) -> f64 {
        let setup = Setup {
            telemetry,
            ..Setup::with_capacity(1.0)
        };
        seconds(name, &setup, &SlipwaySetup::by_default()).unwrap()
    }

    /// AWS, 18 June 2026: 363 s with 60-second metrics, 86 s with 20-second ones.
    #[test]
    fn the_model_reproduces_what_aws_measured() {
        for (name, measured) in [
            ("target-tracking-60s", 363.0),
            ("target-tracking-20s", 86.0),
        ] {
            let ours = reaction(name);
            let off = (ours - measured).abs() / measured;
            assert!(
                off <= 0.1,
                "{name}: {ours} s in the model, {measured} s measured"
            );
        }
    }

    #[test]
    fn kubernetes_has_faster_telemetry() {
        // The stable window is above its target when half of it has passed.
        assert!((30.0..=33.0).contains(&reaction_with("kpa", Telemetry::Own)));
        assert!(reaction_with("hpa", Telemetry::Own) < 30.0);
        assert!(reaction("step") < reaction("target-tracking-60s"));
    }

    #[test]
    fn on_ecs_nobody_is_faster_than_the_points() {
        // Half a point, its delay, and the wait for a look.
        for name in ["hpa", "kpa"] {
            let (own, published) = (reaction_with(name, Telemetry::Own), reaction(name));
            assert!(published >= own + 15.0, "{name}: {own} s, {published} s");
        }
    }
}
