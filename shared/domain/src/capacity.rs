//! What tasks run on, and beside whom.
//!
//! A choice of each service, and none of the platform: on demand or on spare capacity, on Fargate
//! or on instances, in a cluster of its own or with others. What a platform does not have is told
//! at registration, with the parameter that would bring it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::{Architecture, Capacity, Cluster, Settings};
use crate::platform::Platform;
use crate::problem::Broken;
use crate::schema;

/// How tasks are shared out between Fargate on demand and Fargate Spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Spot {
    /// How many tasks run on demand before any runs on Spot: those stay when AWS takes its
    /// capacity back. All further tasks run on Spot.
    #[schemars(range(min = 0, max = 5000))]
    pub base: u32,
}

impl Default for Spot {
    fn default() -> Self {
        Self { base: 1 }
    }
}

/// The platform's EC2 instances, as its values name them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceCapacity {
    /// The name of the shared cluster's capacity provider.
    pub provider: String,
    /// The type of the instances, such as `m5.large`.
    pub instance_type: String,
    /// The architecture of the instances, and so of what can run on them.
    pub architecture: Architecture,
}

impl Architecture {
    /// As a manifest names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// Rules between the fields of one manifest.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let mut broken = Vec::new();
    if settings.capacity == Capacity::Ec2 && settings.cluster != Cluster::Shared {
        let detail = "is `ec2`, and the platform's instances belong to its shared cluster: \
                      `cluster: shared` has to be said as well";
        broken.push(Broken::new("/capacity", &["/cluster"], detail.to_owned()));
    }
    if settings.capacity == Capacity::Ec2 && settings.storage.is_some() {
        let detail = "is a disk of Fargate's; on the platform's instances all tasks share the instance's, \
                      so leave it out with `capacity: ec2`";
        broken.push(Broken::new("/storage", &["/capacity"], detail.to_owned()));
    }
    if settings.capacity != Capacity::FargateSpot && settings.spot != Spot::default() {
        let detail = "is for `capacity: fargate-spot`: leave it out";
        broken.push(Broken::unused(
            "/spot/base",
            &["/capacity"],
            detail.to_owned(),
        ));
    }
    broken
}

/// What the platform lacks for these settings: the field, and what would be right.
pub(crate) fn missing(settings: &Settings, platform: &Platform) -> Vec<(&'static str, String)> {
    let mut missing = Vec::new();
    if settings.cluster == Cluster::Shared && platform.shared_cluster.is_empty() {
        let detail = "is `shared`, and this platform has no shared cluster yet: `dedicated` would be \
                      right until the platform is updated";
        missing.push(("cluster", detail.to_owned()));
    }
    let counts_tasks = settings.scaling.metrics.iter().any(|metric| metric.total);
    if settings.cluster == Cluster::Shared && counts_tasks && !platform.shared_insights {
        let detail = "has a `total`, which is divided by the tasks that Container Insights counts, and \
                      on the shared cluster it is off: the platform's parameter \
                      `SharedClusterInsights` turns it on; a metric without `total` would be right \
                      until then";
        missing.push(("scaling", detail.to_owned()));
    }
    if settings.capacity == Capacity::Ec2 {
        match &platform.ec2 {
            None => missing.push((
                "capacity",
                "is `ec2`, and this platform has no instances: its parameter `Ec2InstanceType` names \
                 their type and makes them; `fargate` or `fargate-spot` would be right until then"
                    .to_owned(),
            )),
            Some(ec2) if ec2.architecture != settings.architecture => missing.push((
                "architecture",
                format!(
                    "is `{}`, and the platform's instances ({}) are `{}`: that would be right with \
                     `capacity: ec2`",
                    settings.architecture.name(),
                    ec2.instance_type,
                    ec2.architecture.name(),
                ),
            )),
            Some(_) => {}
        }
    }
    missing
}
