//! The physical names that are fixed. `CloudFormation` names everything else.
//!
//! A name is fixed where people or other systems look for it (cluster, repository, log
//! groups, task definition family), or where what was kept is imported again by its name.

use slipway_domain::{DeploymentId, EnvironmentName, Platform, ServiceName};

use crate::template::sha256;

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

/// The log group of an environment's function: `/aws/lambda/{platform}--{service}--{env}`. The
/// platform's own functions have groups with one hyphen.
pub fn function_log_group(
    platform: &Platform,
    service: &ServiceName,
    env: &EnvironmentName,
) -> String {
    format!("/aws/lambda/{}--{service}--{env}", platform.name)
}

/// The state machine of a job: `{platform}--{service}--{env}`, at most 76 of the 80 characters that
/// Step Functions takes. CloudFormation would name it without its stack, by which permissions go.
pub fn state_machine(platform: &Platform, service: &ServiceName, env: &EnvironmentName) -> String {
    format!("{}--{service}--{env}", platform.name)
}

/// The cluster of a database: `{platform}-{service}-{env}`, or its beginning with a hash behind it
/// where that is too long: RDS takes 63 characters.
pub fn database(platform: &Platform, service: &ServiceName, env: &EnvironmentName) -> String {
    let name = family(platform, service, env);
    if name.len() <= 63 {
        return name;
    }
    let hash = sha256(name.as_bytes());
    // Two hyphens in a row would be refused.
    let start = name[..46].trim_end_matches('-');
    format!("{start}-{}", &hash[..16])
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

/// The dashboard of an environment: `{platform}--{service}--{env}-{region}`. Dashboards belong to
/// an account and no region, so that one service in two regions needs two names.
pub(crate) fn dashboard(
    platform: &Platform,
    service: &ServiceName,
    env: &EnvironmentName,
) -> String {
    format!("{}--{service}--{env}-{}", platform.name, platform.region)
}

/// The target group that wakes an environment: `slipway-wake-{hash}`, where the hash is of the
/// stack's name, because names of target groups have 32 characters. By the beginning, and the
/// account, the waker is allowed to be called.
pub fn wake_target_group(
    platform: &Platform,
    service: &ServiceName,
    env: &EnvironmentName,
) -> String {
    let stack = format!("{}--{service}--{env}", platform.name);
    let hash = sha256(stack.as_bytes());
    format!("slipway-wake-{}", &hash[..19])
}

/// A target group on a load balancer that several services share: `slipway-{hash}-1`, of the stack's
/// name and `part`. No name begins as those of [`wake_target_group`] do: `w` is no digit.
pub(crate) fn target_group(
    platform: &Platform,
    service: &ServiceName,
    env: &EnvironmentName,
    part: &str,
) -> String {
    let hash = sha256(format!("{}--{service}--{env} {part}", platform.name).as_bytes());
    format!("slipway-{}{FIRST}", &hash[..22])
}

/// How the name of the first of two target groups ends.
const FIRST: &str = "-1";

/// The name of the target group that takes turns with the one of this name.
pub(crate) fn second_target_group(first: &str) -> String {
    format!("{}-2", first.strip_suffix(FIRST).unwrap_or(first))
}

/// The beginning of the tags that keep images from expiring. Nobody deploys by them, and their
/// pushes, which are ours, start nothing.
pub const KEPT_TAG_PREFIX: &str = "slipway-";

/// The tag that keeps the image of a deployment from expiring: `slipway-{env}-{id}`.
pub fn kept_tag(env: &EnvironmentName, deployment: DeploymentId) -> String {
    let id = deployment.to_string().to_lowercase();
    format!("{KEPT_TAG_PREFIX}{env}-{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_group_that_wakes_has_a_name_of_its_own_in_the_room_there_is() {
        let platform = Platform::sample();
        let service: ServiceName = "orders".parse().unwrap();
        let name = |env: &str| wake_target_group(&platform, &service, &env.parse().unwrap());
        assert_eq!(name("prod").len(), 32);
        assert!(name("prod").starts_with("slipway-wake-"));
        assert_ne!(name("prod"), name("qa"));
    }

    #[test]
    fn a_kept_tag_is_a_tag_and_names_environment_and_deployment() {
        let environment: EnvironmentName = "abcdefghijkl".parse().unwrap();
        let deployment: DeploymentId = "01K9X2V3W4Y5Z6A7B8C9D0E1F2".parse().unwrap();
        let tag = kept_tag(&environment, deployment);
        assert_eq!(tag, "slipway-abcdefghijkl-01k9x2v3w4y5z6a7b8c9d0e1f2");
        // Of the 128 characters that a tag may have.
        assert_eq!(tag.len(), 47);
        let image: slipway_domain::Image = format!("a/b:{tag}").parse().unwrap();
        assert_eq!(image.tag(), Some(tag.as_str()));
    }
}
