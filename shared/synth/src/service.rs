//! The ECS service.

use serde_json::{Value, json};
use slipway_domain::manifest::Settings;

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, reference};
use crate::template::Template;
use crate::{capacity, cluster, discovery, load_balancer, network, rollout, task, traffic};

pub(crate) const SERVICE: &str = "Service";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let settings = &site.effective.settings;
    let has_load_balancer = settings.way_in().has_load_balancer();
    let mut service = json!({"Type": "AWS::ECS::Service"});
    if has_load_balancer && !settings.deploy.strategy.shifts() {
        // ECS refuses a target group that no load balancer uses yet. Where traffic moves, the
        // service names the rule itself.
        service["DependsOn"] = json!([load_balancer::RULE]);
    }
    service["Properties"] = json!({
        "Cluster": cluster::reference(site),
        "TaskDefinition": reference(task::DEFINITION),
        "LaunchType": "FARGATE",
        "DeploymentConfiguration": rollout::configuration(site),
        "HealthCheckGracePeriodSeconds": settings.health.grace,
        "AvailabilityZoneRebalancing": rollout::rebalancing(settings),
        "NetworkConfiguration": {
            "AwsvpcConfiguration": {
                "AssignPublicIp": "DISABLED",
                "Subnets": site.platform.private_subnets,
                "SecurityGroups": network::groups(site),
            },
        },
        "LoadBalancers": [load_balancer(settings)],
        "EnableECSManagedTags": true,
        "PropagateTags": "SERVICE",
    });
    if let Some(registries) = discovery::registries(site) {
        service["Properties"]["ServiceRegistries"] = registries;
    }
    if settings.exec {
        service["Properties"]["EnableExecuteCommand"] = true.into();
    }
    if let Some(properties) = service["Properties"].as_object_mut()
        && !has_load_balancer
    {
        properties.shift_remove("HealthCheckGracePeriodSeconds");
        properties.shift_remove("LoadBalancers");
    }
    capacity::choose(&mut service, site);
    if settings.scaling.resolution < 60 {
        // Left out otherwise: 60 is what ECS has, and to say so would be an update of every
        // service that never had anything else.
        service["Properties"]["Monitoring"] = json!({
            "MetricConfigurations": [{
                "MetricNames": ["CPUUtilization", "MemoryUtilization"],
                "ResolutionSeconds": settings.scaling.resolution,
            }],
        });
    }
    to.add(SERVICE, service);
}

fn load_balancer(settings: &Settings) -> Value {
    let mut balancer = json!({
        "ContainerName": task::CONTAINER,
        "ContainerPort": settings.port,
        "TargetGroupArn": reference(load_balancer::TARGET_GROUP),
    });
    if settings.deploy.strategy.shifts() {
        balancer["AdvancedConfiguration"] = json!({
            "AlternateTargetGroupArn": reference(load_balancer::ALTERNATE),
            "ProductionListenerRule": reference(load_balancer::RULE),
            "RoleArn": attribute(traffic::ROLE, "Arn"),
        });
    }
    balancer
}

impl Template {
    /// The template for a service that is made anew, with `count` tasks: the one that it replaces
    /// has them, and CloudFormation would begin with one. Its digest stays.
    #[must_use]
    pub fn beginning_with(mut self, count: u32) -> Self {
        begin(&mut self, count);
        self
    }
}

/// Renders the number of tasks, which is otherwise not the template's to say, and lets the first
/// deployment go by itself: nothing runs that traffic could stay with until somebody promotes
/// it, and nothing that ECS could go back to when nobody does.
pub(crate) fn begin(template: &mut Template, count: u32) {
    let properties = template
        .resource_mut(SERVICE)
        .and_then(|service| service.get_mut("Properties"))
        .and_then(Value::as_object_mut);
    if let Some(properties) = properties {
        properties.insert("DesiredCount".to_owned(), count.into());
        let deployment = properties.get_mut("DeploymentConfiguration");
        if let Some(deployment) = deployment.and_then(Value::as_object_mut) {
            deployment.remove("LifecycleHooks");
        }
    }
}
