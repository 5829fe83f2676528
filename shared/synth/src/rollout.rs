//! How ECS replaces tasks: the strategy, its steps, and what ends a deployment.
//!
//! All is written out, defaults too: what a template leaves out, ECS keeps as it was.

use serde_json::{Value, json};
use slipway_domain::Strategy;
use slipway_domain::manifest::Settings;

use crate::alarms;
use crate::environment_stack::Site;

pub(crate) fn configuration(site: &Site<'_>) -> Value {
    let deploy = &site.effective.settings.deploy;
    let alarms = alarms::that_roll_back(site);
    let is_watched = !alarms.is_empty();
    let mut configuration = json!({
        "Strategy": match deploy.strategy {
            Strategy::Rolling => "ROLLING",
            Strategy::BlueGreen => "BLUE_GREEN",
            Strategy::Canary => "CANARY",
            Strategy::Linear => "LINEAR",
        },
        "MinimumHealthyPercent": deploy.minimum_healthy,
        "MaximumPercent": deploy.maximum,
        "DeploymentCircuitBreaker": {
            "Enable": true,
            "Rollback": true,
            "ThresholdConfiguration": match deploy.circuit_breaker.failures {
                Some(failures) => json!({"Type": "COUNT", "Value": failures}),
                None => json!({
                    "Type": "BOUNDED_PERCENT",
                    "Value": deploy.circuit_breaker.percent,
                }),
            },
        },
        "Alarms": {"AlarmNames": alarms, "Enable": is_watched, "Rollback": is_watched},
    });
    match deploy.strategy {
        Strategy::Rolling => return configuration,
        Strategy::BlueGreen => {}
        Strategy::Canary => {
            configuration["CanaryConfiguration"] = json!({
                "CanaryPercent": deploy.canary.percent,
                "CanaryBakeTimeInMinutes": deploy.canary.bake,
            });
        }
        Strategy::Linear => {
            configuration["LinearConfiguration"] = json!({
                "StepPercent": deploy.linear.percent,
                "StepBakeTimeInMinutes": deploy.linear.bake,
            });
        }
    }
    configuration["BakeTimeInMinutes"] = deploy.bake.into();
    if let Some(minutes) = deploy.pause {
        configuration["LifecycleHooks"] = json!([{
            "TargetType": "PAUSE",
            // Once, when the new tasks run and have no traffic. The stage before the shift comes
            // before each of its steps.
            "LifecycleStages": ["POST_SCALE_UP"],
            "TimeoutConfiguration": {"TimeoutInMinutes": minutes, "Action": "ROLLBACK"},
        }]);
    }
    configuration
}

/// ECS moves tasks between zones by starting a new one first, and refuses to where none may come
/// beside those that are wanted ("Balancing an Amazon ECS service across Availability Zones").
pub(crate) fn rebalancing(settings: &Settings) -> &'static str {
    if settings.deploy.maximum > 100 {
        "ENABLED"
    } else {
        "DISABLED"
    }
}
