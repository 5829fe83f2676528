//! What is told and shown of a database: its alarms, and its dashboard.
//!
//! The metrics are the cluster's, by the roles of its instances, so that they go on when a reader
//! takes the writer's place ("Amazon CloudWatch dimensions for Aurora"). Storage grows by itself, and
//! memory goes with capacity: neither is watched.

use serde_json::{Value, json};
use slipway_domain::Alert;

use super::{CLUSTER, Site};
use crate::alarms::{Metric, Watched, When, alarm_of, dimension, highest, tell};
use crate::dashboard::{self, graph_in};
use crate::environment_stack::Resources;
use crate::intrinsic::reference;

/// What counts the capacity units that are there, in percent of the most.
const CAPACITY: &str = "ACUUtilization";
/// Percent of what an instance of the most capacity could use.
const CPU: &str = "CPUUtilization";
const CONNECTIONS: &str = "DatabaseConnections";
/// By how much the reader that is furthest behind is so, in milliseconds.
const LAG: &str = "AuroraReplicaLagMaximum";

/// Adds what the manifest asks for, after everything that it watches.
pub(super) fn add(to: &mut Resources, site: &Site<'_>) {
    let settings = &site.effective.settings;
    let mut on = settings.alarms.on.clone();
    on.retain(|alert| site.database.tells(*alert, &settings.alarms));
    // Their order says nothing, and is not to change a template.
    on.sort_unstable();
    for alert in on {
        if let Some((id, watched, what, threshold)) = told(site, alert) {
            let when = When {
                words: format!("{} {what} for 10 minutes", site.name),
                comparison: "GreaterThanThreshold",
                threshold,
                periods: 2,
                // An instance that pauses measures nothing, and nobody waits for it.
                missing: "notBreaching",
            };
            let mut alarm = alarm_of(&site.name, &watched, &when);
            tell(&mut alarm, site.platform);
            to.add(id, alarm);
        }
    }
    if settings.dashboard {
        let graphs = graphs(site);
        dashboard::put(to, site.platform, site.effective, graphs);
    }
}

/// The logical id, what is watched, what that says, and of how much on.
fn told(site: &Site<'_>, alert: Alert) -> Option<(&'static str, Watched, String, Value)> {
    let alarms = &site.effective.settings.alarms;
    Some(match alert {
        Alert::Cpu => (
            "AlertCpu",
            busiest(site, CPU, "Average"),
            format!("uses over {} percent of its CPU", alarms.cpu),
            alarms.cpu.into(),
        ),
        Alert::Capacity => (
            "AlertCapacity",
            busiest(site, CAPACITY, "Average"),
            format!("has over {} percent of its most capacity", alarms.capacity),
            alarms.capacity.into(),
        ),
        Alert::Connections => {
            let most = site.database.most_connections() * alarms.connections / 100;
            (
                "AlertConnections",
                // Each instance has its own, and readers have not all the same.
                busiest(site, CONNECTIONS, "Maximum"),
                format!("has over {most} connections to an instance"),
                most.into(),
            )
        }
        Alert::ReplicaLag => (
            "AlertReplicaLag",
            Watched::Metric(of_role(LAG, "Average", None)),
            format!(
                "has readers that are over {} milliseconds behind",
                alarms.replica_lag
            ),
            alarms.replica_lag.into(),
        ),
        Alert::Memory
        | Alert::Errors
        | Alert::ResponseTime
        | Alert::Unhealthy
        | Alert::Throttles
        | Alert::Timeout
        | Alert::DeadLetters
        | Alert::FailedRuns => return None,
    })
}

/// A metric of the instances of one role, or of all.
fn of_role(name: &str, statistic: &'static str, role: Option<&'static str>) -> Metric {
    let cluster = dimension("DBClusterIdentifier", &reference(CLUSTER));
    let role = role.map(|role| dimension("Role", &role.into()));
    Metric {
        namespace: "AWS/RDS".to_owned(),
        name: name.to_owned(),
        dimensions: [cluster].into_iter().chain(role).collect(),
        statistic,
        period: 300,
    }
}

/// A metric of the instance that writes, and of those that read, where there are any.
fn of_roles(site: &Site<'_>, name: &str, statistic: &'static str) -> Vec<(&'static str, Metric)> {
    let writer = of_role(name, statistic, Some("WRITER"));
    let mut of = vec![("writer", writer)];
    if site.database.readers > 0 {
        of.push(("readers", of_role(name, statistic, Some("READER"))));
    }
    of
}

/// The highest of the roles.
fn busiest(site: &Site<'_>, name: &str, statistic: &'static str) -> Watched {
    let roles = of_roles(site, name, statistic).into_iter();
    highest(roles.map(|(id, metric)| (id.to_owned(), metric)).collect())
}

/// What it does, by the roles of its instances.
fn graphs(site: &Site<'_>) -> Vec<Value> {
    let region = &site.platform.region;
    let by_role = |title: &str, name: &str, statistic: &'static str| {
        graph_in(region, title, of_roles(site, name, statistic))
    };
    let mut connections = by_role("Connections to an instance", CONNECTIONS, "Maximum");
    connections["properties"]["annotations"] = json!({"horizontal": [
        {"label": "the most", "value": site.database.most_connections()},
    ]});
    let mut graphs = vec![
        by_role("CPU, percent of the most", CPU, "Average"),
        by_role("Capacity units", "ServerlessDatabaseCapacity", "Average"),
        connections,
        by_role("Milliseconds to commit", "CommitLatency", "Average"),
        by_role("Deadlocks a second", "Deadlocks", "Average"),
    ];
    if site.database.readers > 0 {
        let lag = of_role(LAG, "Maximum", None);
        let lines = vec![("the slowest", lag)];
        graphs.push(graph_in(
            region,
            "Milliseconds that readers are behind",
            lines,
        ));
    }
    graphs
}
