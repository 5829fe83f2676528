//! What the notifier does with events as Lambda hands them over, on fakes of its ports.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use slipway_control::Stamp;
use slipway_control::change::{self, Request};
use slipway_control::fake::{FakeListeners, FakeRegistry, Fault};
use slipway_control::ports::{ChangeWriter as _, PostError};
use slipway_domain::{Cause, Manifest, Platform, ServiceName};
use slipway_notifier::{Handler, Parcel, headers};
use ulid::Ulid;

type InMemory = Handler<FakeRegistry, FakeListeners, FakeListeners, FakeListeners, FakeListeners>;

/// A notifier whose registry has the service `orders` with these webhooks.
async fn notifier(webhooks: Value) -> (InMemory, FakeListeners) {
    let listeners = FakeListeners::default();
    let handler = Handler {
        platform: "devops2-g4".parse().unwrap(),
        registry: FakeRegistry::new(5),
        topic: listeners.clone(),
        queue: listeners.clone(),
        keys: listeners.clone(),
        poster: listeners.clone(),
        chance: || [7; 32],
    };
    let manifest = json!({
        "service": "orders", "team": "shop", "image": "nginx:1", "notify": {"webhooks": webhooks},
    });
    let request = Request {
        actor: "test".to_owned(),
        stamp: Stamp {
            now: now(),
            id: Ulid(1),
        },
        action: "register",
        cause: Cause::Api,
    };
    let manifest = Manifest::read(&manifest).unwrap();
    let change = change::register(manifest, &Platform::sample(), &request);
    handler.registry.commit(&change).await.unwrap();
    (handler, listeners)
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

fn orders() -> ServiceName {
    "orders".parse().unwrap()
}

fn event(name: &str) -> Value {
    let path = format!(
        "{}/../../events/notifier/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).expect(&path);
    serde_json::from_str(&text).expect(name)
}

async fn hears(handler: &InMemory, name: &str) -> Value {
    handler.handle(&event(name), now).await
}

fn done() -> Value {
    json!({"batchItemFailures": []})
}

fn parcels(listeners: &FakeListeners) -> Vec<Parcel> {
    let messages = listeners.handed_over();
    let read = messages.iter().map(|it| serde_json::from_str(it).unwrap());
    read.collect()
}

#[tokio::test]
async fn the_topic_is_told_that_a_deployment_started_and_how_it_ended() {
    let (handler, listeners) = notifier(json!([])).await;
    for name in [
        "deployment-started",
        "deployment-step",
        "deployment-succeeded",
        "deployment-failed",
    ] {
        assert_eq!(hears(&handler, name).await, done(), "{name}");
    }
    let told = listeners.announced();
    let subjects: Vec<&str> = told.iter().map(|it| it.subject.as_str()).collect();
    assert_eq!(
        subjects,
        [
            "orders (prod): deployment started",
            "orders (prod): deployed",
            "orders (prod): DEPLOYMENT FAILED"
        ]
    );
    let failed = &told[2];
    assert!(failed.text.contains("circuit breaker was triggered"));
    assert!(failed.text.contains("no database"));
    assert!(failed.text.contains("0a1b2c3 \"Fix the total\", by alice"));
    let team = ("team", "shop".to_owned());
    assert!(failed.attributes.contains(&team));
    assert!(listeners.handed_over().is_empty());
}

#[tokio::test]
async fn each_webhook_gets_a_parcel_of_what_it_wants_to_hear() {
    let (handler, listeners) = notifier(json!([
        {"url": "https://all.example.com/a"},
        {"url": "https://bad.example.com/b", "on": ["failed"]},
    ]))
    .await;
    hears(&handler, "deployment-started").await;
    hears(&handler, "deployment-failed").await;
    let sent: Vec<(String, String)> = parcels(&listeners)
        .into_iter()
        .map(|it| (it.url.host().to_owned(), it.id))
        .collect();
    let id = "01KAPZ0000000000000000000A";
    assert_eq!(
        sent,
        [
            ("all.example.com".to_owned(), format!("{id}-started")),
            ("all.example.com".to_owned(), format!("{id}-failed")),
            ("bad.example.com".to_owned(), format!("{id}-failed")),
        ]
    );
    assert_eq!(parcels(&listeners)[2].body, listeners.announced()[1].json);
}

#[tokio::test]
async fn of_a_burst_of_pushes_only_the_one_that_stays_is_told() {
    let (handler, listeners) = notifier(json!([])).await;
    assert_eq!(hears(&handler, "burst-of-pushes").await, done());
    let told = listeners.announced();
    assert_eq!(told.len(), 1);
    assert!(told[0].text.contains("01KAPZ0000000000000000000C"));
}

#[tokio::test]
async fn a_record_that_comes_twice_is_told_under_one_id() {
    let (handler, listeners) = notifier(json!([{"url": "https://all.example.com/a"}])).await;
    hears(&handler, "deployment-failed").await;
    hears(&handler, "deployment-failed").await;
    let told = listeners.announced();
    assert_eq!(told[0], told[1]);
    assert_eq!(parcels(&listeners)[0], parcels(&listeners)[1]);

    // Twice in one batch, it is told once.
    let mut twice = event("deployment-failed");
    let again = twice["Records"][0].clone();
    twice["Records"].as_array_mut().unwrap().push(again);
    handler.handle(&twice, now).await;
    assert_eq!(listeners.announced().len(), 3);
}

#[tokio::test]
async fn what_could_not_be_told_comes_again_from_its_record_on() {
    for broken in ["announce", "hand_over"] {
        let (handler, listeners) = notifier(json!([{"url": "https://a.example.com/"}])).await;
        listeners.break_down(Some(broken));
        let answer = hears(&handler, "deployment-failed").await;
        let sequence =
            event("deployment-failed")["Records"][0]["dynamodb"]["SequenceNumber"].clone();
        assert_eq!(
            answer,
            json!({"batchItemFailures": [{"itemIdentifier": sequence}]}),
            "{broken}"
        );
        assert!(listeners.announced().is_empty(), "people read no repeats");
        listeners.break_down(None);
        assert_eq!(hears(&handler, "deployment-failed").await, done());
        assert_eq!(listeners.announced().len(), 1);
    }
    let (handler, listeners) = notifier(json!([])).await;
    handler.registry.tape().next("service", Fault::Throttled, 1);
    assert_ne!(hears(&handler, "deployment-failed").await, done());
    assert!(listeners.announced().is_empty());
}

#[tokio::test]
async fn the_end_of_a_service_that_is_gone_is_told_without_its_team() {
    let (handler, listeners) = notifier(json!([])).await;
    let text = event("deployment-failed").to_string();
    let elsewhere = text.replace("orders", "gone");
    let elsewhere = serde_json::from_str(&elsewhere).unwrap();
    assert_eq!(handler.handle(&elsewhere, now).await, done());
    let told = listeners.announced();
    assert!(told[0].subject.starts_with("gone (prod)"));
    assert!(!told[0].attributes.iter().any(|(name, _)| *name == "team"));
}

#[tokio::test]
async fn a_parcel_is_signed_with_the_services_key_which_is_made_when_it_is_missing() {
    let (handler, listeners) = notifier(json!([])).await;
    assert_eq!(hears(&handler, "parcels").await, done());
    let key = listeners.secret_of(&orders()).unwrap();
    assert!(key.secret.starts_with("whsec_"));
    assert!(!format!("{key:?}").contains(&key.secret));
    let posted = listeners.posted();
    assert_eq!(posted.len(), 2);
    let parcel: Parcel =
        serde_json::from_str(event("parcels")["Records"][0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(posted[0].url, parcel.url);
    assert_eq!(posted[0].body, parcel.body);
    let signed = headers(key.valid(now()), &parcel.id, now(), &parcel.body).unwrap();
    assert_eq!(posted[0].headers, signed);
    assert!(listeners.put_back().is_empty());
}

#[tokio::test]
async fn what_a_receiver_does_not_take_comes_again_ever_later_and_410_ends_it() {
    let refused = [
        Ok(500),
        Ok(429),
        Ok(302),
        Err(PostError::Inside),
        Err(PostError::NoAnswer(
            "no answer within 10 seconds".to_owned(),
        )),
    ];
    for answer in refused {
        let (handler, listeners) = notifier(json!([])).await;
        listeners.answers("other.example.com", answer.clone());
        let again = event("parcels")["Records"][1].clone();
        assert_eq!(
            hears(&handler, "parcels").await,
            json!({"batchItemFailures": [{"itemIdentifier": again["messageId"]}]}),
            "{answer:?}"
        );
        let handle = again["receiptHandle"].as_str().unwrap().to_owned();
        assert_eq!(listeners.put_back(), [(handle, Duration::from_mins(5))]);
    }
    let (handler, listeners) = notifier(json!([])).await;
    listeners.answers("hooks.example.com", Ok(410));
    assert_eq!(hears(&handler, "parcels").await, done());
    assert!(listeners.put_back().is_empty());
}

#[tokio::test]
async fn a_parcel_that_cannot_be_signed_or_rested_comes_again() {
    for broken in ["notify_secret", "put_back"] {
        let (handler, listeners) = notifier(json!([])).await;
        listeners.break_down(Some(broken));
        listeners.answers("hooks.example.com", Ok(500));
        listeners.answers("other.example.com", Ok(500));
        let answer = hears(&handler, "parcels").await;
        let failures = answer["batchItemFailures"].as_array().unwrap();
        assert_eq!(failures.len(), 2, "{broken}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_holds_up_nobody() {
    let (handler, listeners) = notifier(json!([])).await;
    let mut poisoned = event("deployment-failed");
    let mut first = poisoned["Records"][0].clone();
    first["dynamodb"]["NewImage"]["body"]["S"] = "no JSON".into();
    let records = poisoned["Records"].as_array_mut().unwrap();
    records.insert(0, first);
    records.insert(0, json!(7));
    records[0] = json!({"eventSource": "aws:dynamodb"});
    assert_eq!(handler.handle(&poisoned, now).await, done());
    assert_eq!(listeners.announced().len(), 1);
    for nothing in [json!({}), json!(null), json!({"Records": []})] {
        assert_eq!(handler.handle(&nothing, now).await, Value::Null);
    }
    let mail = json!({"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": "{}"}]});
    assert_eq!(handler.handle(&mail, now).await, done());
    assert!(listeners.posted().is_empty());
}
