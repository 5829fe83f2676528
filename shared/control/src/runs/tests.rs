//! Runs on fakes of the registry and of what runs jobs.

use serde_json::{Value, json};
use slipway_domain::{Platform, ServiceName};

use super::*;
use crate::fake::{FakeRegistry, FakeRuns};
use crate::ports::{ServiceReader as _, StackRegistry, StackWrite};
use crate::services::tests::{api, caller};

const MACHINE: &str = "arn:aws:states:us-east-1:111122223333:stateMachine:a";

/// A service of this kind, registered, and with a state machine if `is_made`.
async fn control(kind: &str, is_made: bool) -> RunControl<FakeRegistry, FakeRuns> {
    let services = api(FakeRegistry::new(5));
    let document: Value = json!({"service": "a", "kind": kind, "image": "nginx:1"});
    services.register(&document, &caller(1)).await.unwrap();
    let registry = services.registry;
    let name: ServiceName = "a".parse().unwrap();
    let runs = FakeRuns::default();
    if is_made {
        runs.make(MACHINE);
        let state = registry.service(&name).await.unwrap().unwrap();
        let mut record = state.stacks[&"prod".parse().unwrap()].clone();
        let outputs = &mut record.status.outputs;
        outputs.insert(MACHINE_OUTPUT.to_owned(), MACHINE.to_owned());
        let write = StackWrite {
            service: name,
            record,
            release: Vec::new(),
            places: Vec::new(),
            databases: Vec::new(),
            deployments: Vec::new(),
            audit: None,
        };
        assert!(registry.save(&write).await.unwrap());
    }
    RunControl {
        registry,
        runs,
        platform: Platform::sample(),
    }
}

async fn start(
    control: &RunControl<FakeRegistry, FakeRuns>,
    caller: &Caller,
) -> Result<RunView, ServiceError> {
    let (name, prod) = ("a".parse().unwrap(), "prod".parse().unwrap());
    control.start(&name, &prod, caller).await
}

async fn ids(control: &RunControl<FakeRegistry, FakeRuns>) -> Vec<String> {
    let (name, prod) = ("a".parse().unwrap(), "prod".parse().unwrap());
    let page = control.runs(&name, &prod, None, 50).await.unwrap();
    page.items.into_iter().map(|it| it.id).collect()
}

fn with_key(number: u32, key: &str) -> Caller {
    Caller {
        key: Some(key.to_owned()),
        ..caller(number)
    }
}

#[tokio::test]
async fn a_run_by_hand_is_listed_with_who_started_it() {
    let control = control("job", true).await;
    let run = start(&control, &caller(2)).await.unwrap();
    assert_eq!(run.status, RunStatus::Running);
    assert_eq!(run.by.as_ref(), Some(&caller(2).actor));
    assert_eq!(ids(&control).await, [run.id.as_str()]);
    let (name, prod) = ("a".parse().unwrap(), "prod".parse().unwrap());
    let shown = control.run(&name, &prod, &run.id).await.unwrap();
    assert_eq!((&shown.id, shown.by), (&run.id, run.by));
    let refused = control.run(&name, &prod, "other").await.unwrap_err();
    assert!(matches!(refused, ServiceError::NoPart(_)), "{refused}");
}

#[tokio::test]
async fn the_same_key_is_one_run_however_often_and_however_late_it_is_sent() {
    let control = control("job", true).await;
    let first = start(&control, &with_key(2, "k")).await.unwrap();
    let again = start(&control, &with_key(3, "k")).await.unwrap();
    assert_eq!(first.id, again.id);
    control
        .runs
        .end(MACHINE, RunStatus::Failed, first.started_at);
    let late = start(&control, &with_key(4, "k")).await.unwrap();
    assert_eq!((late.id, late.status), (first.id, RunStatus::Failed));
    assert_eq!(ids(&control).await.len(), 1);
    start(&control, &with_key(5, "other")).await.unwrap();
    start(&control, &caller(6)).await.unwrap();
    assert_eq!(ids(&control).await.len(), 3);
}

#[tokio::test]
async fn somebody_elses_key_starts_nothing_and_shows_nothing() {
    let control = control("job", true).await;
    start(&control, &with_key(2, "k")).await.unwrap();
    let other = Caller {
        actor: "arn:aws:iam::111122223333:user/other".to_owned(),
        ..with_key(3, "k")
    };
    let refused = start(&control, &other).await.unwrap_err();
    assert!(matches!(refused, ServiceError::KeyReused), "{refused}");
    assert_eq!(ids(&control).await.len(), 1);
}

#[tokio::test]
async fn a_run_that_is_cancelled_says_by_whom_and_one_that_is_over_stays_as_it_ended() {
    let control = control("job", true).await;
    let (name, prod) = ("a".parse().unwrap(), "prod".parse().unwrap());
    let run = start(&control, &caller(2)).await.unwrap();
    for number in 3..5 {
        let ended = control.cancel(&name, &prod, &run.id, &caller(number)).await;
        let ended = ended.unwrap();
        assert_eq!(ended.status, RunStatus::Aborted);
        let by = format!("cancelled by {}", caller(3).actor);
        assert_eq!(ended.reason, Some(by));
    }
    let other = start(&control, &caller(5)).await.unwrap();
    control
        .runs
        .end(MACHINE, RunStatus::Failed, other.started_at);
    let refused = control.cancel(&name, &prod, &other.id, &caller(6)).await;
    assert!(matches!(refused, Err(ServiceError::RunOver(id)) if id == other.id));
    let refused = control.cancel(&name, &prod, "none", &caller(7)).await;
    assert!(matches!(refused, Err(ServiceError::NoPart(_))));
}

#[tokio::test]
async fn a_job_without_a_stack_has_no_runs_and_starts_none() {
    let control = control("job", false).await;
    assert!(ids(&control).await.is_empty());
    let refused = start(&control, &caller(2)).await.unwrap_err();
    assert!(
        matches!(refused, ServiceError::NothingToRun { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn another_kind_has_no_runs() {
    let control = control("web", false).await;
    let refused = start(&control, &caller(2)).await.unwrap_err();
    assert!(matches!(refused, ServiceError::NotAJob { .. }), "{refused}");
    assert!(refused.to_string().contains("`web`"), "{refused}");
}

#[tokio::test]
async fn runs_come_in_pages_newest_first() {
    let control = control("job", true).await;
    for number in 2..5 {
        start(&control, &caller(number)).await.unwrap();
    }
    let (name, prod) = ("a".parse().unwrap(), "prod".parse().unwrap());
    let first = control.runs(&name, &prod, None, 2).await.unwrap();
    assert_eq!(first.items.len(), 2);
    let rest = control
        .runs(&name, &prod, first.next.as_deref(), 2)
        .await
        .unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
    assert!(first.items[1].started_at > rest.items[0].started_at);
}
