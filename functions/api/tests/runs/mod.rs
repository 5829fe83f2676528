//! Runs of jobs over HTTP.

use slipway_control::runs::RunStatus;

use super::*;

const MACHINE: &str = "arn:aws:states:us-east-1:111122223333:stateMachine:a";
const PATH: &str = "/services/invoices/environments/prod/runs";

/// A job whose stack is there.
async fn job() -> (Arc<App<InMemory>>, Router) {
    let app = app();
    let api = router(Arc::clone(&app));
    let manifest = json!({"service": "invoices", "kind": "job", "image": "nginx:1"});
    let answer = post(&api, "/services", &manifest).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let registry = &app.services.registry;
    let name = "invoices".parse().unwrap();
    let state = registry.service(&name).await.unwrap().unwrap();
    let mut record = state.stacks[&"prod".parse().unwrap()].clone();
    let outputs = &mut record.status.outputs;
    outputs.insert("StateMachine".to_owned(), MACHINE.to_owned());
    let write = StackWrite {
        service: name,
        record,
        release: Vec::new(),
        places: Vec::new(),
        databases: Vec::new(),
        deployments: Vec::new(),
        audit: None,
    };
    assert!(registry.save(&write).await.unwrap());
    app.runs.runs.make(MACHINE);
    (app, api)
}

async fn start(api: &Router, key: &str) -> Answer {
    let headers = [("idempotency-key", key)];
    send(api, signed("POST", PATH, &headers, String::new())).await
}

async fn list(api: &Router, query: &str) -> Answer {
    let path = format!("{PATH}{query}");
    send(api, signed("GET", &path, &[], String::new())).await
}

#[tokio::test]
async fn a_run_is_started_once_for_a_key_and_listed() {
    let (app, api) = job().await;
    let first = start(&api, "one").await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.body);
    assert_eq!(first.body["status"], "running");
    assert_eq!(start(&api, "one").await.body["id"], first.body["id"]);
    let path = format!("{PATH}/{}", first.body["id"].as_str().unwrap());
    let shown = send(&api, signed("GET", &path, &[], String::new())).await;
    assert_eq!(shown.body["by"], first.body["by"], "{}", shown.body);
    let at = first.body["started_at"].as_str().unwrap().parse().unwrap();
    app.runs.runs.end(MACHINE, RunStatus::Succeeded, at);
    start(&api, "two").await;
    let page = list(&api, "?limit=1").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert_eq!(page.body["items"][0]["status"], "running");
    let next = page.body["next"].as_str().unwrap();
    let rest = list(&api, &format!("?cursor={next}")).await;
    assert_eq!(rest.body["items"][0]["id"], first.body["id"]);
    assert_eq!(rest.body["items"][0]["status"], "succeeded");
    assert_eq!(rest.body["items"][0]["attempts"], 1);
    assert_eq!(rest.body.get("next"), None);
}

#[tokio::test]
async fn a_run_is_cancelled_and_one_that_is_over_is_not() {
    let (app, api) = job().await;
    let first = start(&api, "one").await;
    let path = |run: &Answer| format!("{PATH}/{}/cancel", run.body["id"].as_str().unwrap());
    let ended = send(&api, signed("POST", &path(&first), &[], String::new())).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.body);
    assert_eq!(ended.body["status"], "aborted");
    let second = start(&api, "two").await;
    let at = second.body["started_at"].as_str().unwrap().parse().unwrap();
    app.runs.runs.end(MACHINE, RunStatus::Succeeded, at);
    let late = send(&api, signed("POST", &path(&second), &[], String::new())).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let kind = late.body["type"].as_str().unwrap();
    assert!(kind.ends_with("run-over"), "{}", late.body);
}

#[tokio::test]
async fn what_is_no_job_and_what_has_no_stack_yet_say_so() {
    let api = api();
    post(&api, "/services", &json!({"service": "invoices"})).await;
    let refused = list(&api, "").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(
        refused.body["type"]
            .as_str()
            .unwrap()
            .ends_with("not-a-job")
    );
    let waiting = json!({"service": "later", "kind": "job"});
    post(&api, "/services", &waiting).await;
    let path = "/services/later/environments/prod/runs";
    let refused = send(&api, signed("POST", path, &[], String::new())).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let kind = refused.body["type"].as_str().unwrap();
    assert!(kind.ends_with("nothing-to-run"), "{}", refused.body);
}
