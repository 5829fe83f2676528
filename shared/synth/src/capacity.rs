//! What tasks run on: Fargate on demand, Fargate Spot, or the platform's instances.
//!
//! On demand is a launch type; the others are capacity providers of the cluster, chosen by a
//! strategy. CloudFormation's documents and its schema differ in what a change from one to the
//! other does ("some interruptions", and a property that cannot change in some cases), and the way
//! back fails in place where the service was made with a strategy ("No launch type to fall back
//! to", `AWS::ECS::Service`). So a service with a strategy also says its scheduling strategy, which
//! is ECS's default and cannot change: going either way is a new service, for certain. An output
//! tells the next look which way a stack went.

use serde_json::{Value, json};
use slipway_domain::manifest::Capacity;

use crate::cluster;
use crate::environment_stack::{Resources, Site};
use crate::intrinsic::reference;
use crate::service::SERVICE;
use crate::template::Template;

/// The output that says where tasks are placed: the cluster, and how the service asks for capacity.
/// A template without it has a cluster of its own and a launch type. Where it differs from the
/// stack's, the ECS service is replaced.
pub const PLACEMENT_OUTPUT: &str = "Placement";

/// Which capacity providers the service's own cluster has.
const ASSOCIATIONS: &str = "CapacityProviders";

const ON_DEMAND: &str = "FARGATE";
pub(crate) const SPOT: &str = "FARGATE_SPOT";

/// What [`PLACEMENT_OUTPUT`] says, if it is said.
pub(crate) fn placement(site: &Site<'_>) -> Option<&'static str> {
    let by_strategy = strategy(site).is_some();
    match (cluster::is_own(site), by_strategy) {
        (true, false) => None,
        (true, true) => Some("own cluster, capacity providers"),
        (false, false) => Some("shared cluster, launch type"),
        (false, true) => Some("shared cluster, capacity providers"),
    }
}

impl Template {
    /// Where tasks are placed, in the words of [`PLACEMENT_OUTPUT`].
    pub fn placement(&self) -> Option<&str> {
        self.as_value()["Outputs"][PLACEMENT_OUTPUT]["Value"].as_str()
    }

    /// How many of `count` tasks of the service run on Fargate on demand.
    pub fn on_demand(&self, count: u32) -> u32 {
        let service = self.resource(SERVICE).map(|it| &it["Properties"]);
        let items = service.and_then(|it| it["CapacityProviderStrategy"].as_array());
        let Some(items) = items else {
            return count;
        };
        let item = items.iter().find(|it| it["CapacityProvider"] == ON_DEMAND);
        let base = item.and_then(|it| it["Base"].as_u64()).unwrap_or_default();
        count.min(u32::try_from(base).unwrap_or(u32::MAX))
    }
}

/// Gives the service's own cluster the capacity providers that the service uses.
///
/// A resource of its own: a service that leaves Spot is changed before this goes, where a property
/// of the cluster would have to change first, and ECS refuses to take a provider in use away.
pub(crate) fn associate(to: &mut Resources, site: &Site<'_>) {
    if strategy(site).is_none() {
        return;
    }
    to.add(
        ASSOCIATIONS,
        json!({
            "Type": "AWS::ECS::ClusterCapacityProviderAssociations",
            "Properties": {
                "Cluster": reference(cluster::CLUSTER),
                "CapacityProviders": [ON_DEMAND, SPOT],
                "DefaultCapacityProviderStrategy": [],
            },
        }),
    );
}

/// Puts the strategy in the place of the launch type, where there is one.
pub(crate) fn choose(service: &mut Value, site: &Site<'_>) {
    let Some(strategy) = strategy(site) else {
        return;
    };
    if cluster::is_own(site) {
        let mut after = service["DependsOn"].take();
        match after.as_array_mut() {
            Some(after) => after.push(ASSOCIATIONS.into()),
            None => after = json!([ASSOCIATIONS]),
        }
        service["DependsOn"] = after;
    }
    if let Some(properties) = service["Properties"].as_object_mut() {
        properties.shift_remove("LaunchType");
        properties.insert("SchedulingStrategy".to_owned(), "REPLICA".into());
        properties.insert("CapacityProviderStrategy".to_owned(), strategy);
        properties.insert("PlacementStrategies".to_owned(), placement_of(site));
    }
}

/// The logical id of [`associate`]'s resource, where there is one.
pub(crate) fn association(site: &Site<'_>) -> Option<&'static str> {
    (cluster::is_own(site) && strategy(site).is_some()).then_some(ASSOCIATIONS)
}

fn strategy(site: &Site<'_>) -> Option<Value> {
    let settings = &site.effective.settings;
    match settings.capacity {
        Capacity::Fargate => None,
        Capacity::FargateSpot => {
            let spot = json!({"CapacityProvider": SPOT, "Weight": 1});
            Some(match settings.spot.base {
                0 => json!([spot]),
                // Its weight is 0: no task beyond the base is on demand.
                base => json!([
                    {"CapacityProvider": ON_DEMAND, "Base": base, "Weight": 0},
                    spot,
                ]),
            })
        }
        Capacity::Ec2 => {
            // A platform without instances takes no manifest that wants them.
            let ec2 = site.platform.ec2.as_ref();
            let provider = ec2.map_or("", |ec2| ec2.provider.as_str());
            Some(json!([{"CapacityProvider": provider, "Weight": 1}]))
        }
    }
}

/// Over the zones first, as Fargate does by itself, and in each on as few instances as hold the
/// tasks, so that the others can go. Said on Fargate too, where there is none: what a template
/// leaves out, ECS keeps.
fn placement_of(site: &Site<'_>) -> Value {
    match site.effective.settings.capacity {
        Capacity::Fargate | Capacity::FargateSpot => json!([]),
        Capacity::Ec2 => json!([
            {"Type": "spread", "Field": "attribute:ecs.availability-zone"},
            {"Type": "binpack", "Field": "memory"},
        ]),
    }
}
