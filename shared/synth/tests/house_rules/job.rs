//! A job: what starts it, as what its task runs, and that nothing else is there.

use serde_json::{Value, json};
use slipway_domain::manifest::{Capacity, Cluster};
use slipway_domain::{Effective, Platform};
use slipway_synth::Template;

use super::access::{self, knows_no_resource, texts};
use super::{Rules, of_type};

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let others = [
        "AWS::ECS::Service",
        "AWS::ElasticLoadBalancingV2::",
        "AWS::SQS::",
        "AWS::ApiGatewayV2::",
        "AWS::ApplicationAutoScaling::",
        "AWS::EC2::SecurityGroupIngress",
    ];
    let is_other = |kind: &str| others.iter().any(|it| kind.starts_with(it));
    rules.hold(
        template
            .resources()
            .all(|(_, it)| !is_other(it["Type"].as_str().unwrap_or_default())),
        "a job has what is of services",
    );
    access::names(rules, template, effective, platform);
    access::task_role(rules, template, effective, platform);
    machine(rules, template, effective, platform);
    schedule(rules, template, effective);
    roles(rules, template, effective, platform);
}

fn machine(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let machine = &template.as_value()["Resources"]["StateMachine"];
    let properties = &machine["Properties"];
    let text = properties["DefinitionString"].as_str().unwrap_or_default();
    let definition: Value = serde_json::from_str(text).unwrap_or_default();
    let run = &definition["States"]["Run"];
    let job = &effective.settings.job;
    rules.hold(
        run["TimeoutSeconds"] == job.timeout
            && run["Retry"][0]["MaxAttempts"].as_u64().unwrap_or_default() + 1
                == u64::from(job.attempts),
        "a run is tried otherwise than the manifest says",
    );
    let parameters = &run["Parameters"];
    let network = &parameters["NetworkConfiguration"]["AwsvpcConfiguration"];
    rules.hold(
        network["AssignPublicIp"] == "DISABLED"
            && network["Subnets"] == json!(platform.private_subnets),
        "a run is not in the private subnets",
    );
    let groups = network["SecurityGroups"].as_array().map_or(0, Vec::len);
    rules.hold(
        groups == 1 + usize::from(effective.settings.finds_others()),
        "a run has other security groups than its own and those of who finds others",
    );
    let own = effective.settings.cluster == Cluster::Dedicated;
    let cluster = if own {
        json!({"Ref": "Cluster"})
    } else {
        json!(platform.shared_cluster)
    };
    rules.hold(
        properties["DefinitionSubstitutions"]["Cluster"] == cluster
            && template.as_value()["Outputs"]["Cluster"]["Value"] == cluster,
        "a run is in another cluster",
    );
    let by_default = effective.settings.capacity == Capacity::Fargate;
    rules.hold(
        parameters["LaunchType"].is_string() == by_default
            && parameters["CapacityProviderStrategy"].is_array() != by_default,
        "a launch type beside a strategy, or neither",
    );
    let on_spot = effective.settings.capacity == Capacity::FargateSpot;
    rules.hold(
        (machine["DependsOn"] == json!(["CapacityProviders"])) == (own && on_spot),
        "a job may be there before its capacity",
    );
    // Step Functions takes 80 characters.
    let name = properties["StateMachineName"].as_str().unwrap_or_default();
    rules.hold(
        name.len() <= 80 && name.starts_with(&format!("{}--", platform.name)),
        "the state machine has a name that nobody may make",
    );
    let container = &template.as_value()["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"]
        [0];
    rules.hold(container["PortMappings"].is_null(), "a job listens");
}

fn schedule(rules: &mut Rules, template: &Template, effective: &Effective) {
    let schedules = of_type(template, "AWS::Scheduler::Schedule");
    let expressions: Vec<&str> = schedules
        .iter()
        .filter_map(|it| it["Properties"]["ScheduleExpression"].as_str())
        .collect();
    let job = &effective.settings.job;
    let expected: Vec<&str> = job.schedule.iter().map(String::as_str).collect();
    rules.hold(expressions == expected, "a job runs at other times");
    rules.hold(
        schedules.iter().all(|it| {
            it["Properties"]["ScheduleExpressionTimezone"] == job.timezone
                && it["Properties"]["Target"]["Arn"] == json!({"Ref": "StateMachine"})
        }),
        "a schedule starts something else, or in another time zone",
    );
}

/// Tasks have a boundary that starts no task; those who start them have one of their own.
fn roles(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let scheduled = usize::from(effective.settings.job.schedule.is_some());
    let mut starters = 0;
    for role in of_type(template, "AWS::IAM::Role") {
        let properties = &role["Properties"];
        rules.hold(
            properties["Path"] == platform.role_path,
            "a role is outside the path",
        );
        let trust = &properties["AssumeRolePolicyDocument"]["Statement"][0];
        let is_starter = trust["Principal"] != json!({"Service": "ecs-tasks.amazonaws.com"});
        starters += usize::from(is_starter);
        let boundary = if is_starter {
            &platform.job_boundary
        } else {
            &platform.permissions_boundary
        };
        rules.hold(
            properties["PermissionsBoundary"] == *boundary,
            "a role has no boundary, or somebody else's",
        );
        let of_account = &trust["Condition"]["StringEquals"]["aws:SourceAccount"];
        rules.hold(
            *of_account == platform.account,
            "a role trusts other accounts",
        );
        let policies = properties["Policies"].as_array().into_iter().flatten();
        let statements = policies.filter_map(|it| it["PolicyDocument"]["Statement"].as_array());
        for statement in statements.flatten() {
            let everything = texts(&statement["Resource"]).any(|it| it == "*");
            rules.hold(
                !everything || texts(&statement["Action"]).all(knows_no_resource),
                &format!("{} may be done to everything", statement["Action"]),
            );
        }
    }
    rules.hold(
        starters == 1 + scheduled,
        "somebody starts a job who should not, or nobody does",
    );
}
