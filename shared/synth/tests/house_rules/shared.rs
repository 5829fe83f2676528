//! What a service has on a load balancer of the platform's, and what it leaves to the platform.

use serde_json::{Value, json};
use slipway_domain::balancer::priorities;
use slipway_domain::manifest::{Authorization, Ingress};
use slipway_domain::{Effective, Platform};
use slipway_synth::Template;

use super::{Rules, of_type};

/// A load balancer that services share, as their stacks name what is of it.
struct Known {
    listener: Value,
    group: Value,
    target: Value,
}

/// What the stack of a shared load balancer exports.
const EXPORTS: [&str; 3] = ["Listener", "LoadBalancerName", "Integration"];

/// What a service on a shared load balancer imports of its stack.
pub(super) fn imports(effective: &Effective, platform: &Platform) -> Vec<String> {
    if effective.settings.way_in() != Ingress::Shared {
        return Vec::new();
    }
    let names = Ingress::Shared.balancers(platform).into_iter();
    names
        .flat_map(|name| EXPORTS.map(|end| export(platform, &name, end)))
        .collect()
}

fn export(platform: &Platform, name: &str, end: &str) -> String {
    format!("{}--{name}--{}-{end}", platform.name, platform.environment)
}

fn balancers(effective: &Effective, platform: &Platform) -> Vec<Known> {
    if effective.settings.way_in() == Ingress::Shared {
        let of = |name: String| {
            let import = |end| json!({"Fn::ImportValue": export(platform, &name, end)});
            Known {
                listener: import("Listener"),
                group: platform.shared_security_group.as_str().into(),
                target: json!({"Fn::Join": ["/", ["integrations", import("Integration")]]}),
            }
        };
        let names = Ingress::Shared.balancers(platform);
        return names.into_iter().map(of).collect();
    }
    let public = platform.public_load_balancers.iter();
    let of = public.map(|it| Known {
        listener: it.listener.as_str().into(),
        group: it.security_group.as_str().into(),
        target: Value::Null,
    });
    of.collect()
}

/// Whether a text is what metrics call one of the platform's own load balancers.
pub(super) fn is_balancer(text: &Value, platform: &Platform) -> bool {
    let mut public = platform.public_load_balancers.iter();
    public.any(|it| *text == it.full_name())
}

/// The stack of a shared load balancer itself: internal, and by default it answers 404.
pub(super) fn hold_own(rules: &mut Rules, template: &Template, platform: &Platform) {
    let one = |rules: &mut Rules, kind: &str| {
        let found = of_type(template, kind);
        rules.hold(found.len() == 1, &format!("not exactly one {kind}"));
        found[0]["Properties"].clone()
    };
    let balancer = one(rules, "AWS::ElasticLoadBalancingV2::LoadBalancer");
    rules.hold(
        balancer["Scheme"] == "internal" && balancer["Subnets"] == json!(platform.private_subnets),
        "a shared load balancer is reached from outside",
    );
    rules.hold(
        balancer["SecurityGroups"] == json!([platform.shared_security_group]),
        "it carries another security group than the platform's",
    );
    let listener = one(rules, "AWS::ElasticLoadBalancingV2::Listener");
    rules.hold(
        listener["DefaultActions"][0]["FixedResponseConfig"]["StatusCode"] == "404",
        "the listener leads somewhere without a rule",
    );
    let integration = one(rules, "AWS::ApiGatewayV2::Integration");
    rules.hold(
        integration["IntegrationUri"] == json!({"Ref": "Listener"})
            && integration["ConnectionId"] == platform.vpc_link.as_str(),
        "the integration leads elsewhere",
    );
    rules.hold(
        integration["RequestParameters"]["overwrite:header.x-slipway-route"] == "$context.routeKey",
        "what callers write into the route's header arrives",
    );
    let guarded = of_type(template, "AWS::WAFv2::WebACLAssociation");
    rules.hold(
        guarded.len() == usize::from(!platform.web_acl.is_empty()),
        "the web ACL is not before it",
    );
    for end in EXPORTS {
        let exported = &template.as_value()["Outputs"][end]["Export"]["Name"];
        let name = exported.as_str().unwrap_or_default();
        rules.hold(name.ends_with(end), &format!("{end} is not exported"));
    }
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
    let on = balancers(effective, platform).into_iter();
    let on = on.filter(|it| rule["ListenerArn"] == it.listener);
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
        let mut all = balancers(effective, platform).into_iter();
        rules.hold(
            all.any(|it| *target == it.target),
            "a route does not lead to the load balancer's integration",
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
    let is_open_to = |it: &Known| {
        let rule = &ingress[0]["Properties"];
        rule["SourceSecurityGroupId"] == it.group
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
