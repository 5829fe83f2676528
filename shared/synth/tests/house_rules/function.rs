//! A function: who calls it, as what it runs, and which version of it callers reach.

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
    let resources = &template.as_value()["Resources"];
    let others = ["AWS::ECS::", "AWS::ElasticLoadBalancingV2::", "AWS::SQS::"];
    let is_other = |kind: &str| others.iter().any(|it| kind.starts_with(it));
    rules.hold(
        template
            .resources()
            .all(|(_, it)| !is_other(it["Type"].as_str().unwrap_or_default())),
        "a function has what is of tasks",
    );
    let alias = &resources["Alias"]["Properties"];
    rules.hold(
        alias["FunctionVersion"] == json!({"Fn::GetAtt": ["Version", "Version"]}),
        "callers reach another version than the one that is rendered",
    );
    // A version is made anew with its description, and Lambda publishes none that equals the last.
    let (function, version) = (
        &resources["Function"]["Properties"],
        &resources["Version"]["Properties"],
    );
    let hash = version["Description"].as_str().unwrap_or_default();
    rules.hold(
        hash.len() == 16
            && function["Description"]
                .as_str()
                .is_some_and(|it| it.ends_with(hash) && it.len() <= 256),
        "a change of the function makes no version",
    );
    let settings = &effective.settings;
    rules.hold(
        function["MemorySize"] == settings.function.memory
            && function["Timeout"] == settings.function.timeout
            && function["VpcConfig"].is_object() == settings.function.vpc,
        "the function is not the manifest's",
    );
    rules.hold(
        function["Environment"]["Variables"]["ENVIRONMENT"].is_string(),
        "ENVIRONMENT is not set",
    );
    callers(rules, template, effective, platform);
    role(rules, template, effective, platform);
}

/// The HTTP API and nobody else, by the alias, and only on the service's own path.
fn callers(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let permissions = of_type(template, "AWS::Lambda::Permission");
    let found: Vec<&Value> = permissions
        .iter()
        .map(|it| &it["Properties"]["SourceArn"])
        .collect();
    let Platform {
        region,
        account,
        api,
        ..
    } = platform;
    let expected: Vec<Value> = effective
        .path
        .iter()
        .flat_map(|path| [path.to_string(), format!("{path}/*")])
        .map(|path| {
            json!(format!(
                "arn:aws:execute-api:{region}:{account}:{api}/*/*{path}"
            ))
        })
        .collect();
    rules.hold(
        found == expected.iter().collect::<Vec<_>>(),
        "somebody else calls the function, or nobody",
    );
    rules.hold(
        permissions
            .iter()
            .all(|it| it["Properties"]["FunctionName"] == json!({"Ref": "Alias"})),
        "callers may pass the alias by",
    );
    let integrations = of_type(template, "AWS::ApiGatewayV2::Integration");
    rules.hold(
        integrations.iter().all(|it| {
            it["Properties"]["IntegrationUri"] == json!({"Ref": "Alias"})
                && it["Properties"]["ConnectionId"].is_null()
        }),
        "requests take another way",
    );
    let keys: Vec<&Value> = of_type(template, "AWS::ApiGatewayV2::Route")
        .into_iter()
        .map(|it| &it["Properties"]["RouteKey"])
        .collect();
    rules.hold(
        keys.len() == expected.len(),
        "the routes are not two, or none",
    );
}

fn role(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let found = of_type(template, "AWS::IAM::Role");
    rules.hold(found.len() == 1, "a function has one role");
    for role in found {
        let properties = &role["Properties"];
        rules.hold(
            properties["Path"] == platform.role_path
                && properties["PermissionsBoundary"] == platform.permissions_boundary,
            "the role is outside the path, or has no boundary",
        );
        let trust = &properties["AssumeRolePolicyDocument"]["Statement"][0];
        rules.hold(
            trust["Principal"] == json!({"Service": "lambda.amazonaws.com"}),
            "the role trusts somebody else",
        );
        let statements = &properties["Policies"][0]["PolicyDocument"]["Statement"];
        for statement in statements.as_array().into_iter().flatten() {
            rules.hold(
                statement["Resource"] != "*"
                    || ["NetworkInterfaces", "Traces"]
                        .iter()
                        .any(|it| statement["Sid"] == *it)
                    || statement["Action"]
                        .to_string()
                        .contains("cloudwatch:PutMetricData"),
                "something may be done to everything",
            );
        }
        let in_vpc = statements.to_string().contains("NetworkInterfaces");
        rules.hold(
            in_vpc == effective.settings.function.vpc,
            "the function may do what is for one in the VPC, or may not",
        );
    }
}
