//! What the reconciler does with events, on a registry and a cloud in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use slipway_control::Stamp;
use slipway_control::change::{self, Request};
use slipway_control::fake::{FakeCloud, FakeRegistry, FakeWaker, Script};
use slipway_control::ports::{ChangeWriter, ServiceReader, Slots};
use slipway_control::reconcile::Reconciler;
use slipway_domain::{Cause, Manifest, Platform, Scope};
use slipway_reconciler::Handler;
use ulid::Ulid;

type InMemory = Handler<FakeRegistry, FakeCloud, FakeWaker>;

fn handler() -> InMemory {
    Handler {
        reconciler: Reconciler {
            registry: FakeRegistry::new(5),
            stacks: FakeCloud::default(),
            platform: Platform::sample(),
        },
        waker: FakeWaker::default(),
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

async fn register(handler: &InMemory, manifest: Value) {
    let manifest = Manifest::read(&manifest).unwrap();
    let stamp = Stamp {
        now: now(),
        id: Ulid(1),
    };
    let request = Request {
        actor: "test".to_owned(),
        stamp,
        action: "register",
        cause: Cause::Api,
    };
    let change = change::register(manifest, &Platform::sample(), &request);
    handler.reconciler.registry.commit(&change).await.unwrap();
}

fn event(name: &str) -> Value {
    let path = format!(
        "{}/../../events/reconciler/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(name)
}

#[tokio::test]
async fn a_record_of_the_stream_has_every_stack_of_its_service_looked_at() {
    let handler = handler();
    register(&handler, json!({"service": "orders", "image": "nginx:1"})).await;
    let answer = handler.handle(event("registry-stream"), now).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(
        handler.reconciler.stacks.take_calls(),
        [
            "prepare devops2-g4--orders--prod",
            "prepare devops2-g4--orders"
        ]
    );
    let scopes: Vec<String> = handler
        .waker
        .take()
        .into_iter()
        .map(|(_, scope, _)| scope.to_string())
        .collect();
    assert_eq!(scopes, ["prod", "-"]);
}

#[tokio::test]
async fn a_look_that_fails_is_put_off_and_fails_no_other() {
    let handler = handler();
    register(&handler, json!({"service": "orders", "image": "nginx:1"})).await;
    handler.reconciler.stacks.script([Script::Throttled]);
    let answer = handler.handle(event("registry-stream"), now).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(handler.reconciler.stacks.take_calls().len(), 2);
    assert_eq!(handler.waker.take()[0].2, Duration::from_secs(10));
}

#[tokio::test]
async fn a_message_whose_look_fails_comes_again_and_makes_no_other() {
    let handler = handler();
    register(&handler, json!({"service": "orders", "image": "nginx:1"})).await;
    handler.reconciler.stacks.script([Script::Throttled]);
    let answer = handler.handle(event("wake-queue"), now).await.unwrap();
    // The second message names a service that is not there, which is nothing to do.
    let again =
        json!({"batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-661975830a7d"}]});
    assert_eq!(answer, again);
    assert!(handler.waker.take().is_empty());
}

#[tokio::test]
async fn a_record_whose_look_cannot_be_put_off_comes_again() {
    let handler = handler();
    register(&handler, json!({"service": "orders", "image": "nginx:1"})).await;
    handler.waker.break_down();
    let answer = handler.handle(event("registry-stream"), now).await.unwrap();
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn sweeps_and_duplicate_events_do_not_multiply_messages() {
    let handler = handler();
    let manifests = (0..20).map(|n| json!({"service": format!("s{n}"), "image": "nginx:1"}));
    for (n, manifest) in (1..).zip(manifests) {
        let manifest = Manifest::read(&manifest).unwrap();
        let stamp = Stamp {
            now: now(),
            id: Ulid(n << 32),
        };
        let request = Request {
            actor: "test".to_owned(),
            stamp,
            action: "register",
            cause: Cause::Api,
        };
        let change = change::register(manifest, &Platform::sample(), &request);
        handler.reconciler.registry.commit(&change).await.unwrap();
    }
    handler.handle(event("sweep"), now).await.unwrap();
    let first = handler.waker.take().len();
    assert!(first <= 40, "{first} messages for 40 stacks");
    // None of them has arrived, and everybody looks again.
    for _ in 0..10 {
        handler.handle(event("sweep"), now).await.unwrap();
    }
    assert_eq!(handler.waker.take(), []);
}

#[tokio::test]
async fn a_slot_that_nobody_needs_is_given_back_by_the_sweep() {
    let handler = handler();
    let registry = &handler.reconciler.registry;
    for lost in ["devops2-g4--gone--prod", "no stack at all"] {
        assert!(registry.acquire(lost).await.unwrap());
    }
    handler.handle(event("sweep"), now).await.unwrap();
    assert_eq!(registry.slots().0, 0);
}

#[tokio::test]
async fn the_sweep_alone_brings_a_service_to_its_end() {
    let handler = handler();
    register(&handler, json!({"service": "orders", "image": "nginx:1"})).await;
    for minute in 0..20 {
        let now = now() + SignedDuration::from_mins(minute);
        handler.handle(event("sweep"), || now).await.unwrap();
    }
    let state = handler
        .reconciler
        .registry
        .service(&"orders".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let scope = Scope::Environment("prod".parse().unwrap());
    assert!(state.stacks[&scope].status.url.is_some());
    assert!(handler.reconciler.registry.all_attention().is_empty());
}

#[tokio::test]
async fn events_that_name_nothing_of_ours_change_nothing() {
    let handler = handler();
    for event in [
        event("stack-status-of-another-platform"),
        event("ecs-deployment"),
        json!({"Records": [{}]}),
        json!(7),
    ] {
        handler.handle(event, now).await.unwrap();
    }
    assert_eq!(handler.reconciler.stacks.take_calls(), Vec::<String>::new());
    assert!(handler.waker.take().is_empty());
}
