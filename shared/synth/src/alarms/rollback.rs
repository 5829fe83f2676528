//! The alarms that end a deployment: CPU or memory that is high for minutes.
//!
//! The scaler's alarm serves where it waits for minutes as well. Where it speaks after a single
//! point of 20 seconds, or there is none, a deployment has one of its own: a spike of a task that
//! starts is no reason to go back.

use serde_json::Value;
use slipway_domain::scaling::ScaledBy;
use slipway_domain::strategy::OwnAlarm;

use super::scaler::HIGH_MINUTES;
use super::{Watched, When, alarm, of_service};
use crate::environment_stack::{Resources, Site};

/// The names of the alarms that end a deployment.
pub(crate) fn names(site: &Site<'_>) -> Vec<String> {
    let alarms = &site.effective.settings.deploy.alarms;
    alarms
        .iter()
        .filter_map(|own| Some(site.alarm_name(&logical_id(site, *own)?)))
        .collect()
}

/// Gives the scaler's alarm of a signal the name by which ECS finds it, where it serves both.
pub(super) fn share(site: &Site<'_>, signal: &str, alarm: &mut Value) {
    let shared = site.effective.settings.deploy.alarms.iter().find(|own| {
        let name = described(site, **own).map(|(name, ..)| name);
        name == Some(signal) && is_shared(site)
    });
    if let Some(id) = shared.and_then(|own| logical_id(site, *own)) {
        alarm["Properties"]["AlarmName"] = site.alarm_name(&id).into();
    }
}

pub(super) fn add(to: &mut Resources, site: &Site<'_>) {
    if is_shared(site) {
        return;
    }
    for own in &site.effective.settings.deploy.alarms {
        let (Some((_, metric, percent)), Some(id)) =
            (described(site, *own), logical_id(site, *own))
        else {
            continue;
        };
        let when = When {
            words: format!(
                "{metric} of {} is above {percent} percent for minutes",
                site.family()
            ),
            comparison: "GreaterThanThreshold",
            threshold: percent.into(),
            periods: HIGH_MINUTES,
            missing: "notBreaching",
        };
        let mut alarm = alarm(
            site,
            &Watched::Metric(of_service(site, metric, "Average", 60)),
            &when,
        );
        alarm["Properties"]["AlarmName"] = site.alarm_name(&id).into();
        to.add(&id, alarm);
    }
}

/// Whether the scaler's alarms wait for minutes, too.
fn is_shared(site: &Site<'_>) -> bool {
    let scaling = &site.effective.settings.scaling;
    scaling.by == ScaledBy::Alarms && scaling.resolution >= 60
}

fn logical_id(site: &Site<'_>, own: OwnAlarm) -> Option<String> {
    let (name, ..) = described(site, own)?;
    let kind = if is_shared(site) { "High" } else { "Lasting" };
    Some(format!("{name}{kind}"))
}

/// Its signal, its metric and the percent above which it speaks; nothing for what is of functions
/// (`version`).
fn described(site: &Site<'_>, own: OwnAlarm) -> Option<(&'static str, &'static str, u32)> {
    let scaling = &site.effective.settings.scaling;
    match own {
        OwnAlarm::Cpu => Some(("Cpu", "CPUUtilization", scaling.cpu.high)),
        OwnAlarm::Memory => Some(("Memory", "MemoryUtilization", scaling.memory.high)),
        OwnAlarm::Errors | OwnAlarm::ResponseTime => None,
    }
}
