//! Deliveries of webhooks.

use jiff::SignedDuration;
use serde_json::{Value, json};
use slipway_control::fake::Fault;
use slipway_control::ports::{HookWriter, Provider};
use slipway_domain::Platform;
use ulid::Ulid;

use crate::{COMMIT, World, event, name, now, own};

#[tokio::test]
async fn a_push_of_code_begins_a_deployment_that_waits_for_its_image() {
    let world = World::with(json!({"service": "orders"})).await;
    let (status, body) = world.send(event("github-push")).await;
    assert_eq!(status, 202, "{body}");
    let deployment = &body["deployment"];
    assert_eq!(deployment["image"], own(COMMIT));
    assert_eq!(deployment["cause"], "webhook");
    assert_eq!(deployment["actor"], "github:Codertocat");
    assert_eq!(deployment["waits_until"], "2026-11-21T10:30:00Z");
    assert_eq!(
        deployment["trigger"],
        json!({
            "provider": "github",
            "delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "reference": "main",
            "commit": COMMIT,
            "committed_at": "2026-11-21T09:59:50Z",
            "title": "Ship orders in parcels",
            "sender": "Codertocat",
        })
    );
    // The service, and the deployment; the secrets are read beside.
    let calls = world.registry.take_calls();
    assert_eq!(calls.values().sum::<usize>(), 2, "{calls:?}");
}

#[tokio::test]
async fn every_sender_is_understood_over_the_same_way() {
    for (name, expected) in [
        ("github-push", 202),
        ("github-push-form", 202),
        ("gitlab-push", 202),
        ("gitlab-push-signed", 202),
        ("bitbucket-push", 202),
        ("bitbucket-push-base64", 202),
        ("azure-devops-push", 202),
        ("docker-hub-push", 202),
        ("standard-image", 202),
        ("standard-code", 202),
        ("github-registry_package", 202),
        ("github-push-deleted", 200),
        ("github-push-tag", 200),
        ("github-release", 200),
        ("github-ping", 200),
    ] {
        let world = World::with(json!({"service": "orders"})).await;
        let (status, body) = world.send(event(name)).await;
        assert_eq!(status, expected, "{name}: {body}");
        assert_eq!(body["ignored"].is_string(), status == 200, "{name}: {body}");
        let begun = world.deployments().await.len();
        assert_eq!(begun, usize::from(status == 202), "{name}");
    }
}

#[tokio::test]
async fn the_same_delivery_is_one_deployment_and_is_answered_as_the_first_time() {
    let world = World::with(json!({"service": "orders"})).await;
    let (_, first) = world.send(event("github-push")).await;
    for _ in 0..3 {
        let (status, again) = world.send(event("github-push")).await;
        assert_eq!((status, &again), (200, &first));
    }
    assert_eq!(world.deployments().await.len(), 1);
    assert_eq!(world.generation().await, 2);
}

/// GitHub's signature covers the body alone: whoever caught a delivery could send it once more
/// under an id of their own.
#[tokio::test]
async fn a_delivery_under_another_id_is_the_same_where_the_id_is_not_signed() {
    for (name, header) in [
        ("github-push", "x-github-delivery"),
        ("bitbucket-push", "x-request-uuid"),
    ] {
        let world = World::with(json!({"service": "orders"})).await;
        let (_, first) = world.send(event(name)).await;
        let mut replayed = event(name);
        replayed["headers"][header] = "another".into();
        let (status, again) = world.send(replayed).await;
        assert_eq!((status, &again), (200, &first), "{name}");
        assert_eq!(world.deployments().await.len(), 1, "{name}");
    }
}

