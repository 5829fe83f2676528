//! The API over HTTP, as Lambda hands it requests, on a registry in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod costs;
mod databases;
mod deployments;
mod runs;
mod scaling;
mod signing;
mod upgrade;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use slipway_api::{App, BASE, MAX_BODY, Ports, document, router};
use slipway_control::fake::{
    FakeChecks, FakeListeners, FakeRegistry, FakeRuns, FakeTasks, FakeUpgrades,
};
use slipway_control::hooks::HookControl;
use slipway_control::ports::{
    DeploymentSteerer, Live, LiveReader, PortResult, RouteReader, ServiceReader, StackRegistry,
    StackWrite,
};
use slipway_control::runs::RunControl;
use slipway_control::scaling::ScalingControl;
use slipway_control::services::Services;
use slipway_control::signing::SigningControl;
use slipway_control::upgrade::UpgradeControl;
use slipway_domain::{Phase, Platform};
use tower::ServiceExt;

struct InMemory;

/// Nothing runs, and the HTTP API has no routes.
struct Empty;

impl Ports for InMemory {
    type Registry = FakeRegistry;
    type Live = Empty;
    type Tasks = FakeTasks;
    type Gateway = Empty;
    type Upgrades = FakeUpgrades;
    type Checks = FakeChecks;
    type Hooks = FakeChecks;
    type Runs = FakeRuns;
    type Keys = FakeListeners;
}

impl LiveReader for Empty {
    async fn live(&self, _: &str, _: &str) -> PortResult<Option<Live>> {
        Ok(None)
    }
}

impl DeploymentSteerer for Empty {
    async fn promote(&self, _: &str, _: &str) -> PortResult<bool> {
        Ok(false)
    }
}

impl RouteReader for Empty {
    async fn route_keys(&self) -> PortResult<Vec<String>> {
        Ok(Vec::new())
    }
}

fn app() -> Arc<App<InMemory>> {
    let registry = FakeRegistry::new(5);
    Arc::new(App {
        hooks: HookControl {
            registry: registry.clone(),
            hooks: FakeChecks::default(),
            platform: Platform::sample(),
        },
        scaling: ScalingControl {
            registry: registry.clone(),
            tasks: FakeTasks::default(),
            platform: Platform::sample(),
        },
        runs: RunControl {
            registry: registry.clone(),
            runs: FakeRuns::default(),
            platform: Platform::sample(),
        },
        signing: SigningControl {
            registry: registry.clone(),
            keys: FakeListeners::default(),
        },
        services: Services {
            registry,
            live: Empty,
            gateway: Empty,
            checks: FakeChecks::default(),
            platform: Platform::sample(),
        },
        upgrades: UpgradeControl {
            store: FakeUpgrades::default(),
        },
    })
}

fn api() -> Router {
    router(app())
}

/// What the reconciler writes of a stack that does not go on without a person.
async fn stall(app: &App<InMemory>, service: &str, scope: &str) {
    let service = service.parse().unwrap();
    let registry = &app.services.registry;
    let state = registry.service(&service).await.unwrap().unwrap();
    let mut record = state.stacks[&scope.parse().unwrap()].clone();
    let now = record.status.since;
    record.status.enter(Phase::Failed, "It did not work.", now);
    record.status.advice = Some("Put the cause right.".to_owned());
    let write = StackWrite {
        service,
        record,
        release: Vec::new(),
        places: Vec::new(),
        databases: Vec::new(),
        deployments: Vec::new(),
        audit: None,
    };
    assert!(registry.save(&write).await.unwrap());
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Value,
}

