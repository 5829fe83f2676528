//! Who may do what and talk to whom, and the names that are fixed.

use serde_json::{Value, json};
use slipway_domain::manifest::Cluster;
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
    task_role(rules, template, effective, platform);
}

/// The code of a service may do what its manifest permits, and where that is nothing, nothing.
pub(super) fn task_role(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let policies = &template.as_value()["Resources"]["TaskRole"]["Properties"]["Policies"];
    let permissions = &effective.settings.permissions;
    let settings = &effective.settings;
    rules.hold(
        policies.is_null()
            == (permissions.is_empty()
                && settings.volumes.is_empty()
                && !settings.tracing
                && !settings.exec
                && !settings.kind.has_own_queue()),
        "the task role may do something that nobody permits, or nothing",
    );
    // IAM counts no blanks, and there are none in this form but in texts.
    rules.hold(
        policies.to_string().len() < 10_240,
        "the task role's policy is too large for IAM",
    );
    let prefixes = platform.resource_prefixes_of(&effective.service);
    let statements = &policies[0]["PolicyDocument"]["Statement"];
    for statement in statements.as_array().into_iter().flatten() {
        for resource in texts(&statement["Resource"]) {
            let what: Vec<&str> = resource.splitn(6, ':').collect();
            let ["arn", _, service, region, account, name] = what[..] else {
                rules.hold(resource == "*", &format!("{resource} is no ARN"));
                continue;
            };
            let is_here = (region == platform.region && account == platform.account)
                || (service == "s3" && region.is_empty() && account.is_empty())
                || service == "bedrock";
            rules.hold(is_here, &format!("{resource} is elsewhere"));
            let name = name.strip_prefix("table/").unwrap_or(name);
            let name = name.strip_prefix("event-bus/").unwrap_or(name);
            rules.hold(
                matches!(service, "bedrock" | "elasticfilesystem" | "kms")
                    || prefixes.iter().any(|it| name.starts_with(it)),
                &format!("{resource} is not the service's to name"),
            );
        }
        let is_s3 = texts(&statement["Action"]).any(|action| action.starts_with("s3:"));
        let account = &statement["Condition"]["StringEquals"]["aws:ResourceAccount"];
        rules.hold(
            !is_s3 || *account == platform.account,
            "a bucket may be of another account",
        );
    }
}

/// Actions for which IAM has no resource.
pub(super) fn knows_no_resource(action: &str) -> bool {
    action == "ecr:GetAuthorizationToken"
        || action == "cloudwatch:PutMetricData"
        || action.starts_with("ssmmessages:")
        || action.starts_with("xray:")
        || action.starts_with("elasticloadbalancing:Describe")
}

pub(super) fn texts(value: &Value) -> impl Iterator<Item = &str> {
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
    if !effective.settings.way_in().has_load_balancer() {
        return;
    }
    if effective.settings.way_in().is_platforms() {
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
    let ingress = super::discovery::ingress_without_callers(template);
    rules.hold(
        ingress.len() == 1
            && range(effective.settings.port, &ingress[0]["Properties"])
            && ingress[0]["Properties"]["SourceSecurityGroupId"]
                == json!({"Fn::GetAtt": ["LoadBalancerSecurityGroup", "GroupId"]}),
        "tasks hear more than their load balancer",
    );
}

pub(super) fn names(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let (name, service, env) = (&platform.name, &effective.service, &effective.environment);
    let cluster = format!("{name}-{service}-cluster-{env}");
    let resources = &template.as_value()["Resources"];
    let own = effective.settings.cluster == Cluster::Dedicated;
    if own {
        rules.hold(
            resources["Cluster"]["Properties"]["ClusterName"] == cluster,
            "the cluster has another name",
        );
    }
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
        !own || resources["Cluster"]["DependsOn"] == json!(["InsightsLogGroup"]),
        "Container Insights may be first to make its log group",
    );
}
