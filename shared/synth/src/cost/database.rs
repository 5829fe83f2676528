//! What a database costs: capacity of all its instances, what it stores, and what it reads and
//! writes.

use serde_json::Value;

use super::VariesWith;
use super::assumptions::Assumptions;
use super::estimate::{HOURS, Item};
use super::money::Quantity;
use super::prices::Name;
use crate::intrinsic::reference;
use crate::template::Template;

/// GB that are taken to lie in a database. Backups of as much again are free (Amazon Aurora
/// pricing), and snapshots that outlive it come on top.
const STORED: u64 = 10;

/// A cluster of Aurora Serverless v2.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    instances: u64,
    /// The least capacity of an instance, in thousandths of a capacity unit.
    min: u64,
    /// The most.
    max: u64,
}

impl Cluster {
    /// What the cluster `id` is; `None` for one that is not serverless.
    pub(super) fn of(properties: &Value, id: &str, template: &Template) -> Option<Self> {
        let scaling = &properties["ServerlessV2ScalingConfiguration"];
        let own = reference(id);
        let instances = template
            .resources()
            .filter(|(_, it)| it["Type"] == "AWS::RDS::DBInstance")
            .filter(|(_, it)| it["Properties"]["DBClusterIdentifier"] == own);
        Some(Self {
            instances: u64::try_from(instances.count()).unwrap_or(u64::MAX),
            min: thousandths(&scaling["MinCapacity"])?,
            max: thousandths(&scaling["MaxCapacity"])?,
        })
    }
}

/// Capacity comes in steps of 0.5, of which every one is some thousandths.
fn thousandths(capacity: &Value) -> Option<u64> {
    let number = capacity.as_f64().filter(|it| (0.0..=256.0).contains(it))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was looked at"
    )]
    Some((number * 1000.0) as u64)
}

pub(super) fn items(cluster: &Cluster, assumed: &Assumptions) -> [Item; 3] {
    let hours = |capacity: u64| Quantity::thousandths(cluster.instances * capacity * HOURS);
    let idle = match cluster.min {
        0 => "paused at all hours".to_owned(),
        _ => "the least capacity at all hours".to_owned(),
    };
    let thousands = assumed.thousands_of_requests();
    [
        Item::new(
            "database capacity",
            Name::AuroraCapacity,
            hours(cluster.min),
        )
        .at_most(hours(cluster.max))
        .varying_with(VariesWith::Use)
        .assuming(idle),
        Item::new(
            "database storage",
            Name::AuroraStorage,
            Quantity::whole(STORED),
        )
        .varying_with(VariesWith::Use)
        .assuming(format!("{STORED} GB of data")),
        Item::new(
            "database, reads and writes",
            Name::AuroraRequests,
            Quantity::thousandths(thousands),
        )
        .varying_with(VariesWith::Use)
        .assuming(format!("one for each of {}", assumed.of_requests())),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cluster_that_is_not_serverless_is_not_known() {
        let template = Template::new("", serde_json::Map::new(), json!({}));
        assert_eq!(Cluster::of(&json!({}), "Cluster", &template), None);
        let scaling = json!({"MinCapacity": 0.5, "MaxCapacity": 1});
        let properties = json!({"ServerlessV2ScalingConfiguration": scaling});
        let cluster = Cluster::of(&properties, "Cluster", &template).unwrap();
        assert_eq!(
            (cluster.min, cluster.max, cluster.instances),
            (500, 1000, 0)
        );
    }
}
