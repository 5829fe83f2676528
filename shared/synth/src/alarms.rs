//! Four alarms: CPU and memory, high and low.
//!
//! None has an action. EventBridge carries every change of state, and that is what whoever
//! scales listens to; an action of an alarm would be a second way to the same place. ECS looks by
//! itself at those that are to end a deployment, by names that are fixed for it.

use serde_json::{Value, json};
use slipway_domain::strategy::OwnAlarm;

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, reference};
use crate::{cluster, service};

/// Minutes in a row that are too high: one may be a spike.
const HIGH_MINUTES: u32 = 2;
/// Minutes in a row that are too low: taking tasks away can wait.
const LOW_MINUTES: u32 = 5;

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let scaling = &site.effective.settings.scaling;
    for (name, own, metric, band) in [
        ("Cpu", OwnAlarm::Cpu, "CPUUtilization", &scaling.cpu),
        (
            "Memory",
            OwnAlarm::Memory,
            "MemoryUtilization",
            &scaling.memory,
        ),
    ] {
        let above = Threshold {
            word: "above",
            percent: band.high,
            comparison: "GreaterThanThreshold",
            minutes: HIGH_MINUTES,
            // Nothing measured is nothing running hot.
            missing: "notBreaching",
        };
        let below = Threshold {
            word: "below",
            percent: band.low,
            comparison: "LessThanThreshold",
            minutes: LOW_MINUTES,
            // Nothing measured says nothing about idleness: the alarm says so too.
            missing: "missing",
        };
        let mut above = alarm(site, metric, &above);
        if site.effective.settings.deploy.alarms.contains(&own) {
            above["Properties"]["AlarmName"] = site.alarm_name(high(own)).into();
        }
        to.add(high(own), above);
        to.add(&format!("{name}Low"), alarm(site, metric, &below));
    }
}

/// The names of the alarms that end a deployment.
pub(crate) fn that_roll_back(site: &Site<'_>) -> Vec<String> {
    let alarms = &site.effective.settings.deploy.alarms;
    alarms
        .iter()
        .map(|alarm| site.alarm_name(high(*alarm)))
        .collect()
}

fn high(alarm: OwnAlarm) -> &'static str {
    match alarm {
        OwnAlarm::Cpu => "CpuHigh",
        OwnAlarm::Memory => "MemoryHigh",
    }
}

struct Threshold {
    word: &'static str,
    percent: u32,
    comparison: &'static str,
    minutes: u32,
    missing: &'static str,
}

fn alarm(site: &Site<'_>, metric: &str, threshold: &Threshold) -> Value {
    json!({
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": format!(
                "{metric} of {} is {} {} percent",
                site.family(), threshold.word, threshold.percent
            ),
            "Namespace": "AWS/ECS",
            "MetricName": metric,
            "Dimensions": [
                {"Name": "ClusterName", "Value": reference(cluster::CLUSTER)},
                {"Name": "ServiceName", "Value": attribute(service::SERVICE, "Name")},
            ],
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": threshold.minutes,
            "DatapointsToAlarm": threshold.minutes,
            "Threshold": threshold.percent,
            "ComparisonOperator": threshold.comparison,
            "TreatMissingData": threshold.missing,
        },
    })
}
