//! Databases and who uses them, on a registry in memory.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slipway_domain::{EnvironmentName, Scope, ServiceName};

use super::tests::{Api, api, caller};
use super::{Precondition, Written};
use crate::databases::output;
use crate::error::{CommitError, ServiceError};
use crate::fake::FakeRegistry;
use crate::ports::{ChangeWriter, ServiceReader, StackRegistry, StackWrite};
use crate::preflight::{Outcome, Subject};
use crate::record::ServiceState;

fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

fn database(access: &[&str]) -> Value {
    json!({"service": "orders-db", "kind": "database", "database": {"access": access}})
}

fn user(service: &str) -> Value {
    json!({"service": service, "image": "nginx:1", "databases": {"DATABASE": "orders-db"}})
}

async fn with_database(access: &[&str]) -> Api {
    let api = api(FakeRegistry::new(5));
    api.register(&database(access), &caller(1)).await.unwrap();
    api
}

pub(super) async fn state(api: &Api, service: &str) -> ServiceState {
    let found = api.registry.service(&name(service)).await.unwrap();
    found.unwrap()
}

fn users(api: &Api) -> BTreeSet<String> {
    let users = api.registry.users_of(&name("orders-db")).users;
    users.iter().map(ToString::to_string).collect()
}

/// What the reconciler writes of a database whose stack was made.
pub(super) async fn make(api: &Api) {
    let state = state(api, "orders-db").await;
    let mut record = state.stacks[&Scope::Environment(prod())].clone();
    record.status.stack_id = Some("arn:1".to_owned());
    let host = (output::HOST.to_owned(), "orders-db.example".to_owned());
    record.status.outputs.extend([host]);
    let write = StackWrite {
        service: name("orders-db"),
        record,
        release: Vec::new(),
        places: Vec::new(),
        databases: Vec::new(),
        deployments: Vec::new(),
        audit: None,
    };
    assert!(api.registry.save(&write).await.unwrap());
}

pub(super) async fn patch(
    api: &Api,
    n: u32,
    service: &str,
    patch: Value,
) -> Result<Written, ServiceError> {
    let exists = Some(Precondition::Exists);
    api.patch(&name(service), &patch, exists.as_ref(), &caller(n))
        .await
}

async fn delete(api: &Api, n: u32, service: &str) -> Result<(), ServiceError> {
    let exists = Some(Precondition::Exists);
    let deleted = api
        .delete(&name(service), exists.as_ref(), &caller(n))
        .await;
    deleted.map(drop)
}

