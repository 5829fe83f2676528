//! What services and the platform cost, over HTTP.

use super::*;

async fn show(api: &Router, path: &str) -> Answer {
    send(api, signed("GET", path, &[], Body::empty())).await
}

/// A platform with two services of one environment, and one that waits.
async fn with_services() -> Router {
    let api = api();
    for name in ["orders", "web"] {
        let manifest = json!({"service": name, "image": "nginx:1"});
        let registered = post(&api, "/services", &manifest).await;
        assert_eq!(
            registered.status,
            StatusCode::CREATED,
            "{}",
            registered.body
        );
    }
    api
}

#[tokio::test]
async fn a_service_costs_its_own_stacks_and_its_share_of_the_platform() {
    let api = with_services().await;
    let answer = show(&api, "/services/orders/costs").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let body = &answer.body;
    assert_eq!(body["own"]["monthly_usd"], "53.73");
    // The half of 38.26.
    assert_eq!(body["shared"]["monthly_usd"], "19.13");
    assert_eq!(body["shared"]["of"], 2);
    assert_eq!(body["monthly_usd"], "72.86");
    assert_eq!(body["own"]["assumed"]["requests"], 1_000_000);
}

#[tokio::test]
async fn what_is_assumed_is_the_callers_to_say() {
    let api = with_services().await;
    let answer = show(&api, "/services/orders/costs?requests=301000000&tasks=3").await;
    let lines = answer.body["own"]["lines"].as_array().unwrap();
    let line = |component: &str| {
        let found = lines.iter().find(|line| line["component"] == component);
        found.unwrap().clone()
    };
    assert_eq!(line("HTTP API")["monthly_usd"], "300.00");
    assert_eq!(line("HTTP API, beyond 300 million")["monthly_usd"], "0.90");
    let tasks = line("Fargate vCPU, x86_64");
    assert_eq!(tasks["assumption"], "3 tasks at all hours, at most 10");
    for (wrong, said) in [
        ("request=1", "request"),
        ("requests=-1", "whole number"),
        ("tasks=5001", "at most 5000"),
        ("cursor=x", "cursor"),
    ] {
        let refused = show(&api, &format!("/services/orders/costs?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{detail}");
    }
}

#[tokio::test]
async fn the_platform_costs_itself_and_its_services_page_by_page() {
    let api = with_services().await;
    let whole = show(&api, "/platform/costs").await;
    assert_eq!(whole.status, StatusCode::OK, "{}", whole.body);
    assert_eq!(whole.body["own"]["monthly_usd"], "38.26");
    assert_eq!(whole.body["environments"], 2);
    let services = whole.body["services"].as_array().unwrap();
    assert_eq!(services.len(), 2);
    assert_eq!(services[0]["monthly_usd"], "72.86");
    let first = show(&api, "/platform/costs?limit=1").await;
    let next = first.body["next"].as_str().unwrap();
    let second = show(&api, &format!("/platform/costs?limit=1&cursor={next}")).await;
    // A service's share is the same on whatever page it comes.
    assert_eq!(second.body["services"][0], services[1]);
    assert_eq!(
        show(&api, "/platform/costs?limit=x").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_service_that_is_not_there_costs_nothing_that_could_be_said() {
    let answer = show(&api(), "/services/orders/costs").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
