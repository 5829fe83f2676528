//! A stack's alarms: what wakes the scaler, what ends a deployment, what people are told.
//!
//! Those of the scaler and of deployments have no action: EventBridge carries every change of
//! state to the scaler, and ECS looks by itself, by names that are fixed for it. An action would
//! be a second way to the same place. Only what people are told goes to a topic.

mod alerts;
mod rollback;
mod scaler;
mod version;

use serde_json::{Value, json};
use slipway_domain::scaling::ScaledBy;

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, reference};
use crate::{cluster, function, load_balancer, service};

pub(crate) use alerts::tell;
pub(crate) use rollback::names as that_roll_back;
pub(crate) use version::add as add_of_version;

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    match site.effective.settings.scaling.by {
        ScaledBy::Alarms => scaler::add(to, site),
        // Its policies make and keep alarms of their own.
        ScaledBy::TargetTracking => {}
    }
    rollback::add(to, site);
    alerts::add(to, site);
}

/// Those of what ECS keeps no service for.
pub(crate) fn add_alerts(to: &mut Resources, site: &Site<'_>) {
    alerts::add(to, site);
}

/// When an alarm speaks.
pub(crate) struct When {
    /// What it says in words, without the service: `CPUUtilization of {service} is above 70`.
    pub(crate) words: String,
    pub(crate) comparison: &'static str,
    pub(crate) threshold: Value,
    /// Periods in a row.
    pub(crate) periods: u32,
    /// How a period without a value counts.
    pub(crate) missing: &'static str,
}

/// What an alarm watches: one metric, or what is made of several.
pub(crate) enum Watched {
    Metric(Metric),
    /// Metrics by the names that the expression has for them.
    Made {
        of: Vec<(String, Metric)>,
        expression: String,
    },
}

/// A metric and what is made of a period's values.
pub(crate) struct Metric {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) dimensions: Vec<Value>,
    pub(crate) statistic: &'static str,
    /// Seconds.
    pub(crate) period: u32,
}

/// The alarm of a logical id.
fn alarm(site: &Site<'_>, watched: &Watched, when: &When) -> Value {
    alarm_of(&site.family(), watched, when)
}

/// The alarm of something that is called `label`.
pub(crate) fn alarm_of(label: &str, watched: &Watched, when: &When) -> Value {
    let mut properties = json!({"AlarmDescription": when.words});
    match watched {
        Watched::Metric(metric) => {
            properties["Namespace"] = metric.namespace.as_str().into();
            properties["MetricName"] = metric.name.as_str().into();
            properties["Dimensions"] = metric.dimensions.clone().into();
            properties["Statistic"] = metric.statistic.into();
            properties["Period"] = metric.period.into();
        }
        Watched::Made { of, expression } => {
            let mut queries: Vec<Value> = of.iter().map(query).collect();
            queries.push(json!({
                "Id": "made", "Expression": expression, "Label": label, "ReturnData": true,
            }));
            properties["Metrics"] = queries.into();
        }
    }
    properties["EvaluationPeriods"] = when.periods.into();
    properties["DatapointsToAlarm"] = when.periods.into();
    properties["Threshold"] = when.threshold.clone();
    properties["ComparisonOperator"] = when.comparison.into();
    properties["TreatMissingData"] = when.missing.into();
    json!({"Type": "AWS::CloudWatch::Alarm", "Properties": properties})
}

fn query((id, metric): &(String, Metric)) -> Value {
    json!({
        "Id": id,
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": metric.dimensions,
            },
            "Period": metric.period,
            "Stat": metric.statistic,
        },
        "ReturnData": false,
    })
}

pub(crate) fn dimension(name: &str, value: &Value) -> Value {
    json!({"Name": name, "Value": value})
}

/// A metric that ECS publishes of the service.
pub(crate) fn of_service(
    site: &Site<'_>,
    name: &str,
    statistic: &'static str,
    period: u32,
) -> Metric {
    Metric {
        namespace: "AWS/ECS".to_owned(),
        name: name.to_owned(),
        dimensions: service_dimensions(site),
        statistic,
        period,
    }
}

fn service_dimensions(site: &Site<'_>) -> Vec<Value> {
    vec![
        dimension("ClusterName", &cluster::reference(site)),
        dimension("ServiceName", &attribute(service::SERVICE, "Name")),
    ]
}

/// A metric that Lambda publishes of the function, whichever version is called.
pub(crate) fn of_function(name: &str, statistic: &'static str, period: u32) -> Metric {
    Metric {
        namespace: "AWS/Lambda".to_owned(),
        name: name.to_owned(),
        dimensions: vec![dimension("FunctionName", &reference(function::FUNCTION))],
        statistic,
        period,
    }
}

/// A metric that the load balancer publishes of each of the service's target groups, by the
/// names `first` and, where two take turns, `second`.
pub(crate) fn of_targets(
    site: &Site<'_>,
    name: &str,
    statistic: &'static str,
    period: u32,
) -> Vec<(String, Metric)> {
    load_balancer::target_groups(site)
        .iter()
        .zip(["first", "second"])
        .map(|(group, id)| {
            let group = attribute(group, "TargetGroupFullName");
            let mut metric = of_balancer(site, name, statistic, period);
            metric.dimensions.push(dimension("TargetGroup", &group));
            (id.to_owned(), metric)
        })
        .collect()
}

/// A metric that the load balancer publishes of itself.
pub(crate) fn of_balancer(
    site: &Site<'_>,
    name: &str,
    statistic: &'static str,
    period: u32,
) -> Metric {
    let balancer = load_balancer::full_name(site);
    Metric {
        namespace: "AWS/ApplicationELB".to_owned(),
        name: name.to_owned(),
        dimensions: vec![dimension("LoadBalancer", &balancer)],
        statistic,
        period,
    }
}

/// The sum of metrics, of which not each has a value in every period: a function of an array goes
/// by those that are there, where `+` would need them all. With one it is that one.
fn sum(of: Vec<(String, Metric)>) -> Watched {
    made(of, "SUM")
}

/// The highest of metrics, of which not each has a value in every period. With one it is that one.
pub(crate) fn highest(of: Vec<(String, Metric)>) -> Watched {
    made(of, "MAX")
}

fn made(mut of: Vec<(String, Metric)>, function: &str) -> Watched {
    match of.pop() {
        Some((_, metric)) if of.is_empty() => Watched::Metric(metric),
        last => {
            of.extend(last);
            let ids: Vec<&str> = of.iter().map(|(id, _)| id.as_str()).collect();
            let expression = format!("{function}([{}])", ids.join(", "));
            Watched::Made { of, expression }
        }
    }
}
