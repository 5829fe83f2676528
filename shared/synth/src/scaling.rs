//! The bounds of the number of tasks.
//!
//! A scalable target without policies: it holds the bounds and can be paused, and does
//! nothing of its own. Registering it moves the count into the bounds.

use serde_json::json;

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, path, reference};
use crate::{cluster, service};

const TARGET: &str = "ScalableTarget";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let scaling = &site.effective.settings.scaling;
    to.add(
        TARGET,
        json!({
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "ServiceNamespace": "ecs",
                "ScalableDimension": "ecs:service:DesiredCount",
                "ResourceId": path(&[
                    json!("service"),
                    reference(cluster::CLUSTER),
                    attribute(service::SERVICE, "Name"),
                ]),
                "MinCapacity": scaling.min,
                "MaxCapacity": scaling.max,
            },
        }),
    );
}
