//! What the platform is: the values that `template.yaml` hands to its functions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::balancer::Balancer;
use crate::capacity::InstanceCapacity;
use crate::discovery::Namespace;
use crate::image::Image;
use crate::name::{EnvironmentName, PlatformName, ServiceName};
use crate::schema;
use crate::secret::SecretReference;

/// The platform's values, as in the variable `SLIPWAY_PLATFORM` and the output
/// `PlatformValues` of `template.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// The platform's name, which prefixes everything.
    pub name: PlatformName,
    /// The default environment.
    pub environment: EnvironmentName,
    /// The AWS partition, such as `aws`.
    pub partition: String,
    /// The region.
    pub region: String,
    /// The account's id, 12 digits.
    pub account: String,
    /// The id of the VPC.
    pub vpc: String,
    /// The ids of the private subnets, one per zone.
    pub private_subnets: Vec<String>,
    /// The ids of the subnets of databases, one per zone, from which no way leads out; none on a
    /// platform of an earlier version, which has no databases.
    #[serde(default)]
    pub database_subnets: Vec<String>,
    /// The id of the VPC link.
    pub vpc_link: String,
    /// The id of the VPC link's security group.
    pub vpc_link_security_group: String,
    /// The id of the HTTP API.
    pub api: String,
    /// The URL of the HTTP API, without a slash at its end.
    pub api_endpoint: String,
    /// The IAM path of the roles of services, such as `/slipway/devops2-g4/`.
    pub role_path: String,
    /// The ARN of the permissions boundary of the roles of services.
    pub permissions_boundary: String,
    /// The ARN of the permissions boundary of the roles that start jobs and their tasks; empty on a
    /// platform of an earlier version, which has no jobs.
    #[serde(default)]
    pub job_boundary: String,
    /// The name of the role with which CodeDeploy moves the traffic of functions; empty on a
    /// platform of an earlier version, where it moves at once.
    #[serde(default)]
    pub shift_role: String,
    /// The ARN of the topic for alerts.
    pub alerts_topic: String,
    /// The ARN of the function that wakes services that sleep; empty on a platform of an earlier
    /// version, where none sleeps.
    #[serde(default)]
    pub waker: String,
    /// The name of the cluster that services share; empty on a platform of an earlier version,
    /// where each has its own.
    #[serde(default)]
    pub shared_cluster: String,
    /// Whether Container Insights looks at that cluster.
    #[serde(default)]
    pub shared_insights: bool,
    /// The EC2 instances that services may run on; none where the platform has none.
    #[serde(default)]
    pub ec2: Option<InstanceCapacity>,
    /// The id of the authorizer that knows tokens of the platform's issuer; empty where it has none.
    #[serde(default)]
    pub authorizer: String,
    /// The DNS namespace in which services find each other; none where the platform has none.
    #[serde(default)]
    pub discovery: Option<Namespace>,
    /// The ARN of the web ACL in front of the services' load balancers; empty where there is none.
    #[serde(default)]
    pub web_acl: String,
    /// The image of the container that takes traces, beside those that are traced.
    #[serde(default = "collector")]
    pub collector_image: Image,
    /// Prefixes under which a service's secrets must lie; `{service}` stands for its name.
    pub secret_prefixes: Vec<String>,
    /// What the names of buckets, tables, queues, topics and buses must begin with that services
    /// may use; `{service}` stands for the service's name. Empty on a platform of an earlier
    /// version, where they may use none.
    #[serde(default)]
    pub resource_prefixes: Vec<String>,
    /// Registries from which images may come; any, when empty.
    #[serde(default)]
    pub allowed_registries: Vec<String>,
    /// Where images of a registry are looked up instead of at the registry itself: its host, and
    /// an address below which `/v2/` is. Tasks still pull from the image's own registry.
    #[serde(default)]
    pub registry_mirrors: BTreeMap<String, String>,
    /// Internal load balancers that services share, in the order in which they fill.
    #[serde(default)]
    pub shared_load_balancers: Vec<Balancer>,
    /// Load balancers in front of services that callers of the internet reach without the HTTP API.
    #[serde(default)]
    pub public_load_balancers: Vec<Balancer>,
    /// What of the platform itself is billed for being there; nothing is known of a platform of
    /// an earlier version.
    #[serde(default)]
    pub billed: Billed,
}

