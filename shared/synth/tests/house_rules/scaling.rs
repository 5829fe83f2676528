//! Who scales, what is watched, and who is told.

use serde_json::{Value, json};
use slipway_domain::scaling::ScaledBy;
use slipway_domain::{Effective, Platform};
use slipway_synth::{Template, WAKE_PRIORITY};

use super::{Rules, of_type};

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let scaling = &effective.settings.scaling;
    let targets = of_type(template, "AWS::ApplicationAutoScaling::ScalableTarget");
    rules.hold(
        targets.len() == 1
            && targets[0]["Properties"]["MinCapacity"] == scaling.min
            && targets[0]["Properties"]["MaxCapacity"] == scaling.max,
        "the bounds are not the manifest's",
    );
    let policies = of_type(template, "AWS::ApplicationAutoScaling::ScalingPolicy");
    match scaling.by {
        ScaledBy::Alarms => {
            rules.hold(policies.is_empty(), "somebody else scales too");
            fours(rules, template, effective);
        }
        ScaledBy::TargetTracking => {
            rules.hold(
                policies.len() == 2 + usize::from(scaling.requests.is_some()),
                "AWS does not track what the manifest says",
            );
            let ours = template.resources().any(|(id, resource)| {
                is_alarm(resource) && (id.ends_with("High") || id.ends_with("Low"))
            });
            rules.hold(!ours, "the platform's scaler is woken although AWS scales");
        }
    }
    resolution(rules, template, effective);
    every_alarm(rules, template, effective, platform);
    sleep(rules, template, effective, platform);
}

fn is_alarm(resource: &Value) -> bool {
    resource["Type"] == "AWS::CloudWatch::Alarm"
}

/// The marks of CPU and memory: two alarms each.
fn fours(rules: &mut Rules, template: &Template, effective: &Effective) {
    let scaling = &effective.settings.scaling;
    for (name, band) in [("Cpu", &scaling.cpu), ("Memory", &scaling.memory)] {
        for (side, mark) in [("High", band.high), ("Low", band.low)] {
            let id = format!("{name}{side}");
            let threshold = template
                .resource(&id)
                .map(|it| &it["Properties"]["Threshold"]);
            rules.hold(
                threshold == Some(&json!(mark)),
                &format!("{id} is not the manifest's"),
            );
        }
    }
    let signals = 2
        + usize::from(scaling.requests.is_some())
        + usize::from(effective.settings.has_queue())
        + scaling.metrics.len();
    let ends = |end: &str| {
        let found = template
            .resources()
            .filter(|(id, it)| is_alarm(it) && id.ends_with(end));
        found.count()
    };
    rules.hold(
        ends("High") == signals && ends("Low") == signals,
        "a signal has not one alarm for each side",
    );
}

/// Periods below a minute are for metrics that have such points.
fn resolution(rules: &mut Rules, template: &Template, effective: &Effective) {
    let seconds = effective.settings.scaling.resolution;
    let service = &template.as_value()["Resources"]["Service"]["Properties"];
    let configured = &service["MonitoringConfiguration"]["MetricConfigurations"][0];
    rules.hold(
        if seconds == 60 {
            service["MonitoringConfiguration"].is_null()
        } else {
            configured["ResolutionSeconds"] == seconds
        },
        "ECS publishes at another resolution",
    );
    for alarm in of_type(template, "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        rules.hold(
            properties["Period"].as_u64() >= Some(60)
                || properties["Metrics"].is_array()
                || properties["Namespace"] == "AWS/ECS" && properties["Period"] == seconds,
            "an alarm looks more often than there are points",
        );
    }
}

/// What holds of any alarm: whom it tells, and that it can be read.
fn every_alarm(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let topic = json!([platform.alerts_topic]);
    let mut told = 0;
    for (id, alarm) in template.resources().filter(|(_, it)| is_alarm(it)) {
        let properties = &alarm["Properties"];
        let tells = !properties["AlarmActions"].is_null();
        told += usize::from(tells);
        rules.hold(
            id.starts_with("Alert") == tells,
            &format!("{id} tells people, or should"),
        );
        rules.hold(
            !tells || properties["AlarmActions"] == topic && properties["OKActions"] == topic,
            &format!("{id} tells somebody else"),
        );
        rules.hold(
            properties["Metrics"].is_array() != properties["MetricName"].is_string(),
            &format!("{id} watches nothing, or two things"),
        );
        // AWS: at most 1024 characters.
        rules.hold(
            properties["AlarmDescription"]
                .as_str()
                .is_some_and(|it| it.len() <= 1024),
            &format!("{id} says too much, or nothing"),
        );
        let returned = properties["Metrics"].as_array().into_iter().flatten();
        let returned = returned.filter(|query| query["ReturnData"] == true).count();
        rules.hold(
            properties["Metrics"].is_null() || returned == 1,
            &format!("{id} has not one value"),
        );
    }
    rules.hold(
        told == effective.settings.alarms.on.len(),
        "more or less is told than the manifest says",
    );
}

/// Who wakes: in a target group of its own, to which nothing leads in the template.
fn sleep(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let settings = &effective.settings;
    let sleeps = settings.way_in().has_load_balancer() && settings.scaling.may_sleep();
    let resources = &template.as_value()["Resources"];
    let group = &resources["WakeTargetGroup"]["Properties"];
    rules.hold(
        resources["WakeTargetGroup"].is_object() == sleeps,
        "who wakes the service?",
    );
    let priority = resources["ListenerRule"]["Properties"]["Priority"].as_u64();
    rules.hold(
        !settings.way_in().has_load_balancer() || priority > Some(u64::from(WAKE_PRIORITY)),
        "there is no room for a rule that wakes",
    );
    rules.hold(
        template.as_value()["Outputs"]["WakeTargetGroup"].is_object() == sleeps,
        "nobody learns who wakes",
    );
    if sleeps {
        rules.hold(
            group["TargetType"] == "lambda"
                && group["Targets"] == json!([{"Id": platform.waker}])
                && group["Name"].as_str().is_some_and(|it| it.len() <= 32),
            "somebody else wakes the service",
        );
        rules.hold(
            resources["Listener"]["DependsOn"] == json!(["WakeTargetGroup"]),
            "the group that wakes would go before the rule that uses it",
        );
        let leads = ["ListenerRule", "Listener"].iter().any(|it| {
            let properties = resources[*it]["Properties"].to_string();
            properties.contains("WakeTargetGroup")
        });
        rules.hold(!leads, "the waker answers although nobody sleeps");
    }
}
