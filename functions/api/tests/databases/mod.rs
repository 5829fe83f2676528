//! Databases over HTTP.

use super::*;

async fn registered() -> Router {
    let api = api();
    let database = json!({"service": "orders-db", "database": {"access": ["orders"]}});
    let answer = post(&api, "/databases", &database).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(
        answer.headers["location"],
        "/platform/v1/databases/orders-db"
    );
    api
}

async fn get(api: &Router, path: &str) -> Answer {
    send(api, signed("GET", path, &[], Body::empty())).await
}

async fn change(api: &Router, method: &str, body: &Value) -> Answer {
    let if_match = [("if-match", "*")];
    let path = "/databases/orders-db";
    send(api, signed(method, path, &if_match, body.to_string())).await
}

#[tokio::test]
async fn a_database_is_registered_read_and_listed_with_who_may_use_it_and_who_does() {
    let api = registered().await;
    let user = json!({
        "service": "orders", "image": "nginx:1", "databases": {"DATABASE": "orders-db"},
    });
    let answer = post(&api, "/services", &user).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let read = get(&api, "/databases/orders-db").await;
    assert_eq!(read.status, StatusCode::OK);
    assert!(read.headers.contains_key("etag"));
    let prod = &read.body["environments"]["prod"];
    assert_eq!(prod["access"], json!(["orders"]));
    assert_eq!(prod["users"], json!(["orders/prod"]));
    assert_eq!(prod["wanted"]["engine"], "aurora-postgresql");
    assert_eq!(prod["phase"], "pending");
    let listed = get(&api, "/databases").await.body;
    assert_eq!(listed, json!({"items": [read.body]}));
    let of_others = get(&api, "/databases?team=nobodys").await.body;
    assert_eq!(of_others, json!({"items": []}));
}

#[tokio::test]
async fn a_database_that_is_used_is_not_deleted_and_the_answer_names_its_users() {
    let api = registered().await;
    let user = json!({
        "service": "orders", "image": "nginx:1", "databases": {"DATABASE": "orders-db"},
    });
    post(&api, "/services", &user).await;
    let refused = change(&api, "DELETE", &Value::Null).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.body["type"], "urn:slipway:problem:database-in-use");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("`orders/prod`"), "{detail}");
    let shut_out = change(&api, "PATCH", &json!({"database": {"access": []}})).await;
    assert_eq!(shut_out.status, StatusCode::CONFLICT);
    assert_eq!(shut_out.body["errors"][0]["pointer"], "/database/access");
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_where_it_stands() {
    let api = registered().await;
    let other = json!({
        "service": "shop", "image": "nginx:1", "databases": {"DATABASE": "orders-db"},
    });
    let refused = post(&api, "/services", &other).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["errors"][0]["pointer"], "/databases/DATABASE");
}

#[tokio::test]
async fn services_have_no_place_among_databases() {
    let api = registered().await;
    post(&api, "/services", &json!({"service": "shop"})).await;
    assert_eq!(
        get(&api, "/databases/shop").await.status,
        StatusCode::NOT_FOUND
    );
    let put = [("if-match", "*")];
    let put = signed("PUT", "/databases/shop", &put, "{}");
    assert_eq!(send(&api, put).await.status, StatusCode::NOT_FOUND);
    let web = json!({"service": "other", "kind": "web"});
    let refused = post(&api, "/databases", &web).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["errors"][0]["pointer"], "/kind");
    // A database is among the services, too.
    let listed = get(&api, "/services").await.body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_database_is_brought_to_a_manifest_and_deleted_when_nobody_uses_it() {
    let api = registered().await;
    let put = change(&api, "PUT", &json!({"database": {"max": 8}})).await;
    assert_eq!(put.status, StatusCode::OK, "{}", put.body);
    assert_eq!(put.body["environments"]["prod"]["wanted"]["max"], 8);
    let patched = change(&api, "PATCH", &json!({"database": {"readers": 0}})).await;
    assert_eq!(patched.body["manifest"]["database"]["readers"], 0);
    let deleted = change(&api, "DELETE", &Value::Null).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED);
    assert_eq!(deleted.body["service"], "orders-db");
}
