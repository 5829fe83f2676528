//! What the reconciler does with events, on a registry and a cloud in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use slipway_control::Stamp;
use slipway_control::change::{self, Request};
use slipway_control::fake::{
    FakeChecks, FakeCloud, FakeRegistry, FakeUpgrades, FakeWaker, Fault, Script,
};
use slipway_control::ports::{ChangeWriter, ServiceReader, Slots};
use slipway_control::reconcile::Reconciler;
use slipway_control::upgrade::{Limits, UpgradeState, fingerprint};
use slipway_domain::{Cause, Manifest, Platform, Scope};
use slipway_reconciler::Handler;
use ulid::Ulid;

type InMemory = Handler<FakeRegistry, FakeCloud, FakeChecks, FakeWaker, FakeUpgrades>;

fn handler() -> InMemory {
    Handler {
        reconciler: Reconciler {
            registry: FakeRegistry::new(5),
            stacks: FakeCloud::default(),
            checks: FakeChecks::default(),
            fingerprint: fingerprint(&Platform::sample()),
            platform: Platform::sample(),
            deadline: SignedDuration::from_mins(45),
        },
        waker: FakeWaker::default(),
        upgrades: FakeUpgrades::default(),
        limits: Limits {
            at_once: 2,
            max_failures: 2,
        },
        scans: false,
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

/// Registers as many services.
async fn register_many(handler: &InMemory, count: u128) {
    for n in 0..count {
        let manifest = json!({"service": format!("s{n}"), "image": "nginx:1"});
        let manifest = Manifest::read(&manifest).unwrap();
        let stamp = Stamp {
            now: now(),
            id: Ulid((n + 1) << 32),
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
}

#[tokio::test]
async fn a_sweep_begins_no_look_when_its_time_is_over() {
    let handler = handler();
    register_many(&handler, 30).await;
    // Each question for the time finds ten seconds gone.
    let asked = Cell::new(0);
    let clock = || {
        asked.set(asked.get() + 1);
        now() + SignedDuration::from_secs(10 * (asked.get() - 1))
    };
    handler.handle(event("sweep"), clock).await.unwrap();
    let looked = handler.reconciler.stacks.take_calls().len();
    assert!((1..10).contains(&looked), "{looked} looks");
    // The rest is the next sweep's.
    handler.handle(event("sweep"), now).await.unwrap();
    assert!(!handler.reconciler.stacks.take_calls().is_empty());
}

#[tokio::test]
async fn a_part_of_a_sweep_that_fails_keeps_no_other_from_its_turn() {
    let handler = handler();
    let registry = &handler.reconciler.registry;
    assert!(registry.acquire("no stack at all").await.unwrap());
    registry.tape().next("attention", Fault::Throttled, 1);
    assert!(handler.handle(event("sweep"), now).await.is_err());
    assert_eq!(registry.slots().0, 0);
    assert_eq!(handler.upgrades.now().unwrap().state, UpgradeState::Done);
    registry.tape().next("holders", Fault::Throttled, 1);
    register(&handler, json!({"service": "orders", "image": "nginx:1"})).await;
    assert!(handler.handle(event("sweep"), now).await.is_err());
    assert_eq!(handler.reconciler.stacks.take_calls().len(), 2);
}

#[tokio::test]
async fn the_sweep_brings_stacks_to_what_a_new_version_renders() {
    let mut handler = handler();
    register(&handler, json!({"service": "orders", "image": "nginx:1"})).await;
    let mut minute = 0;
    for version in ["vpc-1", "vpc-2"] {
        version.clone_into(&mut handler.reconciler.platform.vpc);
        handler.reconciler.fingerprint = fingerprint(&handler.reconciler.platform);
        for _ in 0..20 {
            minute += 1;
            let now = now() + SignedDuration::from_mins(minute);
            handler.handle(event("sweep"), || now).await.unwrap();
        }
        let upgrade = handler.upgrades.now().unwrap();
        assert_eq!(upgrade.state, UpgradeState::Done);
        assert_eq!(upgrade.fingerprint, handler.reconciler.fingerprint);
    }
    let upgrade = handler.upgrades.now().unwrap();
    assert_eq!((upgrade.done, upgrade.unchanged), (1, 1));
    assert!(handler.reconciler.registry.all_attention().is_empty());
}

#[tokio::test]
async fn a_round_has_a_stack_looked_at_that_somebody_deleted() {
    let handler = handler();
    register(&handler, json!({"service": "orders", "image": "nginx:1"})).await;
    for minute in 0..20 {
        let now = now() + SignedDuration::from_mins(minute);
        handler.handle(event("sweep"), || now).await.unwrap();
    }
    handler.waker.take();
    let name = "devops2-g4--orders--prod";
    handler.reconciler.stacks.delete_by_hand(name);
    let later = || now() + SignedDuration::from_hours(1);
    handler.handle(event("round"), later).await.unwrap();
    let scope = Scope::Environment("prod".parse().unwrap());
    let wakeup = ("orders".parse().unwrap(), scope, Duration::ZERO);
    assert_eq!(handler.waker.take(), [wakeup]);
    handler.handle(event("wake-queue"), later).await.unwrap();
    let calls = handler.reconciler.stacks.take_calls();
    assert_eq!(calls.last().unwrap(), &format!("prepare {name}"));
}

#[tokio::test]
async fn a_round_looks_at_how_images_are_scanned_where_the_platform_is_to() {
    let mut handler = handler();
    handler.handle(event("round"), now).await.unwrap();
    assert!(!handler.reconciler.checks.scanned().enhanced);
    handler.scans = true;
    handler.handle(event("round"), now).await.unwrap();
    assert!(handler.reconciler.checks.scanned().enhanced);
}

#[tokio::test]
async fn a_rotation_and_each_round_look_at_the_databases() {
    for told in ["secret-rotation", "round"] {
        let handler = handler();
        handler.handle(event(told), now).await.unwrap();
        let calls = handler.reconciler.registry.take_calls();
        assert_eq!(calls.get("databases"), Some(&1), "{told}");
    }
}
