//! Jobs: registered, run by a schedule and by hand, listed, and gone.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use slipway_cli::client::Client;
use slipway_control::runs::{RunStatus, RunView};
use slipway_domain::ServiceName;
use slipway_tests::aws::Aws;
use slipway_tests::local_platform::shared;
use slipway_tests::waiting::wait_for;

use crate::asking::{name, prod, register};

const SOON: Duration = Duration::from_mins(1);

/// The emulator runs no containers: its tasks go on until somebody stops them.
fn stop_tasks(aws: &Aws, cluster: &str) -> Result<usize> {
    let target = |operation: &str| format!("AmazonEC2ContainerServiceV20141113.{operation}");
    let ask = json!({"cluster": cluster, "desiredStatus": "RUNNING"});
    let listed = aws.json("ecs", &target("ListTasks"), &ask)?;
    let tasks = listed["taskArns"].as_array().context("tasks")?;
    for task in tasks {
        let ask = json!({"cluster": cluster, "task": task});
        aws.json("ecs", &target("StopTask"), &ask)?;
    }
    Ok(tasks.len())
}

/// The run that `is_it`, once there is one.
fn run_that(
    client: &Client,
    job: &ServiceName,
    what: &str,
    is_it: impl Fn(&RunView) -> bool,
) -> Result<RunView> {
    wait_for(what, SOON, || {
        let runs = client.runs(job, &prod(), None, None)?.items;
        let found = runs.iter().find(|it| is_it(it)).cloned();
        Ok(found.ok_or_else(|| format!("{runs:?}")))
    })
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_job_runs_by_its_schedule_and_by_hand_and_its_runs_are_listed() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("kind-job");
    // The emulator does at once what was to be done before.
    let schedule = "at(2020-01-01T00:00:00)";
    let manifest = json!({
        "service": "kind-job", "kind": "job", "image": "nginx:alpine", "command": ["true"],
        "job": {"schedule": schedule, "attempts": 2}, "alarms": {"on": ["failed_runs"]},
    });
    register(&client, &manifest)?;
    let ready = platform.ready(&service)?;
    let stack = &ready.environments[&prod()].stack;
    assert_eq!(stack.url, None);
    let cluster = &stack.outputs["Cluster"];
    let aws = platform.aws();

    let scheduled = run_that(&client, &service, "a run by the schedule", |it| {
        it.by.as_deref() == Some("schedule") && it.attempts == 1
    })?;
    assert_eq!(scheduled.status, RunStatus::Running);

    let by_hand = client.start_run(&service, &prod(), "once")?;
    let again = client.start_run(&service, &prod(), "once")?;
    assert_eq!(by_hand.id, again.id);
    let shown = client.run(&service, &prod(), &by_hand.id)?;
    assert!(shown.by.is_some_and(|by| by != "schedule"));

    wait_for("two tasks that run", SOON, || {
        let stopped = stop_tasks(&aws, cluster)?;
        let runs = client.runs(&service, &prod(), None, None)?.items;
        let over = runs.iter().filter(|it| it.status == RunStatus::Succeeded);
        let over = over.count();
        Ok((over == 2)
            .then_some(())
            .ok_or_else(|| format!("{stopped} stopped, {over} over: {runs:?}")))
    })?;
    // The same key after its end is the same run still.
    let late = client.start_run(&service, &prod(), "once")?;
    assert_eq!((late.id, late.status), (by_hand.id, RunStatus::Succeeded));
    let runs = client.runs(&service, &prod(), None, None)?.items;
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert!(runs.iter().all(|it| it.ended_at.is_some()), "{runs:?}");

    let more = client.start_run(&service, &prod(), "more")?;
    let ended = client.cancel_run(&service, &prod(), &more.id)?;
    assert_eq!(ended.status, RunStatus::Aborted, "{ended:?}");
    // One that runs while its job is deleted.
    client.start_run(&service, &prod(), "last")?;

    client.delete(&service, &client.service(&service)?.etag)?;
    platform.gone(&service)?;
    let machines = aws.json("states", "AWSStepFunctions.ListStateMachines", &json!({}))?;
    let left = machines["stateMachines"].as_array().context("a list")?;
    let is_ours = |it: &&Value| it["name"].to_string().contains("--kind-job--");
    assert_eq!(left.iter().filter(is_ours).count(), 0, "{machines}");
    Ok(())
}
