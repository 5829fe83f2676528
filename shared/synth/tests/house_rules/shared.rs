//! What a service has on a load balancer of the platform's, and what it leaves to the platform.

use serde_json::{Value, json};
use slipway_domain::balancer::priorities;
use slipway_domain::manifest::{Authorization, Ingress};
use slipway_domain::{Balancer, Effective, Platform};
use slipway_synth::Template;

use super::{Rules, of_type};

fn balancers<'a>(effective: &Effective, platform: &'a Platform) -> &'a [Balancer] {
    effective.settings.way_in().balancers(platform)
}

/// Whether a text is what metrics call one of the platform's load balancers.
pub(super) fn is_balancer(text: &Value, platform: &Platform) -> bool {
    let shared = platform.shared_load_balancers.iter();
    shared
        .chain(&platform.public_load_balancers)
        .any(|it| *text == it.full_name())
}

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    for (kind, what) in [
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "load balancer"),
        ("AWS::ElasticLoadBalancingV2::Listener", "listener"),
        ("AWS::ApiGatewayV2::Integration", "integration"),
    ] {
        rules.hold(
            of_type(template, kind).is_empty(),
            &format!("there is a {what} beside the platform's"),
        );
    }
    let forwarding = of_type(template, "AWS::ElasticLoadBalancingV2::ListenerRule");
    rules.hold(forwarding.len() == 1, "not exactly one rule");
    let rule = &forwarding[0]["Properties"];
    let on = balancers(effective, platform).iter();
    let on = on.filter(|it| rule["ListenerArn"] == it.listener.as_str());
    rules.hold(on.count() == 1, "the rule is on another listener");
    let Some(path) = &effective.path else {
        rules.hold(false, "there is no path");
        return;
    };
    rules.hold(
        rule["Priority"]
            .as_u64()
            .and_then(|it| u32::try_from(it).ok())
            .is_some_and(|it| priorities(path).contains(&it)),
        "the priority is not of the path's depth",
    );
    conditions(rules, rule, effective, path.as_str());
    names(rules, template);
    routes(rules, template, effective, platform, path.as_str());
}

fn conditions(rules: &mut Rules, rule: &Value, effective: &Effective, path: &str) {
    let all = rule["Conditions"].as_array().cloned().unwrap_or_default();
    rules.hold(
        all[0]["PathPatternConfig"]["Values"] == json!([path, format!("{path}/*")]),
        "the rule is for other paths",
    );
    let is_guarded = effective.settings.authorization != Authorization::None;
    rules.hold(
        all.len() == if is_guarded { 2 } else { 1 },
        "a rule of a guarded service wants its route, and no other does",
    );
    // AWS: each value has at most 128 characters, a rule at most five.
    let values = all.iter().flat_map(|condition| {
        ["PathPatternConfig", "HttpHeaderConfig"]
            .into_iter()
            .filter_map(|config| condition[config]["Values"].as_array())
            .flatten()
    });
    let values: Vec<&str> = values.filter_map(Value::as_str).collect();
    rules.hold(
        values.len() <= 5 && values.iter().all(|it| it.len() <= 128),
        &format!("{values:?} are more than a rule takes"),
    );
    let rewrite = &rule["Transforms"][0]["UrlRewriteConfig"]["Rewrites"][0];
    rules.hold(
        rewrite.is_object() == effective.settings.strip_path,
        "the prefix is taken off although it should stay, or stays",
    );
}

fn names(rules: &mut Rules, template: &Template) {
    let groups = of_type(template, "AWS::ElasticLoadBalancingV2::TargetGroup");
    let mut names: Vec<&str> = groups
        .iter()
        .filter_map(|group| group["Properties"]["Name"].as_str())
        .collect();
    rules.hold(
        names.len() == groups.len() && names.iter().all(|it| it.len() <= 32),
        "a target group has no name, or one that is too long",
    );
    names.dedup();
    rules.hold(
        names.len() == groups.len(),
        "two target groups have one name",
    );
}

fn routes(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
    path: &str,
) {
    let routes = of_type(template, "AWS::ApiGatewayV2::Route");
    if effective.settings.way_in() == Ingress::Public {
        rules.hold(routes.is_empty(), "the HTTP API leads there as well");
        return;
    }
    let keys = [format!("ANY {path}"), format!("ANY {path}/{{proxy+}}")];
    rules.hold(
        routes
            .iter()
            .map(|it| &it["Properties"]["RouteKey"])
            .eq(&keys),
        "the routes are not the path and what lies below it",
    );
    for route in routes {
        let target = &route["Properties"]["Target"];
        let mut all = balancers(effective, platform).iter();
        rules.hold(
            all.any(|it| *target == format!("integrations/{}", it.integration)),
            "a route does not lead to the platform's integration",
        );
    }
}

/// Tasks hear the load balancer of the platform's, and nobody else.
pub(super) fn network(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let ingress = super::discovery::ingress_without_callers(template);
    let port = effective.settings.port;
    let is_open_to = |it: &Balancer| {
        let rule = &ingress[0]["Properties"];
        rule["SourceSecurityGroupId"] == it.security_group.as_str()
            && rule["FromPort"] == port
            && rule["ToPort"] == port
    };
    rules.hold(
        ingress.len() == 1 && balancers(effective, platform).iter().any(is_open_to),
        "tasks hear more than their load balancer",
    );
    let groups = of_type(template, "AWS::EC2::SecurityGroup");
    rules.hold(
        groups.len() == 1,
        "there are more groups than that of the tasks",
    );
}
