//! What is sent to the table: each write bears the condition that it was decided under.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use serde_json::{Value, json};
use slipway_control::Stamp;
use slipway_control::change::{Change, Request, register, replace};
use slipway_control::error::CommitError;
use slipway_control::places::{self, balancers};
use slipway_control::ports::{ChangeWriter, Room, Slots, StackRegistry, StackWrite};
use slipway_control::record::{Seen, ServiceState};
use slipway_domain::{Cause, Manifest, Platform, Scope};
use ulid::Ulid;

use super::Registry;
use crate::replay::{Replay, Reply};

/// A table that says yes to everything, and keeps what it was asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    asked: Arc<Mutex<Vec<Value>>>,
}

impl HttpConnector for Table {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap();
        let asked = serde_json::from_slice(body).unwrap();
        self.asked.lock().unwrap().push(asked);
        let yes = HttpResponse::new(200.try_into().unwrap(), SdkBody::from("{}"));
        HttpConnectorFuture::ready(Ok(yes))
    }
}

impl HttpClient for Table {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl Table {
    pub(super) fn registry(&self) -> Registry {
        let credentials = Credentials::new("id", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(self.clone())
            .build();
        Registry::new(&config, "registry", 5)
    }

    /// What it was asked last.
    fn last(&self) -> Value {
        self.asked.lock().unwrap().last().unwrap().clone()
    }

    /// The one part of the last transaction whose key begins so, as what it does and how.
    pub(super) fn part(&self, key: &str) -> Part {
        part(&self.last(), key)
    }
}

/// A part of a transaction.
#[derive(Debug)]
pub(super) struct Part(pub(super) Value);

fn part(transaction: &Value, key: &str) -> Part {
    let items = transaction["TransactItems"].as_array().unwrap();
    let mut mine = items.iter().filter_map(|item| {
        let part = item.as_object()?.values().next()?;
        let keys = part.get("Key").or_else(|| part.get("Item"))?;
        let text = |name: &str| keys[name]["S"].as_str().unwrap_or_default().to_owned();
        let whole = format!("{}/{}", text("PK"), text("SK"));
        whole.contains(key).then(|| Part(part.clone()))
    });
    let found = mine
        .next()
        .unwrap_or_else(|| panic!("no {key} in {transaction:#}"));
    assert!(mine.next().is_none(), "several {key} in {transaction:#}");
    found
}

impl Part {
    pub(super) fn condition(&self) -> &str {
        self.0["ConditionExpression"].as_str().unwrap_or_default()
    }

