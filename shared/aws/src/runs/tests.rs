//! Runs over Step Functions as tests play it.

use serde_json::{Value, json};

use super::*;
use crate::replay::{Replay, Reply};

const MACHINE: &str = "arn:aws:states:us-east-1:111122223333:stateMachine:p--a--prod";

fn execution(number: usize, status: &str) -> Value {
    let name = format!("run_{number}");
    json!({
        "executionArn": execution_arn(MACHINE, &name), "stateMachineArn": MACHINE,
        "name": name, "status": status,
        "startDate": 1_795_000_000.5 - f64::from(u32::try_from(number).unwrap()),
        "stopDate": 1_795_000_060,
    })
}

fn event(id: u32, kind: &str, details: Value) -> Value {
    let mut event = json!({"id": id, "timestamp": 1_795_000_000 + id, "type": kind});
    if let (Value::Object(fields), Value::Object(details)) = (&mut event, details) {
        fields.extend(details);
    }
    event
}

fn failed() -> Value {
    let cause = json!({
        "Containers": [
            {"Name": "app", "ExitCode": 3, "TaskArn": "arn:aws:ecs:…"},
            {"Name": "fetch", "ExitCode": 0},
        ],
        "StoppedReason": "Essential container in task exited",
        "StopCode": "EssentialContainerExited",
    });
    let details = json!({"error": "States.TaskFailed", "cause": cause.to_string()});
    json!({"events": [
        event(1, "ExecutionStarted", json!({"executionStartedEventDetails": {"input": "{\"by\":\"schedule\"}"}})),
        event(2, "TaskScheduled", json!({})),
        event(3, "TaskFailed", json!({})),
        event(4, "TaskScheduled", json!({})),
        event(5, "ExecutionFailed", json!({"executionFailedEventDetails": details})),
    ]})
}

#[tokio::test]
async fn what_runs_of_a_job_is_ended_each_with_the_cause() {
    let replay = Replay::new(|asked| match asked.operation.as_str() {
        "ListExecutions" => {
            assert_eq!(asked.json()["statusFilter"], "RUNNING");
            let running = [execution(1, "RUNNING"), execution(2, "RUNNING")];
            Reply::json(&json!({"executions": running}))
        }
        _ if asked.body.contains("run_2") => {
            Reply::refused("ExecutionDoesNotExist", "it was quicker")
        }
        _ => {
            assert_eq!(asked.json()["cause"], "the job is deleted");
            Reply::json(&json!({"stopDate": 1_795_000_060}))
        }
    });
    let runs = Runs::new(&replay.config());
    runs.end_runs(MACHINE, "the job is deleted").await.unwrap();
    let ends = ["ListExecutions", "StopExecution", "StopExecution"];
    assert_eq!(replay.operations(), ends);
}

#[tokio::test]
async fn a_run_says_who_started_it_how_often_it_was_tried_and_why_it_failed() {
    let replay = Replay::new(|asked| match asked.operation.as_str() {
        "ListExecutions" => Reply::json(&json!({"executions": [execution(1, "FAILED")]})),
        _ => Reply::json(&failed()),
    });
    let runs = Runs::new(&replay.config());
    let page = runs.runs(MACHINE, None, 10).await.unwrap();
    assert_eq!(page.next, None);
    let run = &page.items[0];
    assert_eq!((run.status, run.attempts), (RunStatus::Failed, 2));
    assert_eq!(run.by.as_deref(), Some("schedule"));
    assert_eq!(
        run.reason.as_deref(),
        Some("`app` ended with 3; Essential container in task exited")
    );
    assert_eq!(run.started_at.to_string(), "2026-11-18T11:06:39.5Z");
    assert!(run.ended_at.is_some());
    // The same run by its id, from its events alone.
    let alone = runs.run(MACHINE, "run_1").await.unwrap().unwrap();
    assert_eq!((alone.status, &alone.reason), (run.status, &run.reason));
    let asked = replay.asked();
    assert_eq!(
        asked.last().unwrap().json()["executionArn"],
        "arn:aws:states:us-east-1:111122223333:execution:p--a--prod:run_1"
    );
}

#[tokio::test]
async fn a_page_begins_behind_the_run_that_is_named() {
    let replay = Replay::new(|asked| {
        if asked.operation != "ListExecutions" {
            return Reply::json(&json!({"events": []}));
        }
        if asked.json()["nextToken"] == "more" {
            let last = [execution(3, "SUCCEEDED"), execution(4, "RUNNING")];
            return Reply::json(&json!({"executions": last}));
        }
        let first = [execution(1, "SUCCEEDED"), execution(2, "ABORTED")];
        Reply::json(&json!({"executions": first, "nextToken": "more"}))
    });
    let runs = Runs::new(&replay.config());
    let ids = |page: &Page<RunView>| -> Vec<String> {
        page.items.iter().map(|it| it.id.clone()).collect()
    };
    let first = runs.runs(MACHINE, None, 1).await.unwrap();
    assert_eq!(ids(&first), ["run_1"]);
    assert_eq!(first.next.as_deref(), Some("run_1"));
    let second = runs.runs(MACHINE, Some("run_1"), 2).await.unwrap();
    assert_eq!(ids(&second), ["run_2", "run_3"]);
    let third = runs.runs(MACHINE, Some("run_3"), 2).await.unwrap();
    assert_eq!((ids(&third), third.next), (vec!["run_4".to_owned()], None));
}

#[tokio::test]
async fn an_id_is_used_once_and_a_job_that_is_gone_has_no_runs() {
    let replay = Replay::new(|asked| match asked.operation.as_str() {
        "StartExecution" if asked.json()["name"] == "new" => {
            Reply::json(&json!({"executionArn": "a", "startDate": 1_795_000_000}))
        }
        "StartExecution" => Reply::refused("ExecutionAlreadyExists", "it exists"),
        "ListExecutions" => Reply::refused("StateMachineDoesNotExist", "no such thing"),
        _ => Reply::refused("ExecutionDoesNotExist", "no such thing"),
    });
    let runs = Runs::new(&replay.config());
    let start = runs.start(MACHINE, "new", "arn:ada").await.unwrap();
    assert!(matches!(start, Start::Began(_)));
    assert_eq!(replay.asked()[0].json()["input"], r#"{"by":"arn:ada"}"#);
    assert_eq!(
        runs.start(MACHINE, "old", "arn:ada").await.unwrap(),
        Start::Existed
    );
    assert!(runs.runs(MACHINE, None, 10).await.unwrap().items.is_empty());
    assert_eq!(runs.run(MACHINE, "old").await.unwrap(), None);
}

#[test]
fn a_reason_that_is_no_tasks_is_shown_as_aws_says_it_and_cut() {
    let failed = |error: &str, cause: &str| {
        let details = aws_sdk_sfn::types::ExecutionFailedEventDetails::builder()
            .error(error)
            .cause(cause)
            .build();
        let event = HistoryEvent::builder()
            .id(1)
            .timestamp(DateTime::from_secs(0))
            .r#type(aws_sdk_sfn::types::HistoryEventType::ExecutionFailed)
            .execution_failed_event_details(details)
            .build()
            .unwrap();
        history::reason(&[event]).unwrap()
    };
    assert_eq!(
        failed("ECS.AccessDeniedException", "not allowed"),
        "ECS.AccessDeniedException: not allowed"
    );
    assert!(failed("States.Timeout", "").contains("job.timeout"));
    assert_eq!(failed("X", &"x".repeat(400)).chars().count(), 301);
}