#[tokio::test]
async fn what_is_not_verified_is_answered_alike_and_changes_nothing() {
    let world = World::with(json!({"service": "orders"})).await;
    let changed = |pointer: &str, value: Value| {
        let mut event = event("github-push");
        *event.pointer_mut(pointer).expect(pointer) = value;
        event
    };
    let signature = "/headers/x-hub-signature-256";
    let mut unknown = event("github-push");
    unknown["headers"].as_object_mut().unwrap().clear();
    let mut answers = Vec::new();
    for event in [
        changed(signature, "".into()),
        changed(signature, "sha256=00".into()),
        changed(signature, format!("sha256={}", "0".repeat(64)).into()),
        changed("/body", "{}".into()),
        changed("/rawPath", "/webhook/nobody".into()),
        changed("/rawPath", "/webhook/Not-A-Name".into()),
        changed("/rawPath", "/webhook/orders/Not-A-Name".into()),
        changed("/rawPath", "/webhook/orders/prod/more".into()),
        changed("/rawPath", "/webhook/".into()),
        changed("/isBase64Encoded", true.into()),
        unknown,
    ] {
        answers.push(world.send(event).await);
    }
    // A service without a webhook of this sender, and one of an earlier life.
    let orders = name("orders");
    let github = [Provider::Github];
    world.checks.remove_hooks(&orders, &github).await.unwrap();
    world.now.set(now() + SignedDuration::from_secs(60));
    answers.push(world.send(event("github-push")).await);
    world.hook(Provider::Github, Ulid(2)).await;
    world.now.set(now() + SignedDuration::from_secs(120));
    answers.push(world.send(event("github-push")).await);
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!(answers[0].0, 401);
    assert_eq!(answers[0].1["type"], "urn:slipway:problem:not-verified");
    assert_eq!(world.generation().await, 1);
    assert!(world.deployments().await.is_empty());
    let written = world.registry.take_calls().get("commit").copied();
    assert_eq!(written, None);
}

