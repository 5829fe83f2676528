//! What is sent to the table of databases and their users.

use serde_json::json;
use slipway_control::change::{delete, register, replace};
use slipway_control::databases::{self, wanted};
use slipway_control::ports::{ChangeWriter, StackRegistry, StackWrite};
use slipway_domain::{Manifest, Platform, Scope};

use super::tests::{Table, now, request};

const ITEM: &str = "CLAIM#database#orders-db";

fn read(document: &serde_json::Value) -> Manifest {
    Manifest::read_on(document, &Platform::sample()).unwrap()
}

#[tokio::test]
async fn a_database_lists_itself_and_is_changed_while_its_users_are_those_that_were_counted() {
    let platform = Platform::sample();
    let manifest = read(&json!({"service": "orders-db", "kind": "database", "team": "shop"}));
    let change = register(manifest.clone(), &platform, &request());
    let table = Table::default();
    let registry = table.registry();
    registry.commit(&change).await.unwrap();
    let item = table.part(ITEM);
    assert_eq!(item.condition(), "");
    assert_eq!(item.value(":databases"), "DATABASE");
    assert_eq!(item.value(":listed"), "shop#orders-db");
    assert_eq!(item.value(":generation"), "1");

    let state = change.after(None);
    let mut change = replace(&state, manifest, None, &platform, &request());
    change.databases.counted = Some(7);
    registry.commit(&change).await.unwrap();
    let item = table.part(ITEM);
    assert_eq!(item.condition(), "claims = :counted");
    assert_eq!(
        (item.value(":counted"), item.value(":generation")),
        ("7", "2")
    );

    let mut change = delete(&state, &request());
    change.databases.counted = Some(0);
    registry.commit(&change).await.unwrap();
    let none = "attribute_not_exists(claims) OR claims = :counted";
    assert_eq!(table.part(ITEM).condition(), none);

    let record = &state.stacks[&Scope::Service];
    let forgotten = registry.forget_service(&state.service, record).await;
    assert!(forgotten.unwrap());
    let removed = table.part(ITEM);
    assert_eq!(
        removed.condition(),
        "attribute_not_exists(PK) OR uid = :uid"
    );
}

#[tokio::test]
async fn a_use_is_claimed_at_the_generation_that_allows_it_and_given_back_by_name() {
    let platform = Platform::sample();
    let database = read(&json!({
        "service": "orders-db", "kind": "database", "database": {"access": ["orders"]},
    }));
    let database = register(database, &platform, &request()).after(None);
    let manifest = read(&json!({
        "service": "orders", "image": "nginx:1", "databases": {"DATABASE": "orders-db"},
    }));
    let mut change = register(manifest.clone(), &platform, &request());
    let claims = wanted(&manifest, None, &platform).into_iter();
    let claims = claims.map(|it| it.claim(&database)).collect();
    databases::add(&mut change, claims);
    let table = Table::default();
    let registry = table.registry();
    registry.commit(&change).await.unwrap();
    let claim = table.part(ITEM);
    assert_eq!(claim.condition(), "generation = :generation AND uid = :uid");
    assert_eq!(
        claim.0["UpdateExpression"],
        "ADD #users :users, claims :one"
    );
    let users = &claim.0["ExpressionAttributeValues"][":users"]["SS"];
    assert_eq!(*users, json!(["prod orders/prod"]));
    let held = &table.part("STACK#prod").0["Item"]["databases"]["SS"];
    assert_eq!(*held, json!(["orders-db/prod"]));

    let prod = Scope::Environment("prod".parse().unwrap());
    let record = &change.after(None).stacks[&prod];
    let (orders, prod) = ("orders".parse().unwrap(), "prod".parse().unwrap());
    let forgotten = registry.forget_environment(&orders, &prod, record, now());
    assert!(forgotten.await.unwrap());
    let given_back = "DELETE #users :users";
    assert_eq!(table.part(ITEM).0["UpdateExpression"], given_back);
    let write = StackWrite {
        service: orders,
        record: record.clone(),
        release: Vec::new(),
        places: Vec::new(),
        databases: record.databases.iter().cloned().collect(),
        deployments: Vec::new(),
        audit: None,
    };
    assert!(registry.save(&write).await.unwrap());
    assert_eq!(table.part(ITEM).0["UpdateExpression"], given_back);
    let update = &table.part("STACK#prod").0["UpdateExpression"];
    assert!(
        update
            .as_str()
            .unwrap()
            .ends_with("DELETE databases :unused")
    );
}
