//! The key that signs notices.

use super::*;

const PATH: &str = "/services/orders/notify-secret";

async fn show(api: &Router) -> Answer {
    send(api, signed("POST", PATH, &[], Body::empty())).await
}

#[tokio::test]
async fn the_key_is_shown_as_often_as_asked_and_kept_by_nobody_on_the_way() {
    let api = api();
    assert_eq!(show(&api).await.status, StatusCode::NOT_FOUND);
    post(&api, "/services", &json!({"service": "orders"})).await;
    let one = show(&api).await;
    assert_eq!(one.status, StatusCode::OK, "{}", one.body);
    assert_eq!(one.headers["cache-control"], "no-store");
    let secret = one.body["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert_eq!(show(&api).await.body, one.body);
    let events = send(
        &api,
        signed("GET", "/services/orders/events", &[], Body::empty()),
    )
    .await;
    assert!(!events.body.to_string().contains(secret));
}

#[tokio::test]
async fn a_right_to_read_everything_is_no_right_to_sign() {
    let api = api();
    post(&api, "/services", &json!({"service": "orders"})).await;
    let read = send(&api, signed("GET", PATH, &[], Body::empty())).await;
    assert_eq!(read.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_rotation_says_until_when_the_former_key_signs() {
    let api = api();
    post(&api, "/services", &json!({"service": "orders"})).await;
    let one = show(&api).await.body;
    let path = format!("{PATH}/rotation");
    let two = send(&api, signed("POST", &path, &[], Body::empty())).await;
    assert_eq!(two.status, StatusCode::CREATED, "{}", two.body);
    assert_ne!(two.body["secret"], one["secret"]);
    assert!(two.body["former_valid_until"].is_string());
    assert_eq!(show(&api).await.body, two.body);
}

#[tokio::test]
async fn the_key_goes_with_its_service() {
    let app = app();
    let api = router(Arc::clone(&app));
    post(&api, "/services", &json!({"service": "orders"})).await;
    show(&api).await;
    let orders = "orders".parse().unwrap();
    assert!(app.signing.keys.secret_of(&orders).is_some());
    let delete = signed("DELETE", "/services/orders", &[("if-match", "*")], "");
    assert_eq!(send(&api, delete).await.status, StatusCode::ACCEPTED);
    assert_eq!(app.signing.keys.secret_of(&orders), None);
    assert_eq!(show(&api).await.status, StatusCode::NOT_FOUND);
}
