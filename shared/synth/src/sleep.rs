//! What wakes a service that sleeps: a target group with the platform's waker in it.
//!
//! Nothing leads to it in the template. While the service sleeps, the control plane puts a rule
//! before the service's own, outside the stack, and takes it away when a task is healthy: no
//! update and no repair of the stack touches it.
//!
//! Whether the waker may be called is said once, in the platform's own template, for all target
//! groups by the beginning of their names: the policy of a function has room for 20 KB, which is
//! some 50 services.

use serde_json::{Value, json};

use crate::environment_stack::{Resources, Site};
use crate::names;

/// The target group of the waker.
pub const WAKE_TARGET_GROUP: &str = "WakeTargetGroup";
/// The priority of the rule that leads to it.
pub const WAKE_PRIORITY: u32 = 1;

/// Whether the service may sleep behind a load balancer, which calls the waker. What a queue wakes
/// needs none.
pub(crate) fn is_possible(site: &Site<'_>) -> bool {
    let settings = &site.effective.settings;
    settings.way_in().has_load_balancer() && settings.scaling.may_sleep()
}

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let name = names::wake_target_group(
        site.platform,
        &site.effective.service,
        &site.effective.environment,
    );
    to.add(
        WAKE_TARGET_GROUP,
        json!({
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {
                "Name": name,
                "TargetType": "lambda",
                "Targets": [{"Id": site.platform.waker}],
                // Who is sent to the same address again keeps a query that names a key twice.
                "TargetGroupAttributes": [
                    {"Key": "lambda.multi_value_headers.enabled", "Value": "true"},
                ],
            },
        }),
    );
}

/// Lets the listener go before the target group does: with it goes the rule that uses the group,
/// which CloudFormation does not know.
pub(crate) fn outlives(listener: &mut Value) {
    listener["DependsOn"] = json!([WAKE_TARGET_GROUP]);
}
