//! The ECS cluster: the service's own, with Container Insights, or the platform's.

use serde_json::{Value, json};
use slipway_domain::manifest::Cluster;

use crate::environment_stack::{Resources, Site};
use crate::{capacity, intrinsic, logs, tags};

pub(crate) const CLUSTER: &str = "Cluster";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    if !is_own(site) {
        return;
    }
    to.add(
        CLUSTER,
        json!({
            "Type": "AWS::ECS::Cluster",
            // Container Insights makes its log group at once, and without retention.
            "DependsOn": [logs::INSIGHTS],
            "Properties": {
                "ClusterName": site.cluster_name(),
                "ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}],
                "Tags": tags::lifeline(site.platform),
            },
        }),
    );
    capacity::associate(to, site);
}

/// Whether the service has a cluster of its own.
pub(crate) fn is_own(site: &Site<'_>) -> bool {
    match site.effective.settings.cluster {
        Cluster::Dedicated => true,
        Cluster::Shared => false,
    }
}

/// The cluster's name, by which services, metrics and scalable targets know it.
pub(crate) fn reference(site: &Site<'_>) -> Value {
    if is_own(site) {
        intrinsic::reference(CLUSTER)
    } else {
        site.platform.shared_cluster.as_str().into()
    }
}
