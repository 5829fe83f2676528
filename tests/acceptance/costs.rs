//! What services cost, and the dashboards that they may have.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use slipway_tests::aws::text;
use slipway_tests::local_platform::{LocalPlatform, PLATFORM};

use crate::asking::{name, register};

/// A dashboard as the account has it.
fn dashboard(platform: &LocalPlatform, called: &str) -> Result<Value> {
    let ask = [("Version", "2010-08-01"), ("DashboardName", called)];
    let answer = platform.aws().query("monitoring", "GetDashboard", &ask)?;
    let body = text(&answer, "DashboardBody")?;
    serde_json::from_str(&body).context("the body of the dashboard")
}

fn titles(dashboard: &Value) -> Vec<&str> {
    let widgets = dashboard["widgets"].as_array().into_iter().flatten();
    widgets
        .filter_map(|widget| widget["properties"]["title"].as_str())
        .collect()
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn b7_e4_a_service_has_its_dashboard_and_its_costs_with_a_share_of_the_platform() -> Result<()> {
    let platform = LocalPlatform::start_as("costs", &[("Dashboard", "true")], |options| options)?;
    let client = platform.client();
    register(
        &client,
        &json!({"service": "seen", "image": "nginx:alpine", "dashboard": true}),
    )?;
    register(
        &client,
        &json!({"service": "plain", "image": "nginx:alpine"}),
    )?;
    platform.ready(&name("seen"))?;
    platform.ready(&name("plain"))?;

    let region = platform.values()?.region;
    let seen = dashboard(&platform, &format!("{PLATFORM}--seen--prod-{region}"))?;
    let expected = [
        "CPU and memory, percent",
        "Tasks",
        "Requests a minute",
        "Errors a minute",
    ];
    assert_eq!(titles(&seen)[..4], expected);
    let cluster = platform.resource_of(&format!("{PLATFORM}--seen--prod"), "Cluster")?;
    let use_of = &seen["widgets"][0]["properties"]["metrics"][0];
    assert_eq!(use_of[3], cluster, "{use_of}");
    let own = dashboard(&platform, &format!("{PLATFORM}-platform-{region}"))?;
    assert!(titles(&own).contains(&"Failed for good"), "{own}");
    assert!(dashboard(&platform, &format!("{PLATFORM}--plain--prod-{region}")).is_err());

    let costs = client.costs(&name("seen"), &[("requests", 2_000_000)])?;
    let plain = client.costs(&name("plain"), &[("requests", 2_000_000)])?;
    let cents = |view: &slipway_control::costs::ServiceCostsView| view.own.monthly_usd.cents();
    assert_eq!(cents(&costs), cents(&plain) + 300);
    let all = client.platform_costs(&[])?;
    assert_eq!(all.environments, 2);
    // NAT, its address, seven alarms, a key, and the dashboard; the rest are cents.
    assert_eq!(all.own.monthly_usd.cents(), 3826 + 300);
    let shares: u64 = all.services.iter().map(|it| it.shared_usd.cents()).sum();
    assert_eq!(shares, all.own.monthly_usd.cents());
    Ok(())
}
