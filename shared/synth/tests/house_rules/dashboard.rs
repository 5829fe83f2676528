//! What a dashboard may say, and that there is one where it was asked for.

use serde_json::Value;
use slipway_domain::{Effective, Platform};
use slipway_synth::Template;

use super::Rules;

/// Every text that may stand in a dashboard's body, beside the region: ours, and none of a user.
const TEXTS: [&str; 66] = [
    "1",
    "4xx",
    "5xx",
    "5xx of the load balancer",
    "99 of 100",
    "AWS/ApplicationELB",
    "AWS/ECS",
    "AWS/Lambda",
    "Alarms",
    "Average",
    "CPU",
    "CPU and memory, percent",
    "CPU is high",
    "CPUUtilization",
    "Calls a minute",
    "Calls at a time",
    "ClusterName",
    "ConcurrentExecutions",
    "DesiredTaskCount",
    "Duration",
    "ECS/ContainerInsights",
    "Errors",
    "Errors a minute",
    "Failed calls a minute",
    "FunctionName",
    "HTTPCode_ELB_5XX_Count",
    "HTTPCode_Target_4XX_Count",
    "HTTPCode_Target_5XX_Count",
    "HealthyHostCount",
    "Invocations",
    "LoadBalancer",
    "Maximum",
    "MemoryUtilization",
    "Milliseconds to answer",
    "Minimum",
    "PendingTaskCount",
    "RequestCount",
    "Requests a minute",
    "RunningTaskCount",
    "Seconds to answer",
    "ServiceName",
    "Sum",
    "TargetGroup",
    "TargetResponseTime",
    "Targets",
    "Tasks",
    "Throttles",
    "UnHealthyHostCount",
    "a call is ended",
    "alarm",
    "average",
    "calls",
    "failed",
    "healthy",
    "longest",
    "memory",
    "memory is high",
    "metric",
    "p99",
    "refused, too many at a time",
    "requests",
    "running",
    "starting",
    "timeSeries",
    "unhealthy",
    "wanted",
];

/// The body that parts are put together to, references as `1`.
fn body(parts: &Value) -> Option<Value> {
    let parts = parts.as_array()?.iter();
    let text: String = parts.map(|it| it.as_str().unwrap_or("1")).collect();
    serde_json::from_str(&text).ok()
}

/// Parts that are joined without anything in between are a dashboard's, and say what is ours.
pub(super) fn parts(rules: &mut Rules, parts: &Value, platform: &Platform) {
    let Some(body) = body(parts) else {
        rules.hold(false, &format!("{parts} is no document when it is joined"));
        return;
    };
    texts(&body, &mut |text| {
        let known = TEXTS.contains(&text)
            || super::database::TEXTS.contains(&text)
            || text == platform.region
            || text == platform.shared_cluster
            || super::shared::is_balancer(&text.into(), platform);
        rules.hold(
            known,
            &format!("{text}, text of a user, stands in a dashboard"),
        );
    });
}

fn texts(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|it| texts(it, visit)),
        Value::Object(fields) => fields.values().for_each(|it| texts(it, visit)),
        _ => {}
    }
}

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let Some(dashboard) = template.resource("Dashboard") else {
        rules.hold(
            !effective.settings.dashboard,
            "there is no dashboard although one was asked for",
        );
        return;
    };
    rules.hold(
        effective.settings.dashboard,
        "there is a dashboard that nobody asked for",
    );
    let properties = &dashboard["Properties"];
    // The service role may make those whose name begins so.
    let begins = format!("{}--{}--", platform.name, effective.service);
    let name = properties["DashboardName"].as_str().unwrap_or_default();
    rules.hold(
        name.starts_with(&begins) && name.len() <= 255,
        &format!("the dashboard is called {name}"),
    );
    let body = body(&properties["DashboardBody"]["Fn::Join"][1]).unwrap_or_default();
    let widgets = body["widgets"].as_array().cloned().unwrap_or_default();
    let alarms = template
        .resources()
        .filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm")
        .count();
    let shown: usize = widgets
        .iter()
        .filter_map(|widget| widget["properties"]["alarms"].as_array())
        .map(Vec::len)
        .sum();
    rules.hold(alarms == shown, "the dashboard does not show each alarm");
    do_not_overlap(rules, &widgets);
}

fn do_not_overlap(rules: &mut Rules, widgets: &[Value]) {
    let side = |widget: &Value, from: &str, length: &str| {
        let at = widget[from].as_u64().unwrap_or_default();
        at..at + widget[length].as_u64().unwrap_or_default()
    };
    for (number, one) in widgets.iter().enumerate() {
        for other in &widgets[..number] {
            let meets = |from: &str, length: &str| {
                let (a, b) = (side(one, from, length), side(other, from, length));
                a.start < b.end && b.start < a.end
            };
            rules.hold(
                !(meets("x", "width") && meets("y", "height")),
                "two widgets of the dashboard overlap",
            );
        }
        rules.hold(
            side(one, "x", "width").end <= 24,
            "a widget of the dashboard is beyond its 24 columns",
        );
    }
}
