//! Events as Lambda gets them, on fakes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use slipway_control::Stamp;
use slipway_control::change::{Request, register};
use slipway_control::fake::{FakeRegistry, FakeTasks, FakeWaker, Fault, Tape};
use slipway_control::ports::{
    ChangeWriter, Live, ScalerRecord, ScalerRegistry, ScalerWrite, StackRegistry, StackWrite,
};
use slipway_control::record::Settled;
use slipway_control::scaler::Scaler;
use slipway_domain::{Cause, EnvironmentName, Manifest, Phase, Platform, Scope, ServiceName};
use slipway_scaler::Handler;
use slipway_scaling::Paused;
use ulid::Ulid;

const CLUSTER: &str = "devops2-g4-orders-cluster-prod";

type InMemory = Handler<FakeRegistry, FakeTasks, FakeTasks, FakeWaker>;

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_020).unwrap()
}

fn orders() -> ServiceName {
    "orders".parse().unwrap()
}

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

/// A platform with one service that is ready and has one task less than it may have.
async fn handler(tape: &Tape) -> InMemory {
    let registry = FakeRegistry::taped(5, tape.clone());
    let tasks = FakeTasks::taped(tape.clone());
    let document = json!({"service": "orders", "image": "nginx:1"});
    let manifest = Manifest::read_on(&document, &Platform::sample()).unwrap();
    let stamp = Stamp {
        now: now(),
        id: Ulid(7 << 80),
    };
    let request = Request {
        actor: "ada".to_owned(),
        stamp,
        action: "register",
        cause: Cause::Api,
    };
    let change = register(manifest, &Platform::sample(), &request);
    registry.commit(&change).await.unwrap();
    let mut record = registry.everything()[&orders()].stacks[&Scope::Environment(prod())].clone();
    record.status.phase = Phase::Ready;
    let outputs = [
        ("Cluster", CLUSTER),
        ("ServiceName", "orders-1"),
        ("LoadBalancer", "orders-1.example.com"),
        ("LoadBalancerName", "app/orders/1"),
    ];
    record.status.outputs = outputs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    record.progress.settled = Some(Settled {
        generation: 1,
        digest: "d".to_owned(),
        at: now(),
    });
    let write = StackWrite {
        service: orders(),
        record,
        release: Vec::new(),
        places: Vec::new(),
        databases: Vec::new(),
        deployments: Vec::new(),
        audit: None,
    };
    assert!(registry.save(&write).await.unwrap());
    let live = Live {
        desired: 1,
        running: 1,
        pending: 0,
        bounds: Some((2, 10)),
        paused: Paused::default(),
        deploying: false,
    };
    tasks.runs(CLUSTER, "orders-1", live);
    Handler {
        scaler: Scaler {
            registry,
            tasks: tasks.clone(),
            metrics: tasks,
            platform: Platform::sample(),
        },
        waker: FakeWaker::default(),
        tell: |line| assert_eq!(line["TasksAdded"], 1.0, "{line}"),
    }
}

fn event(name: &str) -> Value {
    let path = format!(
        "{}/../../events/scaler/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(name)
}

/// How often the registry was asked for an environment.
fn looks(tape: &Tape) -> usize {
    let calls = tape.calls();
    calls.iter().filter(|call| call.name == "scaled").count()
}

#[tokio::test]
async fn an_alarm_has_its_environment_looked_at() {
    for name in ["alarm", "alarm-of-requests", "look-again", "stack-status"] {
        let tape = Tape::default();
        let handler = handler(&tape).await;
        let answer = handler.handle(event(name), now).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}), "{name}");
        assert_eq!(handler.scaler.tasks.counts(), [2], "{name}");
    }
}

#[tokio::test]
async fn alarms_of_one_environment_are_one_look() {
    let tape = Tape::default();
    let handler = handler(&tape).await;
    handler
        .handle(event("alarms-of-one-environment"), now)
        .await
        .unwrap();
    assert_eq!(looks(&tape), 1);
    assert_eq!(handler.scaler.tasks.counts(), [2]);
}

#[tokio::test]
async fn alarms_of_other_platforms_and_accounts_cost_no_call() {
    let tape = Tape::default();
    let handler = handler(&tape).await;
    let before = tape.len();
    let answer = handler
        .handle(event("alarms-of-other-platforms"), now)
        .await
        .unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(tape.len(), before);
}

#[tokio::test]
async fn an_alarm_that_bears_our_name_over_foreign_metrics_changes_nothing() {
    let tape = Tape::default();
    let handler = handler(&tape).await;
    handler
        .handle(event("alarm-of-somebody-else"), now)
        .await
        .unwrap();
    assert_eq!(looks(&tape), 1);
    assert!(handler.scaler.tasks.counts().is_empty());
}

#[tokio::test]
async fn the_tick_looks_at_what_is_due_and_at_nothing_else() {
    let tape = Tape::default();
    let handler = handler(&tape).await;
    handler.handle(event("tick"), now).await.unwrap();
    assert_eq!(looks(&tape), 0);
    let write = ScalerWrite {
        service: orders(),
        environment: prod(),
        record: ScalerRecord {
            attention: Some(now()),
            ..ScalerRecord::default()
        },
        decision: None,
        audit: None,
    };
    assert!(handler.scaler.registry.save_scaler(&write).await.unwrap());
    handler.handle(event("tick"), now).await.unwrap();
    assert_eq!(handler.scaler.tasks.counts(), [2]);
}

#[tokio::test]
async fn a_look_that_may_succeed_later_is_put_off_by_seconds() {
    let tape = Tape::default();
    let handler = handler(&tape).await;
    tape.next("live", Fault::Throttled, 1);
    let answer = handler.handle(event("alarm"), now).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let (service, scope, delay) = handler.waker.take().remove(0);
    assert_eq!((service, scope), (orders(), Scope::Environment(prod())));
    assert_eq!(delay, Duration::from_secs(10));
}

#[tokio::test]
async fn a_message_that_can_be_neither_handled_nor_put_off_comes_again() {
    let tape = Tape::default();
    let handler = handler(&tape).await;
    handler.waker.break_down();
    tape.next("live", Fault::Throttled, 1);
    let answer = handler.handle(event("alarm"), now).await.unwrap();
    let id = "059f36b4-87a3-44ab-83d2-661975830000";
    assert_eq!(
        answer,
        json!({"batchItemFailures": [{"itemIdentifier": id}]})
    );
}

#[tokio::test]
async fn what_aws_refuses_reaches_the_failure_queue_in_the_end() {
    let tape = Tape::default();
    let handler = handler(&tape).await;
    handler.scaler.registry.poison(&orders());
    let answer = handler.handle(event("alarm"), now).await.unwrap();
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 1);
    assert!(handler.waker.take().is_empty());
}
