//! Where each item lies.

use jiff::Timestamp;
use slipway_domain::{DeploymentId, EnvironmentName, RoutePath, Scope, ServiceName, TeamName};
use ulid::Ulid;

/// The sort key of a service's newest generation.
pub(super) const SPEC: &str = "SPEC";
/// The partition key of the index over services by team.
pub(super) const SERVICES: &str = "SERVICE";

/// The same, of the index over databases.
pub(super) const DATABASES: &str = "DATABASE";

/// Partition and sort key.
pub(super) type Key = (String, String);

pub(super) fn service(name: &ServiceName) -> String {
    format!("SERVICE#{name}")
}

pub(super) fn spec(name: &ServiceName) -> Key {
    (service(name), SPEC.to_owned())
}

/// Padded, so that the order of the keys is the order of the numbers.
pub(super) fn generation(name: &ServiceName, generation: u64) -> Key {
    (service(name), format!("GENERATION#{generation:012}"))
}

pub(super) fn audit(name: &ServiceName, id: Ulid) -> Key {
    (service(name), format!("AUDIT#{id}"))
}

pub(super) fn stack(name: &ServiceName, scope: &Scope, region: &str) -> Key {
    (service(name), format!("STACK#{scope}#{region}"))
}

pub(super) fn deployments(environment: &EnvironmentName) -> String {
    format!("DEPLOYMENT#{environment}#")
}

pub(super) fn deployment(
    name: &ServiceName,
    environment: &EnvironmentName,
    id: DeploymentId,
) -> Key {
    (service(name), format!("{}{id}", deployments(environment)))
}

/// What is remembered of an environment's scaling. It sorts before `SPEC`, and right beside it.
pub(super) fn scaler(name: &ServiceName, environment: &EnvironmentName, region: &str) -> Key {
    (service(name), format!("SCALER#{environment}#{region}"))
}

pub(super) fn decisions(environment: &EnvironmentName, region: &str) -> String {
    format!("DECISION#{environment}#{region}#")
}

/// With milliseconds always, so that the order of the keys is the order of the times.
pub(super) fn decision(
    name: &ServiceName,
    environment: &EnvironmentName,
    region: &str,
    at: Timestamp,
) -> Key {
    let prefix = decisions(environment, region);
    (service(name), format!("{prefix}{at:.3}"))
}

pub(super) fn path(path: &RoutePath) -> Key {
    (format!("CLAIM#path#{path}"), "CLAIM".to_owned())
}

pub(super) fn places(name: &str, region: &str) -> Key {
    (format!("CLAIM#places#{region}#{name}"), "CLAIM".to_owned())
}

pub(super) fn database(name: &ServiceName) -> Key {
    (format!("CLAIM#database#{name}"), "CLAIM".to_owned())
}

pub(super) fn operations(region: &str) -> Key {
    (format!("CLAIM#operations#{region}"), "CLAIM".to_owned())
}

pub(super) fn seen(name: &ServiceName, key: &str) -> Key {
    (format!("SEEN#api#{name}#{key}"), "SEEN".to_owned())
}

/// No service can be called `-`.
pub(super) fn seen_of_upgrades(key: &str) -> Key {
    (format!("SEEN#api#-#{key}"), "SEEN".to_owned())
}

pub(super) fn upgrade(region: &str) -> Key {
    (format!("PLATFORM#upgrade#{region}"), "UPGRADE".to_owned())
}

/// Where a service lies among all, by team and name.
pub(super) fn listed(team: &TeamName, name: &ServiceName) -> String {
    format!("{team}#{name}")
}

/// Where a stack lies: right behind its service, the service's own one (`-`) first, since `#`
/// sorts before every character of a name, and `-` before every letter.
pub(super) fn listed_stack(team: &TeamName, name: &ServiceName, scope: &Scope) -> String {
    format!("{team}#{name}#{scope}")
}
