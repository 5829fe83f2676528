//! The role with which ECS moves traffic between a service's two target groups.
//!
//! It may do what AWS's policy for this purpose says (`AmazonECSInfrastructureRolePolicyForLoadBalancers`
//! in the AWS managed policy reference), to the two groups and the one rule of this stack. What
//! that policy says of listeners is left out: traffic goes through the rule.

use serde_json::json;

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::reference;
use crate::load_balancer::{ALTERNATE, RULE, TARGET_GROUP};

pub(crate) const ROLE: &str = "TrafficRole";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    to.add(
        ROLE,
        json!({
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Description": format!("Moves the traffic of {}", site.family()),
                "Path": site.platform.role_path,
                "PermissionsBoundary": site.platform.permissions_boundary,
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Effect": "Allow",
                        "Principal": {"Service": "ecs.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                        // Nobody else's services. IfExists: AWS does not say that ECS always
                        // sends these keys with this role.
                        "Condition": {
                            "StringEqualsIfExists": {"aws:SourceAccount": site.platform.account},
                            "ArnLikeIfExists": {"aws:SourceArn": site.arn("ecs", "*")},
                        },
                    }],
                },
                "Policies": [{
                    "PolicyName": "traffic",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": [
                        {
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
                        },
                        {
                            "Sid": "Targets",
                            "Effect": "Allow",
                            "Action": [
                                "elasticloadbalancing:RegisterTargets",
                                "elasticloadbalancing:DeregisterTargets",
                            ],
                            "Resource": [reference(TARGET_GROUP), reference(ALTERNATE)],
                        },
                        {
                            "Sid": "Weights",
                            "Effect": "Allow",
                            "Action": "elasticloadbalancing:ModifyRule",
                            "Resource": reference(RULE),
                        },
                    ]},
                }],
            },
        }),
    );
}
