//! Scaling over HTTP.

use slipway_control::ports::{ScalerRegistry, ScalerWrite};
use slipway_control::scaling::Paused;

use super::*;

const PATH: &str = "/services/orders/environments/prod/scaling";

/// A service with four tasks.
async fn running(scaling: &Value) -> (Arc<App<InMemory>>, Router) {
    let app = app();
    let api = router(Arc::clone(&app));
    let manifest =
        json!({"service": "orders", "image": "ghcr.io/example/orders:1", "scaling": scaling});
    let answer = post(&api, "/services", &manifest).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let registry = &app.services.registry;
    let orders = "orders".parse().unwrap();
    let state = registry.service(&orders).await.unwrap().unwrap();
    let mut record = state.stacks[&"prod".parse().unwrap()].clone();
    for (output, value) in [("Cluster", "c"), ("ServiceName", "s")] {
        let outputs = &mut record.status.outputs;
        outputs.insert(output.to_owned(), value.to_owned());
    }
    let write = StackWrite {
        service: orders,
        record,
        release: Vec::new(),
        places: Vec::new(),
        databases: Vec::new(),
        deployments: Vec::new(),
        audit: None,
    };
    assert!(registry.save(&write).await.unwrap());
    let live = Live {
        desired: 4,
        running: 4,
        pending: 0,
        bounds: Some((2, 10)),
        paused: Paused::default(),
        deploying: false,
    };
    app.scaling.tasks.runs("c", "s", live);
    (app, api)
}

async fn call(api: &Router, method: &str, path: &str, body: &str) -> Answer {
    send(
        api,
        signed(method, &format!("{PATH}{path}"), &[], body.to_owned()),
    )
    .await
}

