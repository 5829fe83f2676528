//! The service's own ECS cluster, with Container Insights.

use serde_json::json;

use crate::environment_stack::{Resources, Site};
use crate::{logs, tags};

pub(crate) const CLUSTER: &str = "Cluster";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
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
}
