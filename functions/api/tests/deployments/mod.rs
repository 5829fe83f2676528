//! Deployments and webhooks over HTTP.

use super::*;

const PROD: &str = "/services/orders/environments/prod";

async fn registered() -> Router {
    let api = api();
    let manifest = json!({"service": "orders", "image": "nginx:1"});
    let answer = post(&api, "/services", &manifest).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    api
}

#[tokio::test]
async fn an_image_or_the_same_once_more_is_deployed_and_nothing_else() {
    let api = registered().await;
    let path = format!("{PROD}/deployments");
    let image = post(&api, &path, &json!({"image": "nginx:2"})).await;
    assert_eq!(image.status, StatusCode::ACCEPTED);
    assert_eq!(image.body["deployment"]["cause"], "deploy");
    let again = post(&api, &path, &json!({"redeploy": true})).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_eq!(again.body["deployment"]["cause"], "redeploy");
    assert_eq!(again.body["deployment"]["image"], "nginx:2");
    for (wrong, pointer) in [
        (json!({}), ""),
        (json!({"image": "nginx:2", "redeploy": true}), ""),
        (json!({"redeploy": false}), "/redeploy"),
        (json!({"image": "A B"}), "/image"),
        (json!([]), ""),
    ] {
        let refused = post(&api, &path, &wrong).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{wrong}");
    }
}

#[tokio::test]
async fn where_nothing_ran_there_is_nothing_to_go_back_to() {
    let api = registered().await;
    let path = format!("{PROD}/rollback");
    let none = send(&api, signed("POST", &path, &[], Body::empty())).await;
    assert_eq!(none.status, StatusCode::CONFLICT);
    assert_eq!(
        none.body["type"],
        "urn:slipway:problem:nothing-to-go-back-to"
    );
    let unknown = post(&api, &path, &json!({"generation": 7})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    for wrong in [json!({"generation": 0}), json!({"to": 1}), json!([1])] {
        let refused = post(&api, &path, &wrong).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn an_older_generation_is_planned_and_brought_back() {
    let api = registered().await;
    let changed = json!({"image": "nginx:2", "memory": 1024}).to_string();
    let patch = signed("PATCH", "/services/orders", &[("if-match", "*")], changed);
    assert_eq!(send(&api, patch).await.status, StatusCode::OK);
    let one = json!({"generation": 1});
    let plan = post(&api, &format!("{PROD}/rollback/plan"), &one).await;
    assert_eq!(plan.status, StatusCode::OK);
    assert_eq!(plan.body["action"], "update");
    assert!(plan.body["checks"].as_array().unwrap().len() > 1);
    // As JSON has it, 1.0 is 1, and null is nothing.
    let same = post(
        &api,
        &format!("{PROD}/rollback/plan"),
        &json!({"generation": 1.0}),
    )
    .await;
    assert_eq!(same.body, plan.body);
    let back = post(&api, &format!("{PROD}/rollback"), &one).await;
    assert_eq!(back.status, StatusCode::ACCEPTED);
    assert_eq!(back.body["generation"], 3);
    let view = send(&api, signed("GET", "/services/orders", &[], Body::empty())).await;
    assert_eq!(view.body["manifest"]["memory"], 512);
    assert_eq!(view.body["manifest"]["image"], "nginx:1");
}

#[tokio::test]
async fn what_has_ended_or_does_not_wait_is_neither_cancelled_nor_promoted() {
    let api = registered().await;
    let path = format!("{PROD}/deployments");
    let first = send(&api, signed("GET", &path, &[], Body::empty())).await;
    let first = first.body["items"][0]["id"].as_str().unwrap().to_owned();
    post(&api, &path, &json!({"image": "nginx:2"})).await;
    for (what, kind) in [
        ("cancel", "deployment-over"),
        ("promote", "deployment-over"),
    ] {
        let path = format!("{path}/{first}/{what}");
        let over = send(&api, signed("POST", &path, &[], Body::empty())).await;
        assert_eq!(over.status, StatusCode::CONFLICT, "{what}");
        assert_eq!(over.body["type"], format!("urn:slipway:problem:{kind}"));
    }
    let second = send(&api, signed("GET", &path, &[], Body::empty())).await;
    let second = second.body["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{path}/{second}/promote");
    let none = send(&api, signed("POST", &path, &[], Body::empty())).await;
    assert_eq!(none.body["type"], "urn:slipway:problem:nothing-waits");
}

#[tokio::test]
async fn a_webhooks_secret_is_answered_once_and_listed_never() {
    let api = registered().await;
    let path = "/services/orders/webhooks";
    let made = post(&api, path, &json!({"provider": "github"})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let secret = made.body["secret"].as_str().unwrap();
    assert!(secret.len() >= 32);
    let listed = send(&api, signed("GET", path, &[], Body::empty())).await;
    assert_eq!(listed.body["items"][0]["provider"], "github");
    assert!(!listed.body.to_string().contains(secret));
    let wrong = post(&api, path, &json!({"provider": "sourceforge"})).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let remove = format!("{path}/github");
    let removed = send(&api, signed("DELETE", &remove, &[], Body::empty())).await;
    assert_eq!(removed.body["items"], json!([]));
}