pub(super) fn problems(error: &ServiceError) -> Vec<(&str, &str)> {
    match error {
        ServiceError::Invalid(problems) => {
            assert!(!problems.schema, "it is of its form");
            let all = problems.problems.iter();
            all.map(|it| (&*it.pointer, &*it.detail)).collect()
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn who_is_let_in_uses_a_database_with_one_more_call_and_claims_it_until_it_is_gone() {
    let api = with_database(&["orders"]).await;
    api.registry.take_calls();
    api.register(&user("orders"), &caller(2)).await.unwrap();
    let calls = api.registry.take_calls();
    assert_eq!((calls["service"], calls["commit"]), (1, 1));
    assert_eq!(users(&api), BTreeSet::from(["prod orders/prod".to_owned()]));
    // What is held is not asked for again.
    patch(&api, 3, "orders", json!({"port": 81})).await.unwrap();
    let calls = api.registry.take_calls();
    assert_eq!((calls["service"], calls["commit"]), (1, 1));
    delete(&api, 4, "orders").await.unwrap();
    let of_orders = state(&api, "orders").await;
    let record = &of_orders.stacks[&Scope::Environment(prod())];
    assert_eq!(record.databases.len(), 1);
    let (orders, prod, now) = (name("orders"), prod(), caller(5).stamp.now);
    let forgotten = api.registry.forget_environment(&orders, &prod, record, now);
    assert!(forgotten.await.unwrap());
    assert_eq!(users(&api), BTreeSet::new());
    delete(&api, 6, "orders-db").await.unwrap();
}

#[tokio::test]
async fn whoever_may_not_use_what_it_names_is_told_all_reasons_at_once() {
    let api = with_database(&["other"]).await;
    let shop = json!({"service": "shop", "image": "nginx:1"});
    api.register(&shop, &caller(2)).await.unwrap();
    let wrong = json!({
        "service": "orders", "image": "nginx:1",
        "databases": {"A": "orders-db", "B": "none-db"},
        "environments": {"prod": {}, "qa": {"databases": {"B": "shop", "D": "orders-db"}}},
    });
    let refused = api.register(&wrong, &caller(3)).await.unwrap_err();
    let found = problems(&refused);
    let said = [
        ("/databases/A", "does not let `orders` in"),
        ("/databases/B", "no such database is registered"),
        (
            "/environments/qa/databases/B",
            "a service of the kind `web`",
        ),
        ("/environments/qa/databases/D", "there is `orders-db/prod`"),
    ];
    assert_eq!(found.len(), said.len());
    for ((pointer, detail), (where_, what)) in found.iter().zip(said) {
        assert_eq!(*pointer, where_);
        assert!(detail.contains(what), "{detail}");
    }
    assert_eq!(users(&api), BTreeSet::new());
    // A plan says the same, and nothing is written.
    let plan = api.plan(&wrong).await.unwrap();
    let pointers: Vec<&str> = plan.obstacles.iter().map(|it| &*it.pointer).collect();
    assert_eq!(pointers, said.map(|(pointer, _)| pointer));
    let checked = plan
        .checks
        .iter()
        .filter(|it| it.check == Subject::Databases);
    assert!(checked.clone().all(|it| it.verdict == Outcome::Failed));
    assert_eq!(checked.count(), 2 + 3, "those of each environment");
}

#[tokio::test]
async fn a_plan_tells_whether_the_database_is_there_yet() {
    let api = with_database(&["orders"]).await;
    let verdict = async || {
        let plan = api.plan(&user("orders")).await.unwrap();
        assert_eq!(plan.obstacles, []);
        let check = plan.checks.into_iter();
        let mut check = check.filter(|it| it.check == Subject::Databases);
        check.next().unwrap().verdict
    };
    assert_eq!(verdict().await, Outcome::Unknown);
    make(&api).await;
    assert_eq!(verdict().await, Outcome::Passed);
}

#[tokio::test]
async fn a_database_that_is_used_neither_goes_nor_shuts_its_users_out() {
    let api = with_database(&["orders", "shop"]).await;
    api.register(&user("orders"), &caller(2)).await.unwrap();
    match delete(&api, 3, "orders-db").await.unwrap_err() {
        error @ ServiceError::InUse { .. } => {
            let said = "`orders-db` is used by `orders/prod`";
            assert!(error.to_string().starts_with(said), "{error}");
        }
        other => panic!("{other}"),
    }
    // Who does not use it is shut out.
    let less = json!({"database": {"access": ["orders"]}});
    patch(&api, 4, "orders-db", less).await.unwrap();
    let nobody = json!({"database": {"access": []}});
    match patch(&api, 5, "orders-db", nobody.clone())
        .await
        .unwrap_err()
    {
        ServiceError::InUse { pointer, users, .. } => {
            assert_eq!(pointer, "/database/access");
            assert_eq!(users.len(), 1);
        }
        other => panic!("{other}"),
    }
    let mut manifest = database(&[]);
    manifest["database"] = nobody["database"].clone();
    let plan = api.plan(&manifest).await.unwrap();
    assert_eq!(plan.obstacles[0].pointer, "/database/access");
    assert!(!state(&api, "orders-db").await.service.deleting);
}

#[tokio::test]
async fn an_environment_of_a_database_that_is_used_stays_in_its_manifest() {
    let api = api(FakeRegistry::new(5));
    let mut manifest = database(&["orders"]);
    manifest["environments"] = json!({"qa": {}});
    api.register(&manifest, &caller(1)).await.unwrap();
    let of_qa = json!({
        "service": "orders", "image": "nginx:1", "databases": {"DATABASE": "orders-db/qa"},
    });
    api.register(&of_qa, &caller(2)).await.unwrap();
    let without = json!({"environments": {"qa": null}});
    match patch(&api, 3, "orders-db", without.clone())
        .await
        .unwrap_err()
    {
        ServiceError::InUse { pointer, .. } => assert_eq!(pointer, "/environments"),
        other => panic!("{other}"),
    }
    let other = json!({"databases": {"DATABASE": "orders-db/prod"}});
    patch(&api, 4, "orders", other).await.unwrap();
    // The stack may yet hold what leads to the first one: the reconciler gives it back.
    assert_eq!(users(&api).len(), 2);
}

#[tokio::test]
async fn what_would_empty_a_database_is_refused_once_it_is_there() {
    let api = with_database(&[]).await;
    let mysql = json!({"database": {"engine": "aurora-mysql"}});
    patch(&api, 2, "orders-db", mysql).await.unwrap();
    make(&api).await;
    let both = json!({"database": {"engine": "aurora-postgresql", "name": "other"}});
    let refused = patch(&api, 3, "orders-db", both).await.unwrap_err();
    let found = problems(&refused);
    assert_eq!(found[0].0, "/database/engine");
    assert_eq!(found[1].0, "/database/name");
    assert!(found[1].1.contains("was `orders_db`"), "{}", found[1].1);
    // The name that it has by itself may be said.
    let same = json!({"database": {"name": "orders_db"}});
    patch(&api, 4, "orders-db", same).await.unwrap();
}

#[tokio::test]
async fn a_database_stays_one_and_a_service_becomes_none() {
    let api = with_database(&[]).await;
    let exists = Some(Precondition::Exists);
    let service = json!({"image": "nginx:1"});
    let put = api
        .put(&name("orders-db"), &service, exists.as_ref(), &caller(2))
        .await;
    assert_eq!(problems(&put.unwrap_err())[0].0, "/kind");
    let shop = json!({"service": "shop"});
    api.register(&shop, &caller(3)).await.unwrap();
    let refused = patch(&api, 4, "shop", json!({"kind": "database"})).await;
    assert_eq!(problems(&refused.unwrap_err())[0].0, "/kind");
}

#[tokio::test]
async fn of_a_claim_and_what_takes_it_away_at_once_only_one_is_committed() {
    let api = with_database(&["orders"]).await;
    let before = state(&api, "orders-db").await;
    let request = |n| super::write::request(&caller(n), "test", slipway_domain::Cause::Api);
    let delete = crate::change::delete(&before, &request(2));
    let delete = api.let_in(delete, Some(&before)).await.unwrap();
    let manifest = slipway_domain::Manifest::read_on(&user("orders"), &api.platform).unwrap();
    let claim = crate::change::register(manifest, &api.platform, &request(3));
    let claim = api.let_in(claim, None).await.unwrap();
    // Both looked while the other was not there yet, and either may come first.
    let other = api.registry.clone();
    other.commit(&claim).await.unwrap();
    let late = other.commit(&delete).await.unwrap_err();
    assert!(matches!(late, CommitError::Contended), "{late}");

    let api = with_database(&["orders"]).await;
    api.registry.commit(&delete).await.unwrap();
    let late = api.registry.commit(&claim).await.unwrap_err();
    assert!(matches!(late, CommitError::Contended), "{late}");
}

#[tokio::test]
async fn the_door_of_databases_shows_them_alone() {
    let api = api(FakeRegistry::new(5));
    let without_kind = json!({"service": "orders-db", "database": {"access": ["orders"]}});
    let view = api
        .register_database(&without_kind, &caller(1))
        .await
        .unwrap();
    assert_eq!(view.name.as_str(), "orders-db");
    api.register(&user("orders"), &caller(2)).await.unwrap();
    make(&api).await;
    let page = api.databases(None, None, 10).await.unwrap();
    let names: Vec<&str> = page.items.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((names, page.next), (vec!["orders-db"], None));
    let environment = &page.items[0].environments[&prod()];
    let (may, does) = (&environment.access, &environment.users);
    assert_eq!(may, &BTreeSet::from([name("orders")]));
    assert_eq!(does, &BTreeSet::from(["orders/prod".to_owned()]));
    // Not all is known yet: half an address is none.
    assert_eq!(environment.endpoint, None);
    let service = api.database(&name("orders")).await.unwrap_err();
    assert!(matches!(service, ServiceError::NoDatabase(_)), "{service}");
    let other = json!({"service": "shop", "kind": "web"});
    let refused = api.register_database(&other, &caller(3)).await.unwrap_err();
    assert_eq!(problems(&refused)[0].0, "/kind");
}
