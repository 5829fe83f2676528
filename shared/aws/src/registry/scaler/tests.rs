//! What is sent to the table for scaling, and what is read back of it.

use serde_json::{Value, json};
use slipway_control::ports::ServiceReader;
use slipway_control::record::AuditEntry;
use slipway_scaling::{Bounds, Verdict};

use super::*;
use crate::replay::{Asked, Replay, Reply};

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

fn decision() -> Decision {
    Decision {
        at: now(),
        verdict: Verdict::Out,
        from: 2,
        to: 4,
        summary: "Twice the requests.".to_owned(),
        reasons: Vec::new(),
        attention: true,
        look_again: None,
        state: State::default(),
    }
}

fn write(version: u64, attention: Option<Timestamp>) -> ScalerWrite {
    let held = Override {
        bounds: Bounds { min: 3, max: 5 },
        until: now(),
        by: "ada".to_owned(),
    };
    ScalerWrite {
        audit: None,
        service: "orders".parse().unwrap(),
        environment: "prod".parse().unwrap(),
        record: ScalerRecord {
            version,
            state: State::default(),
            last: Some(decision()),
            held: Some(held),
            asleep_since: Some(now()),
            attention,
            ..ScalerRecord::default()
        },
        decision: Some(decision()),
    }
}

fn registry(replay: &Replay) -> Registry {
    Registry::new(&replay.config(), "registry", 5)
}

async fn written(write: &ScalerWrite) -> Value {
    let replay = Replay::new(|_| Reply::json(&json!({})));
    assert!(registry(&replay).save_scaler(write).await.unwrap());
    replay.asked()[0].json()["TransactItems"].clone()
}

#[tokio::test]
async fn a_record_is_written_at_its_version_and_only_while_its_stack_is_there() {
    let items = written(&write(7, Some(now()))).await;
    let scaler = &items[0]["Update"];
    assert_eq!(scaler["Key"]["PK"]["S"], "SERVICE#orders");
    assert_eq!(scaler["Key"]["SK"]["S"], "SCALER#prod#eu-central-1");
    assert_eq!(scaler["ConditionExpression"], "version = :version");
    let values = &scaler["ExpressionAttributeValues"];
    assert_eq!(
        (&values[":version"]["N"], &values[":next"]["N"]),
        (&json!("7"), &json!("8"))
    );
    assert_eq!(values[":mine"]["S"], "scaler#eu-central-1");
    let stack = &items[1]["ConditionCheck"];
    assert_eq!(stack["Key"]["SK"]["S"], "STACK#prod#eu-central-1");
    assert_eq!(stack["ConditionExpression"], "attribute_exists(PK)");
    let kept = &items[2]["Put"]["Item"];
    assert_eq!(
        kept["SK"]["S"],
        "DECISION#prod#eu-central-1#2026-11-18T11:06:40.000Z"
    );
    assert_eq!(
        kept["expires_at"]["N"],
        (1_795_000_000 + 30 * 86_400).to_string()
    );
}

#[tokio::test]
async fn who_asked_for_it_stands_in_the_audit_log_by_the_same_transaction() {
    let entry = AuditEntry {
        id: ulid::Ulid(7),
        at: now(),
        actor: "ada".to_owned(),
        action: "set-count".to_owned(),
        generation: 1,
        before: None,
        after: String::new(),
        note: Some("prod: from 2 to 4".to_owned()),
    };
    let items = written(&ScalerWrite {
        audit: Some(entry),
        ..write(7, None)
    })
    .await;
    let audit = &items[3]["Put"]["Item"];
    assert_eq!(audit["SK"]["S"], format!("AUDIT#{}", ulid::Ulid(7)));
    let body = audit["body"]["S"].as_str().unwrap();
    assert!(body.contains("set-count"), "{body}");
}

#[tokio::test]
async fn a_first_record_finds_none_and_one_without_attention_leaves_the_index() {
    let items = written(&write(0, None)).await;
    let scaler = &items[0]["Update"];
    assert_eq!(scaler["ConditionExpression"], "attribute_not_exists(PK)");
    let update = scaler["UpdateExpression"].as_str().unwrap();
    assert!(
        update.ends_with("REMOVE attention, attention_at"),
        "{update}"
    );
}

