//! The role with which ECS moves traffic between a service's two target groups.
//!
//! It may do what AWS's policy for this purpose says (`AmazonECSInfrastructureRolePolicyForLoadBalancers`
//! in the AWS managed policy reference), to the two groups and the one rule of this stack. What
//! that policy says of listeners is left out: traffic goes through the rule.

use serde_json::json;

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::reference;
use crate::load_balancer::{ALTERNATE, RULE, TARGET_GROUP};
use crate::roles::Role;

pub(crate) const ROLE: &str = "TrafficRole";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let statements = [
        json!({
            "Sid": "See",
            "Effect": "Allow",
            "Action": [
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeRules",
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeTargetHealth",
            ],
            // IAM knows no resource for these.
            "Resource": "*",
        }),
        json!({
            "Sid": "Targets",
            "Effect": "Allow",
            "Action": [
                "elasticloadbalancing:RegisterTargets",
                "elasticloadbalancing:DeregisterTargets",
            ],
            "Resource": [reference(TARGET_GROUP), reference(ALTERNATE)],
        }),
        json!({
            "Sid": "Weights",
            "Effect": "Allow",
            "Action": "elasticloadbalancing:ModifyRule",
            "Resource": reference(RULE),
        }),
    ];
    let role = Role {
        what: "Moves the traffic of",
        service: "ecs",
        source: site.arn("ecs", "*"),
        always_says: false,
        boundary: &site.platform.permissions_boundary,
    };
    to.add(ROLE, role.with(site, "traffic", &statements));
}