    /// The value of a name in its expressions.
    pub(super) fn value(&self, name: &str) -> &str {
        let value = self.0["ExpressionAttributeValues"][name].as_object();
        let value = value.and_then(|value| value.values().next());
        value.and_then(Value::as_str).unwrap_or_default()
    }
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

pub(super) fn request() -> Request {
    Request {
        actor: "ada".to_owned(),
        stamp: Stamp {
            now: now(),
            id: Ulid(7 << 80),
        },
        action: "register",
        cause: Cause::Api,
    }
}

fn manifest(image: &str) -> Manifest {
    let document = json!({"service": "orders", "image": image});
    Manifest::read_on(&document, &Platform::sample()).unwrap()
}

pub(super) fn seen() -> Seen {
    Seen {
        key: "k1".to_owned(),
        request: "R".to_owned(),
        response: Value::Null,
        expires_at: now(),
    }
}

fn registered() -> (Change, ServiceState) {
    let mut change = register(manifest("nginx:1"), &Platform::sample(), &request());
    change.seen = Some(seen());
    let state = change.after(None);
    (change, state)
}

const MINE_OR_NOBODYS: &str = "attribute_not_exists(PK) OR (service = :service AND env = :env)";

#[tokio::test]
async fn a_stack_is_written_under_the_version_that_was_read_and_gets_the_next() {
    let (table, (_, state)) = (Table::default(), registered());
    let mut record = state.stacks[&Scope::Environment("prod".parse().unwrap())].clone();
    record.version = 7;
    let write = StackWrite {
        service: "orders".parse().unwrap(),
        release: record.paths.iter().cloned().collect(),
        places: Vec::new(),
        databases: Vec::new(),
        record,
        deployments: Vec::new(),
        audit: None,
    };
    assert!(table.registry().save(&write).await.unwrap());
    let stack = table.part("STACK#prod");
    assert_eq!(stack.condition(), "version = :version");
    assert_eq!((stack.value(":version"), stack.value(":next")), ("7", "8"));
    let update = stack.0["UpdateExpression"].as_str().unwrap();
    assert!(update.contains("version = :next"), "{update}");
    let path = table.part("CLAIM#path");
    assert_eq!(path.condition(), MINE_OR_NOBODYS);
    assert_eq!(
        (path.value(":service"), path.value(":env")),
        ("orders", "prod")
    );
}

#[tokio::test]
async fn an_environment_is_forgotten_under_its_version_and_wakes_its_services_own_stack() {
    let (table, (_, state)) = (Table::default(), registered());
    let prod = "prod".parse().unwrap();
    let mut record = state.stacks[&Scope::Environment("prod".parse().unwrap())].clone();
    record.version = 7;
    let orders = "orders".parse().unwrap();
    let registry = table.registry();
    let forgotten = registry.forget_environment(&orders, &prod, &record, now());
    assert!(forgotten.await.unwrap());
    let stack = table.part("STACK#prod");
    assert_eq!(stack.condition(), "version = :version");
    assert_eq!(stack.value(":version"), "7");
    assert_eq!(table.part("CLAIM#path").condition(), MINE_OR_NOBODYS);
    assert_eq!(table.part("SCALER#prod").condition(), "");
    let own = table.part("STACK#-");
    assert_eq!(own.condition(), "attribute_exists(PK)");
    let update = own.0["UpdateExpression"].as_str().unwrap();
    assert!(update.ends_with("ADD version :one"), "{update}");
}

#[tokio::test]
async fn a_service_is_forgotten_at_its_generation_and_incarnation() {
    let (table, (_, state)) = (Table::default(), registered());
    let mut record = state.stacks[&Scope::Service].clone();
    record.version = 7;
    let uid = state.service.uid.to_string();
    let registry = table.registry();
    assert!(
        registry
            .forget_service(&state.service, &record)
            .await
            .unwrap()
    );
    let service = table.part("/SPEC");
    assert_eq!(
        service.condition(),
        "generation = :generation AND uid = :uid"
    );
    assert_eq!(
        (service.value(":generation"), service.value(":uid")),
        ("1", &*uid)
    );
    let stack = table.part("STACK#-");
    assert_eq!(stack.condition(), "version = :version");
    assert_eq!(stack.value(":version"), "7");
    let first = table.asked.lock().unwrap()[0].clone();
    let generation = part(&first, "GENERATION#");
    assert_eq!(
        generation.condition(),
        "attribute_not_exists(PK) OR uid = :uid"
    );
    assert_eq!(generation.value(":uid"), uid);
}

#[tokio::test]
async fn a_registration_finds_nothing_of_its_name_and_takes_paths_that_are_free() {
    let (table, (change, _)) = (Table::default(), registered());
    table.registry().commit(&change).await.unwrap();
    assert_eq!(table.part("/SPEC").condition(), "attribute_not_exists(PK)");
    let stack = table.part("STACK#prod");
    assert_eq!(stack.condition(), "attribute_not_exists(PK)");
    assert_eq!(stack.0["Item"]["version"]["N"], "1795000000000");
    assert_eq!(table.part("CLAIM#path").condition(), MINE_OR_NOBODYS);
    let seen = table.part("SEEN#");
    assert_eq!(
        seen.condition(),
        "attribute_not_exists(PK) OR expires_at < :now"
    );
    assert_eq!(seen.value(":now"), "1795000000");
}

#[tokio::test]
async fn places_are_claimed_while_they_are_free_and_within_the_limits_and_given_back_by_name() {
    let platform = Platform::sample();
    let document = json!({
        "service": "orders", "image": "nginx:1", "ingress": "shared",
        "deploy": {"strategy": "canary"},
    });
    let manifest = Manifest::read_on(&document, &platform).unwrap();
    let mut change = register(manifest.clone(), &platform, &request());
    let wanted = places::wanted(&manifest, None, &platform);
    let limits = places::Limits {
        balancer: Room {
            rules: 90,
            groups: 80,
        },
        api: Room {
            rules: 104,
            groups: 85,
        },
        keeps_a_tenth: false,
    };
    let claims = places::choose(&wanted, places::AllTaken::new(), limits, &platform).unwrap();
    let on = |name: &str| claims.places.iter().find(|(place, _)| place.on == name);
    let priority = on("shared-1").unwrap().0.number;
    let path = on("http-api").unwrap().0.number;
    places::add(&mut change, claims);
    let table = Table::default();
    let registry = table.registry();
    registry.commit(&change).await.unwrap();
    let balancer = table.part("CLAIM#places#eu-central-1#shared-1");
    assert_eq!(
        balancer.condition(),
        "(attribute_not_exists(#groups) OR size(#groups) <= :groups_before) AND (attribute_not_exists(#rules) OR size(#rules) <= :rules_before) AND NOT contains(#rules, :rule0)"
    );
    let before = [":groups_before", ":rules_before", ":rule0"].map(|it| balancer.value(it));
    assert_eq!(before, ["78", "89", &priority.to_string()]);
    let groups = [1, 2].map(|group| format!("{priority} {group} orders/prod"));
    let values = &balancer.0["ExpressionAttributeValues"];
    assert_eq!(values[":groups"]["SS"], json!(groups));
    let prod = Scope::Environment("prod".parse().unwrap());
    let places = &table.part("STACK#prod").0["Item"]["places"]["SS"];
    let api = format!("http-api {path:05} 0 /orders");
    let shared = [1, 2].map(|group| format!("shared-1 {priority} {group} /orders"));
    assert_eq!(*places, json!([api, shared[0], shared[1]]));
    // The HTTP API has its routes, four of which are the platform's own, and no integration of it.
    let api = table.part("CLAIM#places#eu-central-1#http-api");
    assert_eq!(
        api.condition(),
        "(attribute_not_exists(#rules) OR size(#rules) <= :rules_before) AND NOT contains(#rules, :rule0)"
    );
    assert_eq!(api.value(":rules_before"), "49");
    // All go with the environment, one with its strategy.
    let record = &change.after(None).stacks[&prod];
    let (orders, prod) = ("orders".parse().unwrap(), "prod".parse().unwrap());
    let forgotten = registry.forget_environment(&orders, &prod, record, now());
    assert!(forgotten.await.unwrap());
    let given_back = table.part("CLAIM#places#eu-central-1#shared-1").0;
    assert_eq!(
        given_back["UpdateExpression"],
        "DELETE #groups :groups, #rules :rules"
    );
    let write = StackWrite {
        service: orders,
        release: Vec::new(),
        places: record.places.iter().skip(2).cloned().collect(),
        databases: Vec::new(),
        record: record.clone(),
        deployments: Vec::new(),
        audit: None,
    };
    assert!(registry.save(&write).await.unwrap());
    let given_back = table.part("CLAIM#places#eu-central-1#shared-1").0;
    assert_eq!(given_back["UpdateExpression"], "DELETE #groups :groups");
    let update = &table.part("STACK#prod").0["UpdateExpression"];
    assert!(update.as_str().unwrap().ends_with("DELETE places :left"));
    // The load balancer is looked at, at once: it may have been the last place.
    let woken = table.part("SERVICE#shared-1/STACK#-");
    assert_eq!(woken.condition(), "attribute_exists(PK)");
    assert_eq!(woken.value(":at"), "0");
}

#[tokio::test]
async fn a_load_balancer_comes_with_the_first_place_is_joined_by_others_and_goes_with_the_last() {
    let platform = Platform::sample();
    let document = json!({"service": "orders", "image": "nginx:1", "ingress": "shared"});
    let manifest = Manifest::read_on(&document, &platform).unwrap();
    let wanted = places::wanted(&manifest, None, &platform);
    let commit = async |taken: places::AllTaken| {
        let mut change = register(manifest.clone(), &platform, &request());
        let limits = places::Limits::default();
        let claims = places::choose(&wanted, taken, limits, &platform).unwrap();
        for name in claims.first_on() {
            let kept = balancers::kept(&name, None, &platform, &change).unwrap();
            change.balancers.kept.push(kept);
        }
        places::add(&mut change, claims);
        let table = Table::default();
        table.registry().commit(&change).await.unwrap();
        table
    };
    // Registered in the same transaction, if nobody was quicker.
    let table = commit(places::AllTaken::new()).await;
    let spec = table.part("SERVICE#shared-1/SPEC");
    assert_eq!(spec.condition(), "attribute_not_exists(PK)");
    let claim = table.part("CLAIM#places#eu-central-1#shared-1");
    let joins = "attribute_exists(#rules) AND";
    assert!(!claim.condition().contains(joins));
    // Where others are already, only while somebody is.
    let others = places::Taken {
        rules: [1].into(),
        groups: 1,
    };
    let table = commit([("shared-1".to_owned(), others)].into()).await;
    let claim = table.part("CLAIM#places#eu-central-1#shared-1");
    assert!(claim.condition().starts_with(joins));
    // It goes only while nobody is.
    let own = slipway_domain::balancer::manifest("shared-1".parse().unwrap());
    let state = register(own, &platform, &request()).after(None);
    let end = balancers::ended(&state, &places::Taken::default(), now()).unwrap();
    let table = Table::default();
    table.registry().commit(&end).await.unwrap();
    assert_eq!(
        table.part("CLAIM#places#eu-central-1#shared-1").condition(),
        "attribute_not_exists(#rules) AND attribute_not_exists(#groups)"
    );
}

#[tokio::test]
async fn a_change_that_meets_another_transaction_is_made_again_and_one_that_came_too_late_is_not() {
    let commits = |code: &'static str| async move {
        let replay = Replay::new(move |_| {
            Reply::refusal(&json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "CancellationReasons": [{"Code": code}, {"Code": "None"}],
            }))
        });
        let registry = Registry::new(&replay.config(), "registry", 5);
        let change = register(manifest("orders"), &Platform::sample(), &request());
        let refusal = registry.commit(&change).await.unwrap_err();
        (replay.operations().len(), refusal)
    };
    let (tries, refusal) = commits("TransactionConflict").await;
    assert!(matches!(refusal, CommitError::Contended), "{refusal:?}");
    assert_eq!(tries, 5);
    let (tries, refusal) = commits("ConditionalCheckFailed").await;
    assert!(matches!(refusal, CommitError::Moved), "{refusal:?}");
    assert_eq!(tries, 1);
}