async fn send(api: &Router, request: Request<Body>) -> Answer {
    let response = api.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

/// A request made from one of the payloads under `events/api`.
fn event(name: &str) -> Request<Body> {
    let path = format!(
        "{}/../../events/api/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).expect(&path);
    lambda_http::request::from_str(&text)
        .expect(name)
        .map(Body::new)
}

/// A signed request: the payload's identity with another method, path, headers and body.
fn signed(
    method: &str,
    path: &str,
    headers: &[(&'static str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let (mut parts, _) = event("get-service").into_parts();
    parts.method = method.parse().unwrap();
    parts.uri = format!("https://api.example{BASE}{path}").parse().unwrap();
    parts.headers.clear();
    for (name, value) in headers {
        parts.headers.insert(*name, value.parse().unwrap());
    }
    Request::from_parts(parts, body.into())
}

async fn post(api: &Router, path: &str, body: &Value) -> Answer {
    send(api, signed("POST", path, &[], body.to_string())).await
}

#[tokio::test]
async fn a_name_alone_is_registered_and_read_back() {
    let api = api();
    let registered = send(&api, event("register-a-name-alone")).await;
    assert_eq!(
        registered.status,
        StatusCode::CREATED,
        "{}",
        registered.body
    );
    assert_eq!(
        registered.headers["location"],
        "/platform/v1/services/orders"
    );
    assert_eq!(
        registered.body["updated_by"],
        "arn:aws:iam::111122223333:user/ada"
    );
    let read = send(&api, event("get-service")).await;
    assert_eq!(
        (read.status, &read.body),
        (StatusCode::OK, &registered.body)
    );
    assert_eq!(read.headers["etag"], registered.headers["etag"]);
    let listed = send(&api, event("list-services")).await;
    assert_eq!(listed.body["items"][0]["name"], "orders");
    let repeated = send(&api, event("register-a-name-alone")).await;
    assert_eq!(
        (repeated.status, repeated.body),
        (StatusCode::CREATED, registered.body)
    );
}

#[tokio::test]
async fn the_listing_shows_who_needs_a_person_and_what_to_do() {
    let app = app();
    let api = router(Arc::clone(&app));
    for name in ["a", "b", "c", "d"] {
        post(&api, "/services", &json!({"service": name})).await;
    }
    stall(&app, "b", "prod").await;
    stall(&app, "d", "-").await;
    let list =
        |path: &'static str| async { send(&api, signed("GET", path, &[], Body::empty())).await };
    let all = list("/services").await.body;
    assert_eq!(all["items"].as_array().unwrap().len(), 4);
    assert_eq!(all["items"][0]["environments"]["prod"].get("advice"), None);
    assert_eq!(all["items"][0].get("service_stack"), None);
    let needy = list("/services?needs=person").await.body;
    let names: Vec<_> = needy["items"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&names[0]["name"], &names[1]["name"]),
        (&json!("b"), &json!("d"))
    );
    assert_eq!(
        names[0]["environments"]["prod"]["advice"],
        "Put the cause right."
    );
    assert_eq!(
        names[1]["service_stack"],
        json!({"phase": "failed", "message": "It did not work.", "advice": "Put the cause right."})
    );
}

#[tokio::test]
async fn a_page_of_who_needs_a_person_may_be_empty_and_still_lead_on() {
    let app = app();
    let api = router(Arc::clone(&app));
    for name in ["a", "b", "c"] {
        post(&api, "/services", &json!({"service": name})).await;
    }
    stall(&app, "c", "prod").await;
    let mut path = "/services?needs=person&limit=1".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = send(&api, signed("GET", &path, &[], Body::empty()))
            .await
            .body;
        pages.push(page["items"].as_array().unwrap().len());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/services?needs=person&limit=1&cursor={next}");
    }
    assert_eq!(pages, [0, 0, 1]);
}

#[tokio::test]
async fn a_body_that_comes_in_base64_is_read() {
    assert_eq!(
        send(&api(), event("register-in-base64")).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn only_health_answers_without_an_identity() {
    let api = api();
    assert_eq!(send(&api, event("health")).await.status, StatusCode::OK);
    let document = document::<InMemory>();
    let mut open = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let mut request = event("unsigned");
            *request.method_mut() = method.to_uppercase().parse().unwrap();
            let path = path
                .replace("{name}", "orders")
                .replace("{environment}", "prod");
            let path = path.replace("{id}", "01JD00000000000000000000000".get(..26).unwrap());
            *request.uri_mut() = format!("https://api.example{BASE}{path}").parse().unwrap();
            let status = send(&api, request).await.status;
            if status != StatusCode::UNAUTHORIZED {
                open.push(format!("{method} {path} {status}"));
            }
        }
    }
    assert_eq!(open, ["get /health 200 OK"]);
}

#[tokio::test]
async fn every_refusal_is_a_problem_document_that_names_the_place() {
    let api = api();
    post(&api, "/services", &json!({"service": "orders"})).await;
    let cases = [
        (json!({"service": "x", "prot": 1}), 400, "/prot"),
        (json!({"service": "x", "port": "80"}), 400, "/port"),
        (json!({"service": "x", "port": 70000}), 400, "/port"),
        (json!({"service": "a--b"}), 400, "/service"),
        (
            json!({"service": "x", "cpu": 256, "memory": 4096}),
            422,
            "/memory",
        ),
        (
            json!({"service": "x", "scaling": {"min": 11}}),
            422,
            "/scaling/min",
        ),
        (json!({"service": "x", "path": "/platform/x"}), 422, "/path"),
        (
            json!({"service": "x", "environment": {"A": "{{resolve:ssm:/x}}"}}),
            422,
            "/environment/A",
        ),
        (
            json!({"service": "x", "secrets": {"A": "ssm:/other/x"}}),
            422,
            "/secrets/A",
        ),
        (json!({"service": "x", "path": "/orders"}), 409, "/path"),
    ];
    for (manifest, status, pointer) in cases {
        let answer = post(&api, "/services", &manifest).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{manifest}: {}",
            answer.body
        );
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(
            answer.body["errors"][0]["pointer"], pointer,
            "{}",
            answer.body
        );
        assert_eq!(answer.body["status"], status);
    }
    assert_eq!(
        send(&api, event("list-services")).await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_body_that_is_empty_or_too_large_or_no_json_is_refused() {
    let api = api();
    for (body, status) in [
        (String::new(), 400),
        ("   ".to_owned(), 400),
        ("service: orders".to_owned(), 400),
        ("{\"service\":".to_owned(), 400),
        (format!("\"{}\"", "x".repeat(MAX_BODY)), 413),
    ] {
        let answer = send(&api, signed("POST", "/services", &[], body)).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn an_address_or_a_method_that_is_not_there_is_a_problem_too() {
    let api = api();
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("GET", "/services/none", 404),
        ("GET", "/services/Not%20a%20name", 400),
        ("GET", "/services?limit=0", 400),
        ("GET", "/services?page=2", 400),
        ("GET", "/services?needs=help", 400),
        ("GET", "/services?cursor=%22", 400),
        ("TRACE", "/services", 405),
        ("POST", "/health", 405),
    ] {
        let answer = send(&api, signed(method, path, &[], Body::empty())).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
        assert_eq!(
            answer.headers["content-type"], "application/problem+json",
            "{method} {path}"
        );
        assert_eq!(
            answer.headers.contains_key("allow"),
            status == 405,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn preconditions_are_read_from_if_match() {
    let api = api();
    let etag = post(&api, "/services", &json!({"service": "orders"}))
        .await
        .headers["etag"]
        .clone();
    let patch = |tag: Option<&str>| {
        let headers: Vec<_> = tag.map(|tag| ("if-match", tag)).into_iter().collect();
        signed("PATCH", "/services/orders", &headers, r#"{"memory": 1024}"#)
    };
    assert_eq!(
        send(&api, patch(None)).await.status,
        StatusCode::PRECONDITION_REQUIRED
    );
    assert_eq!(
        send(&api, patch(Some("\"9-x\""))).await.status,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(
        send(&api, patch(Some("9-x"))).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        send(&api, patch(Some(etag.to_str().unwrap()))).await.status,
        StatusCode::OK
    );
    let delete = signed(
        "DELETE",
        "/services/orders",
        &[("if-match", "*")],
        Body::empty(),
    );
    assert_eq!(send(&api, delete).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn the_document_describes_every_operation_and_its_references_lead_somewhere() {
    let document = send(&api(), signed("GET", "/openapi.json", &[], Body::empty()))
        .await
        .body;
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = std::collections::BTreeSet::new();
    for operations in document["paths"].as_object().unwrap().values() {
        for operation in operations.as_object().unwrap().values() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()));
        }
    }
    assert_eq!(ids.len(), 48);
    let text = document.to_string();
    for reference in text
        .split("\"$ref\":\"#")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    let mut schema = document["components"]["schemas"]["Manifest"].clone();
    schema["components"] = document["components"].clone();
    assert!(jsonschema::is_valid(&schema, &json!({"service": "orders"})));
    assert!(!jsonschema::is_valid(
        &schema,
        &json!({"service": "orders", "prot": 1})
    ));
}

#[tokio::test]
async fn no_method_of_an_operation_is_served_without_being_described() {
    let api = api();
    let document = document::<InMemory>();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{name}", "x")
            .replace("{environment}", "prod")
            .replace("{id}", &"0".repeat(26));
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            let described = operations.get(method.as_str().to_lowercase()).is_some();
            let answer = send(&api, signed(method.as_str(), &path, &[], "{}")).await;
            assert_eq!(
                answer.status != StatusCode::METHOD_NOT_ALLOWED,
                described,
                "{method} {path}"
            );
        }
    }
}
