//! The platform's web ACL in front of a stack's load balancer, where the platform has one.
//!
//! HTTP APIs have no web ACL of their own ("Choose between REST APIs and HTTP APIs", API Gateway
//! developer guide): the first place behind one is the load balancer.

use serde_json::json;

use slipway_domain::Platform;

use crate::environment_stack::Resources;
use crate::intrinsic::reference;
use crate::load_balancer::LOAD_BALANCER;

const ASSOCIATION: &str = "WebAclAssociation";

pub(crate) fn add(to: &mut Resources, platform: &Platform) {
    let acl = &platform.web_acl;
    if acl.is_empty() {
        return;
    }
    to.add(
        ASSOCIATION,
        json!({
            "Type": "AWS::WAFv2::WebACLAssociation",
            "Properties": {"ResourceArn": reference(LOAD_BALANCER), "WebACLArn": acl},
        }),
    );
}
