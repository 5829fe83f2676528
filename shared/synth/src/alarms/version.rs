//! The alarms that end the deployment of a function: calls of the new version fail, or take long.
//!
//! They look at the new version alone, as it is called by the alias ("Types of metrics for Lambda
//! functions": `ExecutedVersion`, which there is while an alias has two versions). An alarm of the
//! whole function would speak while the old version fails, and CodeDeploy starts nothing while an
//! alarm speaks: nobody could deploy what puts it right.

use serde_json::Value;
use slipway_domain::strategy::OwnAlarm;

use super::{Metric, Watched, When, alarm, dimension, of_function};
use crate::environment_stack::{Resources, Site};
use crate::function::{FUNCTION, LIVE, VERSION};
use crate::intrinsic::{attribute, qualified};

/// Seconds over which is counted. The percent of calls that come first are few.
const PERIOD: u32 = 60;

/// Adds them; returns their logical ids.
pub(crate) fn add(to: &mut Resources, site: &Site<'_>) -> Vec<&'static str> {
    let mut own = site.effective.settings.deploy.alarms.clone();
    // Their order says nothing, and is not to change a template.
    own.sort_unstable();
    let described = own.into_iter().filter_map(|own| described(site, own));
    described
        .map(|(id, metric, words, threshold)| {
            let when = When {
                words: format!("The new version of {} {words}", site.family()),
                comparison: "GreaterThanThreshold",
                threshold,
                periods: 1,
                missing: "notBreaching",
            };
            to.add(id, alarm(site, &Watched::Metric(metric), &when));
            id
        })
        .collect()
}

/// The logical id, the metric, what it says in words, and above what; nothing for what is of tasks.
fn described(site: &Site<'_>, own: OwnAlarm) -> Option<(&'static str, Metric, String, Value)> {
    let alarms = &site.effective.settings.alarms;
    match own {
        OwnAlarm::Errors => Some((
            "ErrorsOfVersion",
            of_version("Errors", "Sum"),
            format!("fails over {} times a minute", alarms.errors),
            alarms.errors.into(),
        )),
        OwnAlarm::ResponseTime => Some((
            "ResponseTimeOfVersion",
            of_version("Duration", "Average"),
            format!("takes over {} milliseconds to answer", alarms.response_time),
            alarms.response_time.into(),
        )),
        OwnAlarm::Cpu | OwnAlarm::Memory => None,
    }
}

fn of_version(name: &str, statistic: &'static str) -> Metric {
    let mut metric = of_function(name, statistic, PERIOD);
    let resource = qualified(FUNCTION, LIVE);
    let version = attribute(VERSION, "Version");
    metric.dimensions.extend([
        dimension("Resource", &resource),
        dimension("ExecutedVersion", &version),
    ]);
    metric
}