#[tokio::test]
async fn what_no_secret_could_fit_costs_no_call() {
    let world = World::with(json!({"service": "orders"})).await;
    for (name, header) in [
        ("github-push", "x-hub-signature-256"),
        ("gitlab-push", "x-gitlab-token"),
        ("azure-devops-push", "authorization"),
        ("standard-image", "webhook-signature"),
    ] {
        let mut event = event(name);
        event["headers"].as_object_mut().unwrap().remove(header);
        assert_eq!(world.send(event).await.0, 401, "{name}");
    }
    world.now.set(now() + SignedDuration::from_secs(301));
    assert_eq!(world.send(event("standard-image")).await.0, 401);
    assert!(world.registry.take_calls().is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_as_such() {
    let world = World::with(json!({"service": "orders"})).await;
    let mut event = event("github-push");
    event["body"] = "x".repeat(1024 * 1024 + 1).into();
    let (status, body) = world.send(event).await;
    assert_eq!((status, body["status"].as_u64()), (413, Some(413)));
}

#[tokio::test]
async fn a_sender_that_is_right_learns_that_there_is_no_such_environment() {
    let world = World::with(json!({"service": "orders"})).await;
    let mut event = event("github-push");
    event["rawPath"] = "/webhook/orders/staging".into();
    let (status, body) = world.send(event).await;
    assert_eq!(status, 404, "{body}");
}

#[tokio::test]
async fn a_deployment_that_is_refused_is_answered_with_success_and_the_reason() {
    let platform = Platform {
        allowed_registries: vec!["ghcr.io".to_owned()],
        ..Platform::sample()
    };
    let mut world = World::with(json!({"service": "orders"})).await;
    world.handler.pushes.platform = platform;
    let (status, body) = world.send(event("docker-hub-push")).await;
    assert_eq!(status, 200, "{body}");
    assert!(
        body["ignored"].as_str().unwrap().contains("image"),
        "{body}"
    );
    assert_eq!(world.generation().await, 1);
}

#[tokio::test]
async fn deliveries_at_the_same_moment_are_tried_until_each_is_through() {
    let world = World::with(json!({"service": "orders"})).await;
    world.registry.tape().yield_at_calls(true);
    let (github, gitlab, bitbucket, azure, again) = tokio::join!(
        world.send(event("github-push")),
        world.send(event("gitlab-push")),
        world.send(event("bitbucket-push")),
        world.send(event("azure-devops-push")),
        world.send(event("github-push")),
    );
    world.registry.tape().yield_at_calls(false);
    let mut begun = 0;
    for (status, body) in [github, gitlab, bitbucket, azure, again] {
        match status {
            202 => begun += 1,
            // The same one again is answered as the first time.
            200 => assert!(body["deployment"].is_object(), "{body}"),
            other => panic!("{other}: {body}"),
        }
    }
    assert_eq!(begun, 4, "of each sender one");
    assert_eq!(world.deployments().await.len(), begun);
}

#[tokio::test]
async fn where_aws_does_not_answer_the_sender_is_asked_to_send_again() {
    let world = World::with(json!({"service": "orders"})).await;
    for call in ["service", "commit"] {
        world.registry.tape().next(call, Fault::Throttled, 1);
        let (status, body) = world.send(event("github-push")).await;
        assert_eq!(status, 503, "{body}");
    }
    let (status, _) = world.send(event("github-push")).await;
    assert_eq!(status, 202);
}

#[tokio::test]
async fn a_deployment_whose_answer_was_lost_is_found_when_it_is_sent_again() {
    let world = World::with(json!({"service": "orders"})).await;
    world.registry.tape().next("commit", Fault::AnswerLost, 1);
    assert_eq!(world.send(event("github-push")).await.0, 503);
    let (status, body) = world.send(event("github-push")).await;
    assert_eq!(
        (status, world.deployments().await.len()),
        (200, 1),
        "{body}"
    );
    assert!(body["deployment"].is_object());
}

#[tokio::test]
async fn an_older_commit_that_comes_late_starts_nothing() {
    let world = World::with(json!({"service": "orders"})).await;
    let signed = |delivery: &str, at: &str| {
        let mut event = event("gitlab-push");
        event["headers"]["idempotency-key"] = delivery.into();
        let body = json!({
            "object_kind": "push",
            "ref": "refs/heads/main",
            "checkout_sha": COMMIT,
            "commits": [{"id": COMMIT, "timestamp": at}],
        });
        event["body"] = body.to_string().into();
        event
    };
    let (status, _) = world.send(signed("newer", "2026-11-21T09:59:00Z")).await;
    assert_eq!(status, 202);
    let (status, body) = world.send(signed("older", "2026-11-21T09:58:00Z")).await;
    assert_eq!(status, 200);
    assert!(
        body["ignored"].as_str().unwrap().contains("newer"),
        "{body}"
    );
    let deployments = world.deployments().await;
    assert_eq!(deployments.len(), 2, "it is on record");
    let outcome = &deployments[0].outcome;
    assert!(
        matches!(outcome, Some(slipway_domain::Outcome::Superseded { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_push_starts_the_pipeline_once_at_its_commit() {
    let world = World::with(json!({"service": "orders", "triggers": {"push": "pipeline"}})).await;
    let pipelines = &world.pipelines.0;
    pipelines.lock().unwrap().insert(name("orders"), Vec::new());
    for _ in 0..2 {
        let (status, body) = world.send(event("github-push")).await;
        assert_eq!((status, &body["pipeline"]), (202, &"run-0".into()));
    }
    assert!(world.deployments().await.is_empty());
    let runs = pipelines.lock().unwrap()[&name("orders")].clone();
    let commits: Vec<_> = runs.iter().map(|run| run.commit.as_deref()).collect();
    assert_eq!(commits, [Some(COMMIT)]);
}

#[tokio::test]
async fn a_pipeline_is_not_there_yet_and_that_is_said() {
    let world = World::with(json!({"service": "orders", "triggers": {"push": "pipeline"}})).await;
    let (status, body) = world.send(event("github-push")).await;
    assert_eq!(status, 200);
    let why = body["ignored"].as_str().unwrap();
    assert!(why.contains("no pipelines yet"), "{why}");
}
