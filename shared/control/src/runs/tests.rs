//! Runs on fakes of the registry and of what runs jobs.

use serde_json::{Value, json};
use slipway_domain::{Platform, ServiceName};

use super::*;
use crate::fake::{FakeRegistry, FakeRuns};
use crate::ports::{ServiceReader as _, StackRegistry, StackWrite};
use crate::services::tests::{block, caller, services};

const MACHINE: &str = "arn:aws:states:us-east-1:111122223333:stateMachine:a";

/// A service of this kind, registered, and with a state machine if `is_made`.
fn control(kind: &str, is_made: bool) -> RunControl<FakeRegistry, FakeRuns> {
    let services = services();
    let document: Value = json!({"service": "a", "kind": kind, "image": "nginx:1"});
    block(services.create(&document, &caller(1))).unwrap();
    let registry = services.registry;
    let name: ServiceName = "a".parse().unwrap();
    let runs = FakeRuns::default();
    if is_made {
        runs.make(MACHINE);
        let state = block(registry.service(&name)).unwrap().unwrap();
        let mut record = state.stacks[&"prod".parse().unwrap()].clone();
        let outputs = &mut record.status.outputs;
        outputs.insert(MACHINE_OUTPUT.to_owned(), MACHINE.to_owned());
        let write = StackWrite {
            service: name,
            record,
            release: Vec::new(),
            places: Vec::new(),
            deployments: Vec::new(),
            audit: None,
        };
        assert!(block(registry.save(&write)).unwrap());
    }
    RunControl {
        registry,
        runs,
        platform: Platform::sample(),
    }
}

fn start(
    control: &RunControl<FakeRegistry, FakeRuns>,
    caller: &Caller,
) -> Result<RunView, ServiceError> {
    let (name, prod) = ("a".parse().unwrap(), "prod".parse().unwrap());
    block(control.start(&name, &prod, caller))
}

fn ids(control: &RunControl<FakeRegistry, FakeRuns>) -> Vec<String> {
    let (name, prod) = ("a".parse().unwrap(), "prod".parse().unwrap());
    let page = block(control.runs(&name, &prod, None, 50)).unwrap();
    page.items.into_iter().map(|it| it.id).collect()
}

fn with_key(number: u128, key: &str) -> Caller {
    Caller {
        key: Some(key.to_owned()),
        ..caller(number)
    }
}

#[test]
fn a_run_by_hand_is_listed_with_who_started_it() {
    let control = control("job", true);
    let run = start(&control, &caller(2)).unwrap();
    assert_eq!(run.status, RunStatus::Running);
    assert_eq!(run.by, Some(caller(2).actor));
    assert_eq!(ids(&control), [run.id]);
}

#[test]
fn the_same_key_is_one_run_however_often_and_however_late_it_is_sent() {
    let control = control("job", true);
    let first = start(&control, &with_key(2, "k")).unwrap();
    let again = start(&control, &with_key(3, "k")).unwrap();
    assert_eq!(first.id, again.id);
    control
        .runs
        .end(MACHINE, RunStatus::Failed, first.started_at);
    let late = start(&control, &with_key(4, "k")).unwrap();
    assert_eq!((late.id, late.status), (first.id, RunStatus::Failed));
    assert_eq!(ids(&control).len(), 1);
    start(&control, &with_key(5, "other")).unwrap();
    start(&control, &caller(6)).unwrap();
    assert_eq!(ids(&control).len(), 3);
}

#[test]
fn somebody_elses_key_starts_nothing_and_shows_nothing() {
    let control = control("job", true);
    start(&control, &with_key(2, "k")).unwrap();
    let other = Caller {
        actor: "arn:aws:iam::111122223333:user/other".to_owned(),
        ..with_key(3, "k")
    };
    let refused = start(&control, &other).unwrap_err();
    assert!(matches!(refused, ServiceError::KeyReused), "{refused}");
    assert_eq!(ids(&control).len(), 1);
}

#[test]
fn a_job_without_a_stack_has_no_runs_and_starts_none() {
    let control = control("job", false);
    assert!(ids(&control).is_empty());
    let refused = start(&control, &caller(2)).unwrap_err();
    assert!(
        matches!(refused, ServiceError::NothingToRun { .. }),
        "{refused}"
    );
}

#[test]
fn another_kind_has_no_runs() {
    let control = control("web", false);
    let refused = start(&control, &caller(2)).unwrap_err();
    assert!(matches!(refused, ServiceError::NotAJob { .. }), "{refused}");
    assert!(refused.to_string().contains("`web`"), "{refused}");
}

#[test]
fn runs_come_in_pages_newest_first() {
    let control = control("job", true);
    for number in 2..5 {
        start(&control, &caller(number)).unwrap();
    }
    let (name, prod) = ("a".parse().unwrap(), "prod".parse().unwrap());
    let first = block(control.runs(&name, &prod, None, 2)).unwrap();
    assert_eq!(first.items.len(), 2);
    let rest = block(control.runs(&name, &prod, first.next.as_deref(), 2)).unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
    assert!(first.items[1].started_at > rest.items[0].started_at);
}