#[tokio::test]
async fn a_change_is_committed_at_the_generation_and_incarnation_that_were_read() {
    let (table, (_, state)) = (Table::default(), registered());
    let platform = Platform::sample();
    let change = replace(&state, manifest("nginx:2"), None, &platform, &request());
    table.registry().commit(&change).await.unwrap();
    let service = table.part("/SPEC");
    assert_eq!(service.condition(), "generation = :from AND uid = :uid");
    let uid = state.service.uid.to_string();
    assert_eq!(
        (service.value(":from"), service.value(":uid")),
        ("1", &*uid)
    );
    for key in ["STACK#-", "STACK#prod"] {
        let stack = table.part(key);
        assert_eq!(stack.condition(), "attribute_exists(PK)");
        let update = stack.0["UpdateExpression"].as_str().unwrap();
        assert!(update.contains("ADD version :one"), "{update}");
    }
    let document = json!({"service": "orders", "image": "nginx:1", "cpu": 512, "memory": 1024});
    let manifest = Manifest::read_on(&document, &platform).unwrap();
    let change = replace(&state, manifest, None, &platform, &request());
    table.registry().commit(&change).await.unwrap();
    let stack = table.part("STACK#prod");
    let counted = "attribute_exists(PK) AND version = :counted_at";
    assert_eq!(stack.condition(), counted);
    let version = state.stacks[&"prod".parse().unwrap()].version;
    assert_eq!(stack.value(":counted_at"), version.to_string());
}

