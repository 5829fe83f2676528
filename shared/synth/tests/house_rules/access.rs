//! Who may do what and talk to whom, and the names that are fixed.

use serde_json::{Value, json};
use slipway_domain::{Effective, Platform};
use slipway_synth::Template;

use super::{Rules, of_type};

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    roles(rules, template, effective, platform);
    network(rules, template, effective, platform);
    names(rules, template, effective, platform);
}

fn roles(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let found = of_type(template, "AWS::IAM::Role");
    let shifts = effective.settings.deploy.strategy.shifts();
    rules.hold(
        found.len() == if shifts { 3 } else { 2 },
        "there are too many roles, or too few",
    );
    let traffic = &template.as_value()["Resources"]["TrafficRole"];
    rules.hold(traffic.is_object() == shifts, "who moves traffic?");
    for role in found {
        let properties = &role["Properties"];
        rules.hold(
            properties["Path"] == platform.role_path,
            "a role is outside the path",
        );
        rules.hold(
            properties["PermissionsBoundary"] == platform.permissions_boundary,
            "a role has no boundary",
        );
        let trust = &properties["AssumeRolePolicyDocument"]["Statement"][0];
        let (who, equals, like) = if role == traffic {
            (
                "ecs.amazonaws.com",
                "StringEqualsIfExists",
                "ArnLikeIfExists",
            )
        } else {
            ("ecs-tasks.amazonaws.com", "StringEquals", "ArnLike")
        };
        rules.hold(
            trust["Principal"] == json!({"Service": who})
                && trust["Condition"][equals]["aws:SourceAccount"] == platform.account
                && trust["Condition"][like]["aws:SourceArn"].is_string(),
            "a role trusts more than this account's tasks, or its services",
        );
        rules.hold(
            properties["ManagedPolicyArns"].is_null(),
            "a role has a managed policy",
        );
        let statements = properties["Policies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|policy| policy["PolicyDocument"]["Statement"].as_array())
            .flatten();
        for statement in statements {
            let everything = texts(&statement["Resource"]).any(|resource| resource == "*");
            rules.hold(
                !everything || texts(&statement["Action"]).all(knows_no_resource),
                &format!("{} may be done to everything", statement["Action"]),
            );
            rules.hold(
                texts(&statement["Action"]).all(|action| !action.contains('*')),
                &format!("{} is more than one action", statement["Action"]),
            );
        }
    }
    rules.hold(
        template.as_value()["Resources"]["TaskRole"]["Properties"]["Policies"].is_null(),
        "the task role may do something",
    );
}

/// Actions for which IAM has no resource.
fn knows_no_resource(action: &str) -> bool {
    action == "ecr:GetAuthorizationToken" || action.starts_with("elasticloadbalancing:Describe")
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().into_iter().flatten();
    list.chain(value.is_string().then_some(value))
        .filter_map(Value::as_str)
}

/// Every open port, and for whom.
fn network(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let resources = &template.as_value()["Resources"];
    let range = |port: u16, rule: &Value| rule["FromPort"] == port && rule["ToPort"] == port;
    rules.hold(
        resources["TaskSecurityGroup"]["Properties"]["SecurityGroupIngress"].is_null(),
        "tasks are open",
    );
    if !effective.settings.ingress.has_load_balancer() {
        return;
    }
    if effective.settings.ingress.is_platforms() {
        super::shared::network(rules, template, effective, platform);
        return;
    }
    let balancer = &resources["LoadBalancerSecurityGroup"]["Properties"];
    let (ingress, egress) = (
        &balancer["SecurityGroupIngress"],
        &balancer["SecurityGroupEgress"],
    );
    rules.hold(
        ingress.as_array().is_some_and(|rules| rules.len() == 1)
            && range(effective.settings.listener_port, &ingress[0])
            && ingress[0]["SourceSecurityGroupId"] == platform.vpc_link_security_group,
        "the load balancer hears more than the VPC link",
    );
    rules.hold(
        egress.as_array().is_some_and(|rules| rules.len() == 1)
            && range(effective.settings.port, &egress[0])
            && egress[0]["DestinationSecurityGroupId"]
                == json!({"Fn::GetAtt": ["TaskSecurityGroup", "GroupId"]}),
        "the load balancer reaches more than its tasks",
    );
    let ingress = of_type(template, "AWS::EC2::SecurityGroupIngress");
    rules.hold(
        ingress.len() == 1
            && range(effective.settings.port, &ingress[0]["Properties"])
            && ingress[0]["Properties"]["SourceSecurityGroupId"]
                == json!({"Fn::GetAtt": ["LoadBalancerSecurityGroup", "GroupId"]}),
        "tasks hear more than their load balancer",
    );
}

fn names(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let (name, service, env) = (&platform.name, &effective.service, &effective.environment);
    let cluster = format!("{name}-{service}-cluster-{env}");
    let resources = &template.as_value()["Resources"];
    rules.hold(
        resources["Cluster"]["Properties"]["ClusterName"] == cluster,
        "the cluster has another name",
    );
    rules.hold(
        resources["TaskDefinition"]["Properties"]["Family"] == format!("{name}-{service}-{env}"),
        "the family has another name",
    );
    let groups = of_type(template, "AWS::Logs::LogGroup");
    let found: Vec<&Value> = groups
        .iter()
        .map(|g| &g["Properties"]["LogGroupName"])
        .collect();
    rules.hold(
        found
            == [
                &json!(format!("/aws/ecs/{name}-{service}-{env}")),
                &json!(format!("/aws/ecs/containerinsights/{cluster}/performance")),
            ],
        "the log groups have other names",
    );
    for group in groups {
        rules.hold(
            group["Properties"]["RetentionInDays"] == effective.settings.logs.retention,
            "a log group is kept for another time",
        );
    }
    rules.hold(
        resources["Cluster"]["DependsOn"] == json!(["InsightsLogGroup"]),
        "Container Insights may be first to make its log group",
    );
}
