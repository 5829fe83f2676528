//! How a deployment goes, and where the traffic is meanwhile.

use serde_json::{Value, json};
use slipway_domain::{Effective, Strategy};
use slipway_synth::{Template, Weights};

use super::{Rules, of_type};

pub(super) fn hold(rules: &mut Rules, template: &Template, effective: &Effective) {
    let deploy = &effective.settings.deploy;
    let resources = &template.as_value()["Resources"];
    let service = &resources["Service"]["Properties"];
    let configuration = &service["DeploymentConfiguration"];
    let own = [
        (
            "BakeTimeInMinutes",
            deploy.strategy.shifts(),
            "blue-green, canary and linear bake",
        ),
        (
            "CanaryConfiguration",
            deploy.strategy == Strategy::Canary,
            "a canary has a first step",
        ),
        (
            "LinearConfiguration",
            deploy.strategy == Strategy::Linear,
            "linear has steps",
        ),
    ];
    for (field, wanted, why) in own {
        let is_there = configuration.get(field).is_some();
        rules.hold(is_there == wanted, &format!("{field}: {why}, nothing else"));
    }
    rules.hold(
        configuration["LifecycleHooks"].is_null()
            || deploy.pause.is_some() && deploy.strategy.shifts(),
        "a deployment waits that should not",
    );
    rules.hold(
        configuration["Alarms"]["Enable"] == !deploy.alarms.is_empty(),
        "alarms end deployments although they should not, or do not although they should",
    );
    for name in configuration["Alarms"]["AlarmNames"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let named = of_type(template, "AWS::CloudWatch::Alarm")
            .iter()
            .filter(|alarm| alarm["Properties"]["AlarmName"] == *name)
            .count();
        rules.hold(named == 1, &format!("{name} is not an alarm of the stack"));
    }
    let groups = of_type(template, "AWS::ElasticLoadBalancingV2::TargetGroup")
        .iter()
        .filter(|group| group["Properties"]["TargetType"] == "ip")
        .count();
    let advanced = &service["LoadBalancers"][0]["AdvancedConfiguration"];
    if deploy.strategy.shifts() {
        rules.hold(groups == 2, "traffic moves between two target groups");
        rules.hold(
            *advanced
                == json!({
                    "AlternateTargetGroupArn": {"Ref": "AlternateTargetGroup"},
                    "ProductionListenerRule": {"Ref": "ListenerRule"},
                    "RoleArn": {"Fn::GetAtt": ["TrafficRole", "Arn"]},
                }),
            "ECS is not told how to move traffic",
        );
        rules.hold(
            template.weights().is_some(),
            "nobody can tell the template's weights",
        );
    } else {
        let one = usize::from(effective.settings.way_in().has_load_balancer());
        rules.hold(
            groups == one && advanced.is_null(),
            "a rolling deployment has one target group",
        );
    }
}

/// What differs with what runs: templates as a stack is updated, as it is created, and as it is
/// updated while the second target group has the traffic.
pub(super) fn hold_of_runs(
    rules: &mut Rules,
    effective: &Effective,
    [steady, created, shifted]: [&Template; 3],
) {
    if !effective.settings.way_in().has_load_balancer() {
        return;
    }
    let strategy = effective.settings.deploy.strategy;
    let shares = |template: &Template| {
        let action = &template.as_value()["Resources"]["ListenerRule"]["Properties"]["Actions"][0];
        let groups = action["ForwardConfig"]["TargetGroups"].as_array().cloned();
        let part = |group: Value| {
            let id = group["TargetGroupArn"]["Ref"].as_str().unwrap_or_default();
            (id.to_owned(), group["Weight"].as_u64().unwrap_or_default())
        };
        match groups {
            Some(groups) => groups.into_iter().map(part).collect(),
            None => vec![(
                action["TargetGroupArn"]["Ref"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                100,
            )],
        }
    };
    let goes_to = |template: &Template| -> Vec<String> {
        let shares: Vec<(String, u64)> = shares(template);
        let live = shares.into_iter().filter(|(_, weight)| *weight > 0);
        live.map(|(group, _)| group).collect()
    };
    for (template, group) in [
        (steady, "TargetGroup"),
        (created, "TargetGroup"),
        (shifted, "AlternateTargetGroup"),
    ] {
        rules.hold(
            goes_to(template) == [group],
            &format!("traffic goes elsewhere than to {group}"),
        );
        rules.hold(
            template.resource(group).is_some(),
            &format!("{group} is not there"),
        );
    }
    rules.hold(
        shifted.weights() == Some(Weights::SECOND)
            && steady.weights() == strategy.shifts().then_some(Weights::FIRST),
        "a template says other weights than it has",
    );
    let waits = |template: &Template| {
        let service = &template.as_value()["Resources"]["Service"]["Properties"];
        !service["DeploymentConfiguration"]["LifecycleHooks"].is_null()
    };
    rules.hold(
        waits(steady) == (strategy.shifts() && effective.settings.deploy.pause.is_some()),
        "a deployment does not wait to be promoted",
    );
    rules.hold(!waits(created), "a first deployment waits to be promoted");
}
