//! An environment's dashboard, where the manifest asks for one: what it uses, how many tasks there
//! are, what is asked of it and how it answers, and the states of its alarms.
//!
//! It shows metrics that there are anyway, those that alarms and scaling look at, so that it costs
//! for being there and nothing else. Structure: "Dashboard Body Structure and Syntax" in the
//! `CloudWatch` API reference. Titles and labels are ours; no text of a manifest is in it.

mod function;

use serde_json::{Value, json};
use slipway_domain::manifest::Kind;
use slipway_domain::{Effective, Platform};

use crate::alarms::{Metric, of_balancer, of_service, of_targets};
use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, json_text};
use crate::{cluster, names};

pub(crate) const DASHBOARD: &str = "Dashboard";

/// The grid has 24 columns: two widgets a row.
const WIDTH: u32 = 12;
const HEIGHT: u32 = 6;

/// Adds it, after everything that it shows.
pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    if !site.effective.settings.dashboard {
        return;
    }
    let widgets = if site.effective.settings.kind == Kind::Function {
        function::widgets(site)
    } else {
        of_tasks(site)
    };
    put(to, site.platform, site.effective, widgets);
}

/// Adds the dashboard of an environment, with the states of its alarms below `widgets`.
pub(crate) fn put(
    to: &mut Resources,
    platform: &Platform,
    effective: &Effective,
    widgets: Vec<Value>,
) {
    let name = names::dashboard(platform, &effective.service, &effective.environment);
    let mut widgets = placed(widgets);
    let below = json!(widgets.len().div_ceil(2) * HEIGHT as usize);
    widgets.extend(alarms(to, &below));
    to.add(
        DASHBOARD,
        json!({
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {
                "DashboardName": name,
                "DashboardBody": json_text(&json!({"widgets": widgets})),
            },
        }),
    );
}

fn of_tasks(site: &Site<'_>) -> Vec<Value> {
    let mut widgets = vec![use_of(site)];
    if cluster::is_own(site) || site.platform.shared_insights {
        widgets.push(tasks(site));
    }
    if site.effective.settings.way_in().has_load_balancer() {
        widgets.extend(traffic(site));
    }
    widgets
}

/// Two a row, in their order.
fn placed(widgets: Vec<Value>) -> Vec<Value> {
    let place = |(number, mut widget): (u32, Value)| {
        widget["x"] = (number % 2 * WIDTH).into();
        widget["y"] = (number / 2 * HEIGHT).into();
        widget["width"] = WIDTH.into();
        widget["height"] = HEIGHT.into();
        widget
    };
    (0..).zip(widgets).map(place).collect()
}

/// A graph of lines, each with what it is called.
fn graph(site: &Site<'_>, title: &str, lines: Vec<(&str, Metric)>) -> Value {
    graph_in(&site.platform.region, title, lines)
}

/// The same of metrics in `region`.
pub(crate) fn graph_in(region: &str, title: &str, lines: Vec<(&str, Metric)>) -> Value {
    let lines: Vec<Value> = lines
        .into_iter()
        .map(|(label, metric)| line(label, &metric))
        .collect();
    json!({
        "type": "metric",
        "properties": {
            "title": title,
            "region": region,
            "view": "timeSeries",
            "metrics": lines,
        },
    })
}

/// Namespace, name, dimensions by name and value, and how it is drawn.
fn line(label: &str, metric: &Metric) -> Value {
    let mut line = vec![json!(metric.namespace), json!(metric.name)];
    for dimension in &metric.dimensions {
        line.extend([dimension["Name"].clone(), dimension["Value"].clone()]);
    }
    line.push(json!({"label": label, "stat": metric.statistic, "period": metric.period}));
    line.into()
}

/// CPU and memory, with the marks above which tasks are added.
fn use_of(site: &Site<'_>) -> Value {
    let lines = vec![
        ("CPU", of_service(site, "CPUUtilization", "Average", 60)),
        (
            "memory",
            of_service(site, "MemoryUtilization", "Average", 60),
        ),
    ];
    let mut graph = graph(site, "CPU and memory, percent", lines);
    let scaling = &site.effective.settings.scaling;
    graph["properties"]["yAxis"] = json!({"left": {"min": 0}});
    graph["properties"]["annotations"] = json!({"horizontal": [
        {"label": "CPU is high", "value": scaling.cpu.high},
        {"label": "memory is high", "value": scaling.memory.high},
    ]});
    graph
}

/// How many tasks there are to be, which is what the scaler decides, and how many there are.
fn tasks(site: &Site<'_>) -> Value {
    // Of Container Insights.
    let counted = |name: &str| Metric {
        namespace: "ECS/ContainerInsights".to_owned(),
        ..of_service(site, name, "Average", 60)
    };
    let lines = vec![
        ("wanted", counted("DesiredTaskCount")),
        ("running", counted("RunningTaskCount")),
        ("starting", counted("PendingTaskCount")),
    ];
    graph(site, "Tasks", lines)
}

/// What comes through the load balancer. Where two target groups take turns, each has its line.
fn traffic(site: &Site<'_>) -> Vec<Value> {
    let of = |name: &str, statistic: &'static str, label: &'static str| {
        let metrics = of_targets(site, name, statistic, 60);
        metrics.into_iter().map(move |(_, metric)| (label, metric))
    };
    let mut errors: Vec<_> = of("HTTPCode_Target_4XX_Count", "Sum", "4xx").collect();
    errors.extend(of("HTTPCode_Target_5XX_Count", "Sum", "5xx"));
    // One that services share does not say for which of them.
    if site.shared.is_none() {
        let own = of_balancer(site, "HTTPCode_ELB_5XX_Count", "Sum", 60);
        errors.push(("5xx of the load balancer", own));
    }
    let mut times: Vec<_> = of("TargetResponseTime", "Average", "average").collect();
    times.extend(of("TargetResponseTime", "p99", "99 of 100"));
    let mut targets: Vec<_> = of("HealthyHostCount", "Minimum", "healthy").collect();
    targets.extend(of("UnHealthyHostCount", "Maximum", "unhealthy"));
    let requests = of("RequestCount", "Sum", "requests").collect();
    vec![
        graph(site, "Requests a minute", requests),
        graph(site, "Errors a minute", errors),
        graph(site, "Seconds to answer", times),
        graph(site, "Targets", targets),
    ]
}

/// The states of the stack's alarms, over the whole width; nothing where AWS keeps its own.
fn alarms(of: &Resources, y: &Value) -> Option<Value> {
    let is_alarm = |resource: &Value| resource["Type"] == "AWS::CloudWatch::Alarm";
    let arns: Vec<Value> =
        of.0.iter()
            .filter(|(_, resource)| is_alarm(resource))
            .map(|(id, _)| attribute(id, "Arn"))
            .collect();
    (!arns.is_empty()).then(|| {
        json!({
            "type": "alarm",
            "properties": {"title": "Alarms", "alarms": arns},
            "x": 0, "y": y, "width": 2 * WIDTH, "height": 4,
        })
    })
}