#[tokio::test]
async fn the_policy_is_shown_with_what_runs_and_what_was_decided() {
    let (_, api) = running(&json!({"requests": 600})).await;
    call(&api, "POST", "/count", r#"{"count": 5}"#).await;
    let shown = call(&api, "GET", "", "").await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    assert_eq!(shown.body["policy"]["requests"], 600);
    assert_eq!(
        shown.body["live"],
        json!({
            "desired": 5, "running": 4, "min": 2, "max": 10,
            "paused": {"out": false, "in": false}, "deploying": false,
        })
    );
    assert_eq!(shown.body["last"]["verdict"], "out");
    assert_eq!(shown.body["last"]["reasons"][0]["signal"], "by-hand");
    assert_eq!(shown.body.get("override"), None);
}

#[tokio::test]
async fn an_environment_without_tasks_says_so_and_is_not_changed() {
    let api = api();
    post(&api, "/services", &json!({"service": "orders"})).await;
    let shown = call(&api, "GET", "", "").await;
    assert_eq!(shown.status, StatusCode::OK);
    let summary = shown.body["summary"].as_str().unwrap();
    assert!(
        summary.starts_with("There is nothing to scale yet"),
        "{summary}"
    );
    for (method, path, body) in [
        ("POST", "/pause", ""),
        ("POST", "/resume", "{}"),
        ("PUT", "/bounds", r#"{"min": 2, "max": 3, "minutes": 5}"#),
        ("DELETE", "/bounds", ""),
        ("POST", "/count", r#"{"count": 3}"#),
    ] {
        let refused = call(&api, method, path, body).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{path}");
        let kind = refused.body["type"].as_str().unwrap();
        assert!(kind.ends_with(":nothing-to-scale"), "{kind}");
    }
}

#[tokio::test]
async fn a_pause_without_a_body_is_of_both_directions() {
    let (app, api) = running(&json!({})).await;
    for (verb, body, out, inwards) in [
        ("pause", "", true, true),
        ("resume", r#"{"out": true}"#, false, true),
        ("pause", r#"{"out": true, "in": false}"#, true, true),
        ("resume", r#"{"in": true, "out": true}"#, false, false),
        ("pause", "{}", true, true),
    ] {
        let answer = call(&api, "POST", &format!("/{verb}"), body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let paused = &answer.body["live"]["paused"];
        assert_eq!(*paused, json!({"out": out, "in": inwards}), "{verb} {body}");
        let now = app.scaling.tasks.now("c", "s").unwrap().paused;
        assert_eq!((now.out, now.inwards), (out, inwards));
    }
    let events = send(
        &api,
        signed("GET", "/services/orders/events", &[], Body::empty()),
    )
    .await;
    assert_eq!(events.body["items"][0]["action"], "pause-scaling");
    assert_eq!(events.body["items"][0]["note"], "prod: out and in");
}

#[tokio::test]
async fn bounds_hold_for_a_time_and_are_taken_back() {
    let (app, api) = running(&json!({})).await;
    let held = call(
        &api,
        "PUT",
        "/bounds",
        r#"{"min": 6.0, "max": 3e1, "minutes": 90}"#,
    )
    .await;
    assert_eq!(held.status, StatusCode::OK, "{}", held.body);
    let found = &held.body["override"];
    assert_eq!((&found["min"], &found["max"]), (&json!(6), &json!(30)));
    assert_eq!(found["by"], "arn:aws:iam::111122223333:user/ada");
    assert_eq!(held.body["live"]["desired"], 6);
    let (orders, prod) = ("orders".parse().unwrap(), "prod".parse().unwrap());
    let record = app.services.registry.remembered(&orders, &prod).unwrap();
    assert!(record.held.is_some() && record.attention.is_some());
    let back = call(&api, "DELETE", "/bounds", "").await;
    assert_eq!(back.body.get("override"), None);
    assert_eq!(back.body["live"]["max"], 10);
}

#[tokio::test]
async fn a_body_is_refused_where_it_is_wrong() {
    let (app, api) = running(&json!({})).await;
    for (method, path, body, status, pointer) in [
        ("POST", "/pause", r#"{"out": 1}"#, 400, "/out"),
        ("POST", "/pause", r#"{"up/down": true}"#, 400, "/up~1down"),
        ("POST", "/pause", "[]", 400, ""),
        ("PUT", "/bounds", r#"{"min": 1, "max": 2}"#, 400, "/minutes"),
        (
            "PUT",
            "/bounds",
            r#"{"min": 1, "max": 5001, "minutes": 1}"#,
            400,
            "/max",
        ),
        (
            "PUT",
            "/bounds",
            r#"{"min": -1, "max": 5, "minutes": 1}"#,
            400,
            "/min",
        ),
        (
            "PUT",
            "/bounds",
            r#"{"min": 1, "max": 5, "minutes": 10081}"#,
            400,
            "/minutes",
        ),
        (
            "PUT",
            "/bounds",
            r#"{"min": 6, "max": 5, "minutes": 1}"#,
            422,
            "/min",
        ),
        (
            "PUT",
            "/bounds",
            r#"{"min": -0.0, "max": 5, "minutes": 1}"#,
            422,
            "/min",
        ),
        ("POST", "/count", r#"{"count": 2.5}"#, 400, "/count"),
        ("POST", "/count", r#"{"count": "3"}"#, 400, "/count"),
        ("POST", "/count", r#"{"count": 11}"#, 422, "/count"),
        ("POST", "/count", "", 400, ""),
    ] {
        let refused = call(&api, method, path, body).await;
        assert_eq!(refused.status.as_u16(), status, "{body}: {}", refused.body);
        assert_eq!(refused.headers["content-type"], "application/problem+json");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}");
    }
    let none = call(&api, "POST", "/pause", r#"{"in": false}"#).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(app.scaling.tasks.bounds_written(), []);
    assert_eq!(app.scaling.tasks.counts(), [0_u32; 0]);
}

#[tokio::test]
async fn decisions_come_in_pages_newest_first() {
    let (app, api) = running(&json!({})).await;
    call(&api, "POST", "/count", r#"{"count": 5}"#).await;
    let (service, environment) = ("orders".parse().unwrap(), "prod".parse().unwrap());
    let registry = &app.services.registry;
    for to in [6, 7] {
        let record = registry.remembered(&service, &environment).unwrap();
        let mut decision = record.last.clone().unwrap();
        decision.to = to;
        decision.at += std::time::Duration::from_secs(u64::from(to));
        let write = ScalerWrite {
            service: service.clone(),
            environment: environment.clone(),
            record,
            decision: Some(decision),
            audit: None,
        };
        assert!(registry.save_scaler(&write).await.unwrap());
    }
    let mut path = "/decisions?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = call(&api, "GET", &path, "").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        for item in page.body["items"].as_array().unwrap() {
            seen.push(item["to"].as_u64().unwrap());
        }
        let Some(next) = page.body["next"].as_str() else {
            break;
        };
        path = format!("/decisions?limit=2&cursor={next}");
    }
    assert_eq!(seen, [7, 6, 5]);
}

#[tokio::test]
async fn answers_are_what_the_document_says() {
    let (_, api) = running(&json!({"queue": {"name": "orders"}, "schedule": [{"from": "08:00", "to": "18:00", "min": 3}]})).await;
    call(&api, "POST", "/count", r#"{"count": 5}"#).await;
    call(
        &api,
        "PUT",
        "/bounds",
        r#"{"min": 3, "max": 7, "minutes": 5}"#,
    )
    .await;
    let document = document::<InMemory>();
    let valid = |path: &str, answer: &Value| {
        let pointer = format!(
            "/paths/{}/get/responses/200/content/application~1json/schema",
            path.replace('/', "~1")
        );
        let mut schema = document.pointer(&pointer).unwrap().clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(answer)
            .map(|it| format!("{} {it}", it.instance_path()))
            .collect();
        assert_eq!(wrong, [""; 0], "{answer}");
    };
    let base = "/services/{name}/environments/{environment}/scaling";
    let shown = call(&api, "GET", "", "").await.body;
    assert!(shown["override"].is_object());
    valid(base, &shown);
    let page = call(&api, "GET", "/decisions", "").await.body;
    valid(&format!("{base}/decisions"), &page);
}
