//! The way of a request, and what runs at its end.

use serde_json::{Value, json};
use slipway_domain::manifest::Ingress;
use slipway_domain::{Effective, Platform, RoutePath};
use slipway_synth::Template;

use super::{Rules, discovery, of_type, shared};

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let settings = &effective.settings;
    let resources = &template.as_value()["Resources"];
    let port = json!(settings.port);
    let task = &resources["TaskDefinition"]["Properties"];
    let service = &resources["Service"]["Properties"];
    let container = &task["ContainerDefinitions"][0];
    container_rules(rules, service);
    variables(rules, effective, container);
    rules.hold(task["NetworkMode"] == "awsvpc", "Fargate has awsvpc only");
    rules.hold(
        if settings.kind.listens() {
            container["PortMappings"][0]["ContainerPort"] == port
        } else {
            container["PortMappings"].is_null()
        },
        "the mapped port is not the container's",
    );
    if settings.way_in() == Ingress::CloudMap {
        if let Some(path) = &effective.path {
            routes(rules, template, effective, path);
        }
        discovery::way_in(rules, template, effective, platform);
        return;
    }
    if !settings.way_in().has_load_balancer() {
        nothing_leads_there(rules, template);
        return;
    }
    let mut groups = of_type(template, "AWS::ElasticLoadBalancingV2::TargetGroup");
    // Whoever wakes the service is no task of it: see `scaling.rs`.
    groups.retain(|group| group["Properties"]["TargetType"] != "lambda");
    let target = &groups[0]["Properties"];
    let nameless = |group: &Value| {
        let mut properties = group["Properties"].clone();
        properties.as_object_mut().map(|it| it.shift_remove("Name"));
        properties
    };
    rules.hold(
        groups
            .iter()
            .all(|group| nameless(group) == nameless(groups[0])),
        "the target groups differ",
    );
    rules.hold(
        target["TargetType"] == "ip",
        "targets of awsvpc tasks are addresses",
    );
    for (what, value) in [
        ("the target group's port", &target["Port"]),
        (
            "the service's port",
            &service["LoadBalancers"][0]["ContainerPort"],
        ),
    ] {
        rules.hold(*value == port, &format!("{what} is not the container's"));
    }
    rules.hold(
        service["LoadBalancers"][0]["ContainerName"] == container["Name"],
        "the service balances a container that is not there",
    );

    if settings.way_in().is_platforms() {
        shared::hold(rules, template, effective, platform);
    } else {
        listener(rules, template, settings.listener_port);
        if let Some(path) = &effective.path {
            routes(rules, template, effective, path);
        }
    }

    let after = resources["Service"]["DependsOn"].as_array();
    let waits = after.is_some_and(|after| after.contains(&json!("ListenerRule")));
    rules.hold(
        // Where traffic moves it refers to the rule; a test of strategies holds that.
        waits != settings.deploy.strategy.shifts(),
        "the service does not wait for the rule",
    );
}

/// No way in, and none that is only half there.
fn nothing_leads_there(rules: &mut Rules, template: &Template) {
    let leads = |(id, resource): (&str, &Value)| {
        let kind = resource["Type"].as_str().unwrap_or_default();
        let is_way = [
            "ElasticLoadBalancingV2",
            "ApiGatewayV2",
            "SecurityGroupIngress",
        ]
        .iter()
        .any(|it| kind.contains(it));
        (is_way && !discovery::is_of_a_name(id)).then(|| id.to_owned())
    };
    let ways: Vec<String> = template.resources().filter_map(leads).collect();
    rules.hold(ways.is_empty(), &format!("{ways:?} lead to the tasks"));
    let service = &template.as_value()["Resources"]["Service"];
    rules.hold(
        service["Properties"].get("LoadBalancers").is_none()
            && service["DependsOn"] != json!(["ListenerRule"]),
        "the service expects a load balancer",
    );
}

fn container_rules(rules: &mut Rules, service: &Value) {
    let breaker = &service["DeploymentConfiguration"]["DeploymentCircuitBreaker"];
    rules.hold(
        breaker["Enable"] == true && breaker["Rollback"] == true,
        "a deployment that fails does not roll back",
    );
    rules.hold(
        service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED",
        "tasks have public addresses",
    );
}

