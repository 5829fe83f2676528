//! The bounds of the number of tasks, and AWS's own policies where the manifest asks for them.
//!
//! A scalable target without policies holds the bounds and can be paused, and does nothing of its
//! own; the platform's scaler sets the number. Registering it moves the number into the bounds.
//! With `by: target-tracking` it has policies, and the platform's scaler keeps its hands off.

use serde_json::{Value, json};
use slipway_domain::scaling::{ScaledBy, Scaling};

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, path, reference};
use crate::load_balancer::{self, TARGET_GROUP};
use crate::{cluster, service};

const TARGET: &str = "ScalableTarget";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let scaling = &site.effective.settings.scaling;
    to.add(
        TARGET,
        json!({
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "ServiceNamespace": "ecs",
                "ScalableDimension": "ecs:service:DesiredCount",
                "ResourceId": path(&[
                    json!("service"),
                    cluster::reference(site),
                    attribute(service::SERVICE, "Name"),
                ]),
                "MinCapacity": scaling.min,
                "MaxCapacity": scaling.max,
            },
        }),
    );
    match scaling.by {
        ScaledBy::Alarms => {}
        ScaledBy::TargetTracking => track(to, site, scaling),
    }
}

/// Seconds after tasks were added in which only more than those are added, and after any change
/// in which none are taken away. AWS's default is 300 for both, its examples for ECS have these
/// ("Create a target tracking scaling policy for Amazon ECS service auto scaling").
const OUT_COOLDOWN: u32 = 60;
const IN_COOLDOWN: u32 = 300;

fn track(to: &mut Resources, site: &Site<'_>, scaling: &Scaling) {
    // With 20 seconds, ECS publishes such points before the policy exists: it refers to the
    // service by way of the scalable target.
    let suffix = if scaling.resolution < 60 {
        "HighResolution"
    } else {
        ""
    };
    for (name, band) in [("CPU", &scaling.cpu), ("Memory", &scaling.memory)] {
        let metric = format!("ECSServiceAverage{name}Utilization{suffix}");
        let metric = json!({"PredefinedMetricType": metric});
        let id = if name == "CPU" {
            "TrackCpu"
        } else {
            "TrackMemory"
        };
        to.add(id, policy(&name.to_lowercase(), &metric, band.high));
    }
    if let Some(requests) = scaling.requests {
        let metric = json!({
            "PredefinedMetricType": "ALBRequestCountPerTarget",
            "ResourceLabel": path(&[
                load_balancer::full_name(site),
                attribute(TARGET_GROUP, "TargetGroupFullName"),
            ]),
        });
        let mut policy = policy("requests", &metric, requests);
        // The group must be in use by its load balancer, which the rule brings about.
        policy["DependsOn"] = json!([load_balancer::RULE]);
        to.add("TrackRequests", policy);
    }
}

fn policy(name: &str, metric: &Value, target: u32) -> Value {
    json!({
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": name,
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": reference(TARGET),
            "TargetTrackingScalingPolicyConfiguration": {
                "PredefinedMetricSpecification": metric,
                "TargetValue": target,
                "ScaleOutCooldown": OUT_COOLDOWN,
                "ScaleInCooldown": IN_COOLDOWN,
            },
        },
    })
}
