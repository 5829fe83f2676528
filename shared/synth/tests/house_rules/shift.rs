//! How a function's traffic moves: by whom, in which steps, and what takes it back.

use serde_json::{Value, json};
use slipway_domain::{Effective, Platform, Strategy};
use slipway_synth::Template;

use super::{Rules, of_type};

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let shifts = effective.settings.deploy.strategy != Strategy::Rolling;
    let resources = &template.as_value()["Resources"];
    let groups = of_type(template, "AWS::CodeDeploy::DeploymentGroup");
    let applications = of_type(template, "AWS::CodeDeploy::Application");
    rules.hold(
        groups.len() == usize::from(shifts) && applications.len() == usize::from(shifts),
        "a function whose traffic moves in steps has one application and one group",
    );
    let policy = &resources["Alias"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"];
    rules.hold(
        policy.is_object() == shifts,
        "the alias moves at once although it should not, or in steps",
    );
    alarms(rules, template, effective, platform);
    if !shifts {
        return;
    }
    rules.hold(
        *policy
            == json!({
                "ApplicationName": {"Ref": "ShiftApplication"},
                "DeploymentGroupName": {"Ref": "ShiftGroup"},
            }),
        "another group moves the alias",
    );
    let group = &resources["ShiftGroup"]["Properties"];
    let role = format!(
        "arn:{}:iam::{}:role/{}",
        platform.partition, platform.account, platform.shift_role
    );
    rules.hold(
        group["ServiceRoleArn"] == role,
        "another role than the platform's moves the traffic",
    );
    rules.hold(
        group["AutoRollbackConfiguration"]["Enabled"] == true,
        "what fails is not taken back",
    );
    steps(rules, template, effective, &group["DeploymentConfigName"]);
}

/// The steps are the manifest's, in AWS's words or by AWS's own configuration of that name.
fn steps(rules: &mut Rules, template: &Template, effective: &Effective, named: &Value) {
    let deploy = &effective.settings.deploy;
    let (canary, linear) = (&deploy.canary, &deploy.linear);
    let own = of_type(template, "AWS::CodeDeploy::DeploymentConfig");
    if let Some(name) = named.as_str() {
        let expected = if deploy.strategy == Strategy::Canary {
            format!(
                "LambdaCanary{}Percent{}Minutes",
                canary.percent, canary.bake
            )
        } else {
            let s = if linear.bake == 1 { "" } else { "s" };
            let (percent, bake) = (linear.percent, linear.bake);
            format!("LambdaLinear{percent}PercentEvery{bake}Minute{s}")
        };
        rules.hold(
            own.is_empty() && name == format!("CodeDeployDefault.{expected}"),
            &format!("{name} is not what the manifest says"),
        );
        return;
    }
    let expected = if deploy.strategy == Strategy::Canary {
        json!({
            "Type": "TimeBasedCanary",
            "TimeBasedCanary": {
                "CanaryInterval": canary.bake, "CanaryPercentage": canary.percent,
            },
        })
    } else {
        json!({
            "Type": "TimeBasedLinear",
            "TimeBasedLinear": {
                "LinearInterval": linear.bake, "LinearPercentage": linear.percent,
            },
        })
    };
    rules.hold(
        own.len() == 1 && own[0]["Properties"]["TrafficRoutingConfig"] == expected,
        "the steps are not the manifest's",
    );
}

/// Those that end a deployment look at the new version alone and tell nobody; the others look at
/// the function and tell people.
fn alarms(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let settings = &effective.settings;
    let group = &template.as_value()["Resources"]["ShiftGroup"]["Properties"];
    let ending = group["AlarmConfiguration"]["Alarms"].as_array();
    let ending: Vec<&str> = ending
        .into_iter()
        .flatten()
        .filter_map(|it| it["Name"]["Ref"].as_str())
        .collect();
    rules.hold(
        ending.len() == settings.deploy.alarms.len(),
        "a deployment does not end on each of its alarms",
    );
    let mut told = 0;
    for (id, alarm) in template.resources() {
        if alarm["Type"] != "AWS::CloudWatch::Alarm" {
            continue;
        }
        let properties = &alarm["Properties"];
        let dimensions = properties["Dimensions"].to_string();
        if ending.contains(&id) {
            rules.hold(
                dimensions.contains("ExecutedVersion") && properties["AlarmActions"].is_null(),
                &format!("{id} speaks of another version, or to people"),
            );
            continue;
        }
        told += 1;
        rules.hold(
            !dimensions.contains("ExecutedVersion")
                && properties["AlarmActions"] == json!([platform.alerts_topic]),
            &format!("{id} tells nobody"),
        );
    }
    rules.hold(
        told == settings.alarms.on.len(),
        "the alarms are not those that are on",
    );
}