/// How many there are of what the platform has of its own and pays for by the hour or month.
/// `template.yaml` counts them, by its own conditions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Billed {
    /// NAT gateways; each has one public address.
    pub nat_gateways: u64,
    /// Interface endpoints, once for each zone that they are in.
    pub endpoints: u64,
    /// Metrics that alarms watch.
    pub alarms: u64,
    /// KMS keys.
    pub keys: u64,
    /// Secrets.
    pub secrets: u64,
    /// Dashboards of `CloudWatch`.
    pub dashboards: u64,
    /// Load balancers that services share, internal and public.
    pub load_balancers: u64,
    /// Addresses of the public one: one for each zone.
    pub load_balancer_addresses: u64,
    /// Web ACLs.
    #[serde(default)]
    pub web_acls: u64,
    /// The rules of them, one of a managed group's each.
    #[serde(default)]
    pub web_acl_rules: u64,
    /// DNS zones.
    #[serde(default)]
    pub zones: u64,
}

/// AWS's distribution of the OpenTelemetry collector, of 2026-05; where `template.yaml` says
/// nothing else.
fn collector() -> Image {
    schema::literal("public.ecr.aws/aws-observability/aws-otel-collector:v0.48.0")
}

impl Platform {
    /// The prefixes under which the secrets of `service` must lie.
    pub fn secret_prefixes_of(&self, service: &ServiceName) -> Vec<String> {
        self.secret_prefixes
            .iter()
            .map(|prefix| prefix.replace("{service}", service.as_str()))
            .collect()
    }

    /// What the names must begin with of things that `service` may use.
    pub fn resource_prefixes_of(&self, service: &ServiceName) -> Vec<String> {
        self.resource_prefixes
            .iter()
            .map(|prefix| prefix.replace("{service}", service.as_str()))
            .collect()
    }

    /// Whether a service may name a bucket, a table, a queue, a topic or a bus. The platform's own
    /// the permissions boundary denies whatever the prefixes say.
    pub fn allows_name(&self, service: &ServiceName, name: &str) -> bool {
        self.resource_prefixes_of(service)
            .iter()
            .any(|prefix| name.starts_with(prefix.as_str()))
    }

    /// Whether images may come from where this one does.
    pub fn allows_registry(&self, image: &Image) -> bool {
        let mut allowed = self.allowed_registries.iter();
        self.allowed_registries.is_empty() || allowed.any(|it| it == image.registry())
    }

    /// Whether a service may read the secret. The platform's own (`/{platform}/_platform/`:
    /// webhook and database-master secrets) are out of reach whatever the prefixes say.
    pub fn allows_secret(&self, service: &ServiceName, secret: &SecretReference) -> bool {
        let reserved = format!("{}/_platform/", self.name);
        !secret.name().trim_start_matches('/').starts_with(&reserved)
            && self
                .secret_prefixes_of(service)
                .iter()
                .any(|prefix| secret.is_under(prefix))
    }

    /// Sample values, for rendering without a platform.
    ///
    /// # Panics
    /// Never: the sample is part of the program, and a test reads it.
    pub fn sample() -> Self {
        serde_json::from_str(include_str!("platform.sample.json"))
            .unwrap_or_else(|error| panic!("the sample platform: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_without_mirrors_and_one_with_them_are_read() {
        let mut values = serde_json::to_value(Platform::sample()).unwrap();
        assert_eq!(values["registry_mirrors"], serde_json::json!({}));
        let mirrors = serde_json::json!({"docker.io": "https://mirror.example/hub"});
        values["registry_mirrors"] = mirrors;
        let platform: Platform = serde_json::from_value(values.clone()).unwrap();
        assert_eq!(
            platform.registry_mirrors["docker.io"],
            "https://mirror.example/hub"
        );
        // What a platform of an earlier version says.
        values.as_object_mut().unwrap().remove("registry_mirrors");
        let platform: Platform = serde_json::from_value(values).unwrap();
        assert!(platform.registry_mirrors.is_empty());
    }

    #[test]
    fn what_is_billed_is_read_and_is_nothing_where_an_earlier_version_does_not_say() {
        let mut values = serde_json::to_value(Platform::sample()).unwrap();
        values["billed"] = serde_json::json!({"nat_gateways": 2, "alarms": 7});
        let billed = serde_json::from_value::<Platform>(values.clone())
            .unwrap()
            .billed;
        assert_eq!(
            (billed.nat_gateways, billed.alarms, billed.endpoints),
            (2, 7, 0)
        );
        values.as_object_mut().unwrap().remove("billed");
        let platform: Platform = serde_json::from_value(values).unwrap();
        assert_eq!(platform.billed, Billed::default());
    }
}
