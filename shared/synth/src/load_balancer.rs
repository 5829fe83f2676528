//! The service's own internal load balancer.
//!
//! Traffic goes through an explicit rule; the listener's default is 404, never the service,
//! because ECS shifts traffic by changing rules. Where the strategy moves traffic, there are two
//! target groups that take turns, and the rule shares between them.

use serde_json::{Value, json};
use slipway_domain::Platform;

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, reference};
use crate::weights::{self, Weights};
use crate::{network, sleep};

pub(crate) const LOAD_BALANCER: &str = "LoadBalancer";
pub(crate) const TARGET_GROUP: &str = "TargetGroup";
/// The group that takes turns with the first.
pub(crate) const ALTERNATE: &str = "AlternateTargetGroup";
pub(crate) const LISTENER: &str = "Listener";
pub(crate) const RULE: &str = "ListenerRule";

/// The priority of the service's rule. There is room before it for the rule that wakes a service
/// ([`sleep::WAKE_PRIORITY`]); it is the same for all, so that a service that may not sleep any
/// more, and does, can still be updated.
const PRIORITY: u32 = 10;

/// Seconds that a leaving task may take to finish its requests; AWS's default, 300, is most
/// of a deployment's time. A target without requests leaves at once.
const DRAIN_SECONDS: u32 = 10;

/// Seconds after which a silent connection is closed: a little more than the 30 that the
/// HTTP API waits for an answer.
const IDLE_SECONDS: u32 = 35;

/// The groups that the service's tasks are in.
pub(crate) fn target_groups(site: &Site<'_>) -> &'static [&'static str] {
    if site.effective.settings.deploy.strategy.shifts() {
        &[TARGET_GROUP, ALTERNATE]
    } else {
        &[TARGET_GROUP]
    }
}

/// The name by which metrics know the load balancer.
pub(crate) fn full_name(site: &Site<'_>) -> Value {
    match &site.shared {
        Some(shared) => shared.full_name.clone(),
        None => attribute(LOAD_BALANCER, "LoadBalancerFullName"),
    }
}

/// The ARN of the listener that the service's rule is on.
pub(crate) fn listener_of(site: &Site<'_>) -> Value {
    match &site.shared {
        Some(shared) => shared.listener.clone(),
        None => reference(LISTENER),
    }
}

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let settings = &site.effective.settings;
    let group = attribute(network::LOAD_BALANCER_GROUP, "GroupId");
    to.add(LOAD_BALANCER, internal(site.platform, &group));
    for group in target_groups(site) {
        to.add(group, target_group(site));
    }
    let mut listener = listener(settings.listener_port.into());
    if sleep::is_possible(site) {
        sleep::add(to, site);
        sleep::outlives(&mut listener);
    }
    to.add(LISTENER, listener);
    to.add(RULE, rule(site, PRIORITY, &patterns(site)));
}

/// The service's rule: what lies under one of the patterns goes to its target groups.
pub(crate) fn rule(site: &Site<'_>, priority: u32, patterns: &[String]) -> Value {
    json!({
        "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Properties": {
            "ListenerArn": listener_of(site),
            "Priority": priority,
            "Conditions": [{
                "Field": "path-pattern",
                "PathPatternConfig": {"Values": patterns},
            }],
            "Actions": [if site.effective.settings.deploy.strategy.shifts() {
                weights::forward(Weights::FIRST)
            } else {
                json!({"Type": "forward", "TargetGroupArn": reference(TARGET_GROUP)})
            }],
        },
    })
}

/// A load balancer in the private subnets, with one security group.
pub(crate) fn internal(platform: &Platform, group: &Value) -> Value {
    json!({
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Properties": {
            "Type": "application",
            "Scheme": "internal",
            "IpAddressType": "ipv4",
            "Subnets": platform.private_subnets,
            "SecurityGroups": [group],
            "LoadBalancerAttributes": attributes(&[
                ("routing.http.drop_invalid_header_fields.enabled", "true"),
                ("idle_timeout.timeout_seconds", &IDLE_SECONDS.to_string()),
                // It goes when its service goes; `deletion_protection` of the manifest
                // protects both. A shared one goes with the last service on it.
                ("deletion_protection.enabled", "false"),
            ]),
        },
    })
}

/// The listener of the stack's load balancer.
pub(crate) fn listener(port: u32) -> Value {
    json!({
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": reference(LOAD_BALANCER),
            "Port": port,
            // TLS ends at the HTTP API; behind it is the VPC, and nobody but the VPC
            // link gets in.
            "Protocol": "HTTP",
            "DefaultActions": [{
                "Type": "fixed-response",
                "FixedResponseConfig": {
                    "StatusCode": "404",
                    "ContentType": "application/json",
                    "MessageBody": r#"{"message":"Not Found"}"#,
                },
            }],
        },
    })
}

/// What arrives at the load balancer: the HTTP API has taken the prefix off, or not.
fn patterns(site: &Site<'_>) -> Vec<String> {
    match &site.effective.path {
        Some(path) if !site.effective.settings.strip_path => {
            vec![path.to_string(), format!("{path}/*")]
        }
        Some(_) | None => vec!["/*".to_owned()],
    }
}

pub(crate) fn target_group(site: &Site<'_>) -> Value {
    let settings = &site.effective.settings;
    let health = &settings.health;
    json!({
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {
            "VpcId": site.platform.vpc,
            // Tasks have network interfaces of their own (awsvpc).
            "TargetType": "ip",
            "Protocol": "HTTP",
            "Port": settings.port,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPath": health.path,
            "HealthCheckIntervalSeconds": health.interval,
            "HealthCheckTimeoutSeconds": health.timeout,
            "HealthyThresholdCount": health.healthy,
            "UnhealthyThresholdCount": health.unhealthy,
            "Matcher": {"HttpCode": "200-399"},
            "TargetGroupAttributes": attributes(&[
                ("deregistration_delay.timeout_seconds", &DRAIN_SECONDS.to_string()),
                ("stickiness.enabled", "false"),
            ]),
        },
    })
}

fn attributes(pairs: &[(&str, &str)]) -> Vec<Value> {
    pairs
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}
