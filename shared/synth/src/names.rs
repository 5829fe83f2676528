//! The physical names that are fixed. `CloudFormation` names everything else.
//!
//! A name is fixed where people or other systems look for it (cluster, repository, log
//! groups, task definition family), or where what was kept is imported again by its name.

use slipway_domain::{DeploymentId, EnvironmentName, Platform, ServiceName};

/// The ECS cluster of an environment: `{platform}-{service}-cluster-{env}`.
pub fn cluster(platform: &Platform, service: &ServiceName, env: &EnvironmentName) -> String {
    format!("{}-{service}-cluster-{env}", platform.name)
}

/// The family of an environment's task definitions: `{platform}-{service}-{env}`.
pub fn family(platform: &Platform, service: &ServiceName, env: &EnvironmentName) -> String {
    format!("{}-{service}-{env}", platform.name)
}

/// The log group of an environment's containers: `/aws/ecs/{platform}-{service}-{env}`.
pub fn log_group(platform: &Platform, service: &ServiceName, env: &EnvironmentName) -> String {
    format!("/aws/ecs/{}", family(platform, service, env))
}

/// The log group that Container Insights writes a cluster's performance into.
pub fn insights_log_group(cluster: &str) -> String {
    format!("/aws/ecs/containerinsights/{cluster}/performance")
}

/// The image repository of a service, which all its environments share:
/// `{platform}-{service}-{default environment}`.
pub fn repository(platform: &Platform, service: &ServiceName) -> String {
    family(platform, service, &platform.environment)
}

/// An alarm that a service names: `{platform}--{service}--{env}-{logical id}`. The service cannot
/// refer to it, because the alarm refers to the service.
pub(crate) fn alarm(
    platform: &Platform,
    service: &ServiceName,
    env: &EnvironmentName,
    logical_id: &str,
) -> String {
    format!("{}--{service}--{env}-{logical_id}", platform.name)
}

/// The beginning of the tags that keep images from expiring.
pub const KEPT_TAG_PREFIX: &str = "slipway-";

/// The tag that keeps the image of a deployment from expiring: `slipway-{env}-{id}`.
pub fn kept_tag(env: &EnvironmentName, deployment: DeploymentId) -> String {
    let id = deployment.to_string().to_lowercase();
    format!("{KEPT_TAG_PREFIX}{env}-{id}")
}