fn variables(rules: &mut Rules, effective: &Effective, container: &Value) {
    let names: Vec<&str> = ["Environment", "Secrets"]
        .iter()
        .flat_map(|list| container[*list].as_array().into_iter().flatten())
        .filter_map(|variable| variable["Name"].as_str())
        .collect();
    let mut once = names.clone();
    once.sort_unstable();
    once.dedup();
    rules.hold(once.len() == names.len(), "a variable is set twice");
    let kind = effective.settings.kind;
    let of_kind = [
        (kind.listens(), "PORT"),
        (kind.has_own_queue(), "QUEUE_URL"),
    ];
    let of_kind = of_kind.iter().filter(|(is_set, _)| *is_set);
    let all = of_kind.map(|(_, name)| *name);
    for name in all.chain(["AWS_REGION", "ENVIRONMENT"]) {
        rules.hold(names.contains(&name), &format!("{name} is not set"));
    }
}

/// The default is 404, and what is forwarded went through a rule.
fn listener(rules: &mut Rules, template: &Template, port: u16) {
    let listener = &template.as_value()["Resources"]["Listener"]["Properties"];
    rules.hold(listener["Port"] == port, "the listener listens elsewhere");
    let action = &listener["DefaultActions"][0];
    rules.hold(
        action["Type"] == "fixed-response" && action["FixedResponseConfig"]["StatusCode"] == "404",
        "the listener's default is not 404",
    );
    rules.hold(
        action["FixedResponseConfig"]["MessageBody"]
            .as_str()
            .is_some_and(|body| serde_json::from_str::<Value>(body).is_ok()),
        "the listener's default is not JSON",
    );
    let forwarding = of_type(template, "AWS::ElasticLoadBalancingV2::ListenerRule");
    rules.hold(
        forwarding.len() == 1 && forwarding[0]["Properties"]["Actions"][0]["Type"] == "forward",
        "not exactly one rule forwards",
    );
    // AWS: a path pattern has at most 128 characters, a rule at most five values.
    let patterns = forwarding
        .iter()
        .filter_map(|rule| {
            rule["Properties"]["Conditions"][0]["PathPatternConfig"]["Values"].as_array()
        })
        .flatten()
        .filter_map(Value::as_str);
    for pattern in patterns {
        rules.hold(
            pattern.len() <= 128,
            &format!("{pattern} is too long for a rule"),
        );
    }
    rules.hold(
        template.as_value()["Resources"]["LoadBalancer"]["Properties"]["Scheme"] == "internal",
        "the load balancer is public",
    );
}

fn routes(rules: &mut Rules, template: &Template, effective: &Effective, path: &RoutePath) {
    let keys: Vec<String> = of_type(template, "AWS::ApiGatewayV2::Route")
        .iter()
        .filter_map(|route| route["Properties"]["RouteKey"].as_str())
        .map(str::to_owned)
        .collect();
    rules.hold(
        keys == [format!("ANY {path}"), format!("ANY {path}/{{proxy+}}")],
        "the routes are not the path and what lies below it",
    );
    let to = match effective.settings.way_in() {
        Ingress::CloudMap => json!({"Fn::GetAtt": ["Name", "Arn"]}),
        _ => json!({"Ref": "Listener"}),
    };
    let integrations = of_type(template, "AWS::ApiGatewayV2::Integration");
    rules.hold(
        integrations.len() == if effective.settings.strip_path { 2 } else { 1 },
        "there are too few or too many integrations",
    );
    for integration in integrations {
        let properties = &integration["Properties"];
        rules.hold(
            properties["ConnectionType"] == "VPC_LINK" && properties["IntegrationUri"] == to,
            "an integration does not lead to the listener, or to the tasks' name",
        );
        rules.hold(
            properties["RequestParameters"]
                .get("overwrite:path")
                .is_some()
                == effective.settings.strip_path,
            "the prefix is taken off although it should stay, or stays",
        );
    }
}