#[tokio::test]
async fn who_was_overtaken_or_finds_no_stack_writes_nothing() {
    let replay = Replay::new(|_| {
        let body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}],
        });
        Reply::refusal(&body)
    });
    let saved = registry(&replay).save_scaler(&write(7, None)).await;
    assert!(!saved.unwrap());
}

/// The table's answer to a query of the service: what `write` wrote, and the service itself.
fn stored(asked: &Asked) -> Reply {
    let service = json!({
        "uid": "00000000000000000000000001",
        "generation": 1,
        "manifest": slipway_domain::Manifest::read(&json!({"service": "orders"})).unwrap(),
        "created_at": now(),
        "updated_at": now(),
        "updated_by": "ada",
    });
    let spec = json!({
        "PK": {"S": "SERVICE#orders"}, "SK": {"S": "SPEC"}, "body": {"S": service.to_string()},
    });
    let body = json!({"asleep_since": now(), "held": {
        "bounds": {"min": 3, "max": 5}, "until": now(), "by": "ada",
    }});
    let scaler = |env: &str, version: &str| {
        json!({
            "PK": {"S": "SERVICE#orders"}, "SK": {"S": format!("SCALER#{env}#eu-central-1")},
            "version": {"N": version}, "attention_at": {"N": "1795000000"},
            "body": {"S": body.to_string()},
        })
    };
    let first = asked.json()["ExpressionAttributeValues"].clone();
    let items = if first.get(":scalers").is_some() {
        json!([scaler("dev", "3"), scaler("prod", "9"), spec])
    } else {
        json!([spec])
    };
    Reply::json(&json!({"Items": items, "Count": 3}))
}

#[tokio::test]
async fn a_service_and_what_is_remembered_of_one_environment_are_one_query() {
    let replay = Replay::new(stored);
    let registry = registry(&replay);
    let (orders, prod) = ("orders".parse().unwrap(), "prod".parse().unwrap());
    let (state, record) = registry.scaled(&orders, &prod).await.unwrap().unwrap();
    assert_eq!(state.service.name(), &orders);
    assert_eq!((record.version, record.attention), (9, Some(now())));
    assert_eq!(record.held.unwrap().bounds, Bounds { min: 3, max: 5 });
    assert_eq!(record.asleep_since, Some(now()));
    assert_eq!(replay.operations(), ["Query"]);
    // Who does not ask for it does not read it: `SCALER#` sorts before `SPEC`.
    assert!(registry.service(&orders).await.unwrap().is_some());
    let range = &replay.asked()[1].json()["ExpressionAttributeValues"];
    assert!(range[":spec"]["S"].as_str().unwrap() > "SCALER#~");
}

#[test]
fn a_look_that_was_asked_for_before_anything_is_remembered_is_an_empty_record() {
    let mut item = keyed((
        "SERVICE#orders".to_owned(),
        "SCALER#prod#eu-central-1".to_owned(),
    ));
    item.insert("version".to_owned(), number(1));
    item.insert("attention_at".to_owned(), seconds(now()));
    let expected = ScalerRecord {
        version: 1,
        attention: Some(now()),
        ..ScalerRecord::default()
    };
    assert_eq!(record(QUERY, &item).unwrap(), expected);
}

#[tokio::test]
async fn the_tick_is_one_query_of_its_own_part_of_the_index() {
    let replay = Replay::new(|_| {
        Reply::json(&json!({"Count": 1, "Items": [{
            "PK": {"S": "SERVICE#orders"}, "SK": {"S": "SCALER#prod#eu-central-1"},
        }]}))
    });
    let due = registry(&replay)
        .scaler_attention(now(), 100)
        .await
        .unwrap();
    assert_eq!(due, [("orders".parse().unwrap(), "prod".parse().unwrap())]);
    let asked = replay.asked()[0].json();
    assert_eq!(asked["IndexName"], "attention");
    let values = &asked["ExpressionAttributeValues"];
    assert_eq!(values[":mine"]["S"], "scaler#eu-central-1");
}