#[tokio::test]
async fn a_change_of_how_a_service_is_scaled_has_the_scaler_look_and_no_other_change_does() {
    let (table, (_, state)) = (Table::default(), registered());
    let platform = Platform::sample();
    let with = |scaling: Value| {
        let document = json!({"service": "orders", "image": "nginx:1", "scaling": scaling});
        let manifest = Manifest::read_on(&document, &platform).unwrap();
        replace(&state, manifest, None, &platform, &request())
    };
    let hours = json!({"schedule": [{"from": "08:00", "to": "18:00", "min": 6}]});
    table.registry().commit(&with(hours)).await.unwrap();
    let scaler = table.part("SCALER#prod");
    // Whatever is remembered, if anything is: a look at this moment does not know the hours.
    assert_eq!(scaler.0.get("ConditionExpression"), None);
    assert_eq!(
        scaler.0["UpdateExpression"],
        "SET attention = :mine, attention_at = :at ADD version :one"
    );
    assert_eq!(scaler.value(":mine"), "scaler#eu-central-1");
    let change = replace(&state, manifest("nginx:2"), None, &platform, &request());
    table.registry().commit(&change).await.unwrap();
    assert!(!table.last().to_string().contains("SCALER#"));
}

#[tokio::test]
async fn a_slot_is_taken_while_there_are_some_or_by_who_has_one() {
    let table = Table::default();
    assert!(table.registry().acquire("stack").await.unwrap());
    let asked = table.last();
    assert_eq!(
        asked["ConditionExpression"],
        "attribute_not_exists(holders) OR contains(holders, :stack) OR size(holders) < :max"
    );
    let values = &asked["ExpressionAttributeValues"];
    assert_eq!(
        (&values[":stack"]["S"], &values[":max"]["N"]),
        (&json!("stack"), &json!("5"))
    );
}
