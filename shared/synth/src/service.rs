//! The ECS service.

use serde_json::{Value, json};
use slipway_domain::manifest::Capacity;

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, reference};
use crate::template::Template;
use crate::{cluster, load_balancer, network, task};

pub(crate) const SERVICE: &str = "Service";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let settings = &site.effective.settings;
    let launch_type = match settings.capacity {
        Capacity::Fargate => "FARGATE",
    };
    to.add(
        SERVICE,
        json!({
            "Type": "AWS::ECS::Service",
            // ECS refuses a target group that no load balancer uses yet.
            "DependsOn": [load_balancer::RULE],
            "Properties": {
                "Cluster": reference(cluster::CLUSTER),
                "TaskDefinition": reference(task::DEFINITION),
                "LaunchType": launch_type,
                "DeploymentConfiguration": {
                    // Never fewer tasks than wanted; new ones come beside the old.
                    "MinimumHealthyPercent": 100,
                    "MaximumPercent": 200,
                    "DeploymentCircuitBreaker": {"Enable": true, "Rollback": true},
                },
                "HealthCheckGracePeriodSeconds": settings.health.grace,
                "AvailabilityZoneRebalancing": "ENABLED",
                "NetworkConfiguration": {
                    "AwsvpcConfiguration": {
                        "AssignPublicIp": "DISABLED",
                        "Subnets": site.platform.private_subnets,
                        "SecurityGroups": [attribute(network::TASK_GROUP, "GroupId")],
                    },
                },
                "LoadBalancers": [{
                    "ContainerName": task::CONTAINER,
                    "ContainerPort": settings.port,
                    "TargetGroupArn": reference(load_balancer::TARGET_GROUP),
                }],
                "EnableECSManagedTags": true,
                "PropagateTags": "SERVICE",
            },
        }),
    );
}

/// Renders the number of tasks, which is otherwise not the template's to say.
pub(crate) fn set_desired_count(template: &mut Template, count: u32) {
    let properties = template
        .resource_mut(SERVICE)
        .and_then(|service| service.get_mut("Properties"))
        .and_then(Value::as_object_mut);
    if let Some(properties) = properties {
        properties.insert("DesiredCount".to_owned(), count.into());
    }
}
