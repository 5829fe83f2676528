//! What people are told, by way of the platform's topic: when it begins and when it is over.

use serde_json::{Value, json};
use slipway_domain::manifest::Kind;
use slipway_domain::{Alert, Platform};

use super::{
    Metric, Watched, When, alarm, dimension, highest, of_balancer, of_function, of_service,
    of_targets, sum,
};
use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, reference};
use crate::{job, queue};

/// Percent of the time that a call of a function may take, above which it is nearly too long.
const NEARLY: u32 = 90;

pub(super) fn add(to: &mut Resources, site: &Site<'_>) {
    let mut on = site.effective.settings.alarms.on.clone();
    // Their order says nothing, and is not to change a template.
    on.sort_unstable();
    for alert in on {
        // A database's are of another stack.
        let (Some((id, watched)), Some(when)) = (watched(site, alert), when(site, alert)) else {
            continue;
        };
        let mut alarm = alarm(site, &watched, &when);
        tell(&mut alarm, site.platform);
        to.add(id, alarm);
    }
}

/// Has an alarm tell the platform's topic when it begins and when it is over.
pub(crate) fn tell(alarm: &mut Value, platform: &Platform) {
    let topic = json!([platform.alerts_topic]);
    alarm["Properties"]["AlarmActions"] = topic.clone();
    alarm["Properties"]["OKActions"] = topic;
}

/// The logical id, and what is watched. Targets are those of the service's own groups: whoever
/// answers while the service sleeps has another.
fn watched(site: &Site<'_>, alert: Alert) -> Option<(&'static str, Watched)> {
    let utilisation = |metric| Watched::Metric(of_service(site, metric, "Average", 300));
    let of_calls = |metric, statistic| Watched::Metric(of_function(metric, statistic, 300));
    let is_function = site.effective.settings.kind == Kind::Function;
    Some(match alert {
        Alert::Cpu => ("AlertCpu", utilisation("CPUUtilization")),
        Alert::Memory => ("AlertMemory", utilisation("MemoryUtilization")),
        Alert::Errors if is_function => ("AlertErrors", of_calls("Errors", "Sum")),
        Alert::Errors => {
            let mut errors = of_targets(site, "HTTPCode_Target_5XX_Count", "Sum", 300);
            // Where no target answers, the load balancer does. One that services share does not say
            // for which of them.
            if site.shared.is_none() {
                let own = of_balancer(site, "HTTPCode_ELB_5XX_Count", "Sum", 300);
                errors.push(("balancer".to_owned(), own));
            }
            ("AlertErrors", sum(errors))
        }
        Alert::ResponseTime if is_function => {
            ("AlertResponseTime", of_calls("Duration", "Average"))
        }
        Alert::ResponseTime => {
            let times = of_targets(site, "TargetResponseTime", "Average", 300);
            ("AlertResponseTime", highest(times))
        }
        Alert::Unhealthy => {
            let unhealthy = of_targets(site, "UnHealthyHostCount", "Maximum", 60);
            ("AlertUnhealthy", sum(unhealthy))
        }
        Alert::Throttles => ("AlertThrottles", of_calls("Throttles", "Sum")),
        Alert::Timeout => ("AlertTimeout", of_calls("Duration", "Maximum")),
        Alert::DeadLetters => ("AlertDeadLetters", Watched::Metric(dead_letters())),
        Alert::FailedRuns => ("AlertFailedRuns", Watched::Metric(failed_runs())),
        Alert::Capacity | Alert::Connections | Alert::ReplicaLag => return None,
    })
}

/// How many lie there, whoever brought them: of those that SQS itself moves there, the number of
/// messages sent tells nothing ("Amazon SQS dead-letter queues").
fn dead_letters() -> Metric {
    let name = attribute(queue::DEAD_LETTERS, "QueueName");
    Metric {
        namespace: "AWS/SQS".to_owned(),
        name: "ApproximateNumberOfMessagesVisible".to_owned(),
        dimensions: vec![dimension("QueueName", &name)],
        statistic: "Maximum",
        period: 60,
    }
}

/// A run whose last attempt took too long counts too: the one state of it fails then. One that
/// somebody ended does not.
fn failed_runs() -> Metric {
    Metric {
        namespace: "AWS/States".to_owned(),
        name: "ExecutionsFailed".to_owned(),
        dimensions: vec![dimension("StateMachineArn", &reference(job::MACHINE))],
        statistic: "Sum",
        period: 300,
    }
}

fn when(site: &Site<'_>, alert: Alert) -> Option<When> {
    let settings = &site.effective.settings;
    let alarms = &settings.alarms;
    let is_function = settings.kind == Kind::Function;
    let (what, threshold, periods): (String, Value, u32) = match alert {
        Alert::Cpu => (
            format!("uses over {} percent of its CPU for 10 minutes", alarms.cpu),
            alarms.cpu.into(),
            2,
        ),
        Alert::Memory => (
            format!(
                "uses over {} percent of its memory for 10 minutes",
                alarms.memory
            ),
            alarms.memory.into(),
            2,
        ),
        Alert::Errors if is_function => (
            format!("fails over {} times in 5 minutes", alarms.errors),
            alarms.errors.into(),
            1,
        ),
        Alert::Errors => (
            format!("answers over {} times with 5XX in 5 minutes", alarms.errors),
            alarms.errors.into(),
            1,
        ),
        Alert::ResponseTime => (
            format!("takes over {} milliseconds to answer", alarms.response_time),
            if is_function {
                alarms.response_time.into()
            } else {
                // A load balancer counts in seconds, Lambda in milliseconds.
                (f64::from(alarms.response_time) / 1000.0).into()
            },
            1,
        ),
        Alert::Unhealthy => (
            format!("has over {} unhealthy targets", alarms.unhealthy),
            alarms.unhealthy.into(),
            2,
        ),
        Alert::Throttles => (
            "is called more often at a time than Lambda lets it".to_owned(),
            0.into(),
            1,
        ),
        Alert::Timeout => (
            format!(
                "takes over {NEARLY} percent of the {} seconds that a call may take",
                settings.function.timeout
            ),
            // Of its milliseconds.
            (settings.function.timeout * 10 * NEARLY).into(),
            1,
        ),
        Alert::DeadLetters => (
            "has messages that no task could work off".to_owned(),
            0.into(),
            1,
        ),
        Alert::FailedRuns => ("has failed".to_owned(), 0.into(), 1),
        Alert::Capacity | Alert::Connections | Alert::ReplicaLag => return None,
    };
    Some(When {
        words: format!("{} {what}", site.family()),
        comparison: "GreaterThanThreshold",
        threshold,
        periods,
        // Nothing measured is nothing that anybody waits for.
        missing: "notBreaching",
    })
}
