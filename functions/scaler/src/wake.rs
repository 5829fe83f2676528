//! Which environments an event names. Nothing else is taken from an event.

use std::collections::BTreeMap;

use serde_json::Value;
use slipway_control::scaler::Named;
use slipway_domain::{EnvironmentName, Platform, ServiceName, StackName};
use slipway_scaling::Trigger;

/// An environment to look at, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    /// The environment.
    pub named: Named,
    /// Why.
    pub trigger: Trigger,
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wakes {
    /// Look at every environment whose time has come.
    Tick,
    /// Look at these, each with the messages that named it.
    Messages(Vec<(Wake, Vec<String>)>),
    /// Nothing of this platform.
    Nothing,
}

/// Reads an event: a schedule's, or a batch of the queue, whose messages are events of
/// `CloudWatch` (an alarm changed its state) and CloudFormation (a stack's status), and the
/// function's own. Messages of one environment are one wake.
pub fn wakes(event: &Value, platform: &Platform) -> Wakes {
    if event["source"] == "slipway.tick" {
        return Wakes::Tick;
    }
    let Some(records) = event["Records"].as_array() else {
        return Wakes::Nothing;
    };
    let mut found: BTreeMap<(ServiceName, EnvironmentName), (Wake, Vec<String>)> = BTreeMap::new();
    for record in records {
        let Some((id, wake)) = message(record, platform) else {
            // What cannot be read names nothing, and would never.
            tracing::warn!(id = %record["messageId"], "a message that names no environment");
            continue;
        };
        let key = (wake.named.service.clone(), wake.named.environment.clone());
        match found.get_mut(&key) {
            Some((first, ids)) => {
                merge(first, wake);
                ids.push(id);
            }
            None => drop(found.insert(key, (wake, vec![id]))),
        }
    }
    Wakes::Messages(found.into_values().collect())
}

/// What needs no proof wants a look in any case.
fn merge(first: &mut Wake, other: Wake) {
    if first.named.measures.is_empty() || other.named.measures.is_empty() {
        first.named.measures.clear();
    } else {
        first.named.measures.extend(other.named.measures);
    }
    if other.trigger == Trigger::Alarm {
        first.trigger = Trigger::Alarm;
    }
}

fn message(record: &Value, platform: &Platform) -> Option<(String, Wake)> {
    let id = record["messageId"].as_str()?.to_owned();
    let body: Value = serde_json::from_str(record["body"].as_str()?).ok()?;
    let wake = match body["source"].as_str() {
        Some("aws.cloudwatch") => alarm(&body, platform),
        Some("aws.cloudformation") => stack(&body, platform),
        _ => own(&body),
    };
    Some((id, wake?))
}

/// A message of the function's own.
fn own(body: &Value) -> Option<Wake> {
    let service = body["service"].as_str()?.parse().ok()?;
    let environment = body["scope"].as_str()?.parse().ok()?;
    Some(wake(service, environment, Vec::new(), Trigger::Again))
}

/// The environment of a stack that has come to an end of something.
fn stack(event: &Value, platform: &Platform) -> Option<Wake> {
    let id = event["detail"]["stack-id"].as_str()?;
    let name: StackName = id.split('/').nth(1)?.parse().ok()?;
    let environment = name.scope.environment()?.clone();
    (name.platform == platform.name)
        .then(|| wake(name.service, environment, Vec::new(), Trigger::Again))
}

/// The environment of an alarm: of the platform's account and region by its ARN, and of one of its
/// environments by the dimensions of its metrics. Where these do not name one, the alarm's name
/// does, and the dimensions are compared with what the registry knows of it.
fn alarm(event: &Value, platform: &Platform) -> Option<Wake> {
    let Platform {
        partition,
        region,
        account,
        name: own,
        ..
    } = platform;
    let name = event["detail"]["alarmName"].as_str()?;
    let arn = format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}");
    let of_ours = event["resources"]
        .as_array()?
        .iter()
        .any(|it| *it == arn.as_str());
    let measures = measures(event);
    if !of_ours || measures.is_empty() {
        return None;
    }
    let cluster = measures.iter().flatten().find_map(|(dimension, value)| {
        (dimension == "ClusterName").then(|| of_cluster(value, own.as_str()))?
    });
    let (service, environment) = cluster.or_else(|| of_name(name, own.as_str()))?;
    Some(wake(service, environment, measures, Trigger::Alarm))
}

/// The dimensions of each metric that an alarm looks at.
fn measures(event: &Value) -> Vec<Vec<(String, String)>> {
    let metrics = event["detail"]["configuration"]["metrics"].as_array();
    let dimensions = |metric: &Value| {
        let dimensions = metric["metricStat"]["metric"]["dimensions"].as_object()?;
        let pair =
            |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        Some(dimensions.iter().filter_map(pair).collect())
    };
    metrics
        .into_iter()
        .flatten()
        .filter_map(dimensions)
        .collect()
}

/// `{platform}-{service}-cluster-{environment}`; an environment's name has no hyphen.
fn of_cluster(cluster: &str, platform: &str) -> Option<(ServiceName, EnvironmentName)> {
    let rest = cluster.strip_prefix(platform)?.strip_prefix('-')?;
    let (service, environment) = rest.rsplit_once("-cluster-")?;
    Some((service.parse().ok()?, environment.parse().ok()?))
}

/// `{platform}--{service}--{environment}-…`; no part has a double hyphen, and an environment's
/// name no hyphen.
fn of_name(alarm: &str, platform: &str) -> Option<(ServiceName, EnvironmentName)> {
    let rest = alarm.strip_prefix(platform)?.strip_prefix("--")?;
    let (service, rest) = rest.split_once("--")?;
    let (environment, _) = rest.split_once('-')?;
    Some((service.parse().ok()?, environment.parse().ok()?))
}

fn wake(
    service: ServiceName,
    environment: EnvironmentName,
    measures: Vec<Vec<(String, String)>>,
    trigger: Trigger,
) -> Wake {
    Wake {
        named: Named {
            service,
            environment,
            measures,
        },
        trigger,
    }
}
