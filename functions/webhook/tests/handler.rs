//! What the webhook function does with events, on a registry in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use slipway_control::Stamp;
use slipway_control::change::{self, Request};
use slipway_control::fake::{FakeChecks, FakeRegistry, FakeWaker, Fault, Tape};
use slipway_control::ports::{
    ChangeWriter, HistoryReader, HookSecret, HookSecrets, HookWriter, PortResult, Provider,
    RepositoryReader, ServiceReader,
};
use slipway_control::push::{PushedImage, Pushes, own_repository};
use slipway_domain::{Cause, Deployment, EnvironmentName, Manifest, Platform, ServiceName};
use slipway_webhook::Handler;
use slipway_webhook::hooks::HookMemory;
use ulid::Ulid;

/// The secret that the events under `events/webhook` are signed with.
const SECRET: &str = "whsec_c2xpcHdheS10ZXN0LXdlYmhvb2stc2VjcmV0LTMyYiE=";
/// The commit of GitHub's events.
const COMMIT: &str = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";
/// The digest of ECR's event.
const DIGEST: &str = "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd12340000";

/// The newest image of each repository.
#[derive(Debug, Clone, Default)]
struct Newest(Arc<Mutex<BTreeMap<String, PushedImage>>>);

impl RepositoryReader for Newest {
    async fn newest(&self, repository: &str, _: &str) -> PortResult<Option<PushedImage>> {
        Ok(self.0.lock().unwrap().get(repository).cloned())
    }
}

/// The function on a platform in memory.
struct World {
    handler: Handler<FakeRegistry, FakeChecks, Newest, FakeWaker>,
    registry: FakeRegistry,
    checks: FakeChecks,
    newest: Newest,
    waker: FakeWaker,
    /// The stamps so far.
    stamps: Cell<u32>,
    now: Cell<Timestamp>,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_255_200).unwrap()
}

fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

fn event(name: &str) -> Value {
    let path = format!(
        "{}/../../events/webhook/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(name)
}

fn own(tag: &str) -> String {
    let repository = own_repository(&Platform::sample(), &name("orders"));
    format!("{repository}:{tag}")
}

impl World {
    /// An empty one.
    fn new() -> Self {
        let (checks, tape) = (FakeChecks::default(), Tape::default());
        let registry = FakeRegistry::taped(5, tape);
        let (newest, waker) = (Newest::default(), FakeWaker::default());
        Self {
            handler: Handler {
                pushes: Pushes {
                    registry: registry.clone(),
                    platform: Platform::sample(),
                },
                hooks: HookMemory::new(checks.clone()),
                repositories: newest.clone(),
                waker: waker.clone(),
            },
            registry,
            checks,
            newest,
            waker,
            stamps: Cell::new(0),
            now: Cell::new(now()),
        }
    }

    /// One with the service `orders` and a webhook of every sender.
    async fn with(manifest: Value) -> Self {
        let world = Self::new();
        world.register(manifest).await;
        for provider in Provider::ALL {
            world.hook(provider, Ulid(1)).await;
        }
        world
    }

    async fn register(&self, manifest: Value) {
        let request = Request {
            actor: "test".to_owned(),
            stamp: Stamp {
                now: now() - SignedDuration::from_hours(1),
                id: Ulid(1),
            },
            action: "register",
            cause: Cause::Api,
        };
        let manifest = Manifest::read(&manifest).unwrap();
        let change = change::register(manifest, &Platform::sample(), &request);
        self.registry.commit(&change).await.unwrap();
        self.registry.take_calls();
    }

    async fn hook(&self, provider: Provider, uid: Ulid) {
        let secret = HookSecret {
            value: SECRET.to_owned(),
            made_at: now(),
            until: None,
        };
        let secrets = HookSecrets {
            uid,
            secrets: vec![secret],
        };
        let orders = name("orders");
        self.checks
            .put_hook(&orders, provider, &secrets)
            .await
            .unwrap();
    }

    fn stamp(&self) -> Stamp {
        let n = self.stamps.get() + 1;
        self.stamps.set(n);
        let millis = u64::try_from(self.now.get().as_millisecond()).unwrap();
        Stamp {
            now: self.now.get(),
            id: Ulid::from_parts(millis, n.into()),
        }
    }

    /// Handles an event; the status and the body of the answer.
    async fn send(&self, event: Value) -> (u64, Value) {
        let answer = self.handler.handle(event, || self.stamp()).await.unwrap();
        let body = answer["body"].as_str().unwrap_or("null");
        let status = answer["statusCode"].as_u64().unwrap_or_default();
        (status, serde_json::from_str(body).unwrap())
    }

    async fn deployments(&self) -> Vec<Deployment> {
        let (orders, prod) = (name("orders"), prod());
        let page = self.registry.deployments(&orders, &prod, None, 1000);
        page.await.unwrap().items
    }

    async fn generation(&self) -> u64 {
        let state = self.registry.service(&name("orders")).await.unwrap();
        state.unwrap().service.generation
    }
}

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
async fn deliveries_at_the_same_moment_are_tried_until_the_newest_commit_is_through() {
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
            200 if body["deployment"].is_object() => {}
            200 => assert!(
                body["ignored"].as_str().unwrap().contains("newer"),
                "{body}"
            ),
            other => panic!("{other}: {body}"),
        }
    }
    let deployments = world.deployments().await;
    assert_eq!(deployments.len(), begun);
    let newest = deployments[0].trigger.as_ref().unwrap();
    assert_eq!(newest.provider, "bitbucket", "its commit is the newest");
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
    assert_eq!(world.deployments().await.len(), 1);
}

#[tokio::test]
async fn a_push_to_the_repository_deploys_a_first_image_and_what_is_followed_and_nothing_else() {
    for (manifest, expected) in [
        (json!({"service": "orders"}), 1),
        (json!({"service": "orders", "image": "nginx:1"}), 1),
        (
            json!({"service": "orders", "image": "nginx:1", "triggers": {"follow": "59*"}}),
            2,
        ),
    ] {
        let world = World::with(manifest.clone()).await;
        world.send(event("ecr-push")).await;
        let deployments = world.deployments().await;
        assert_eq!(deployments.len(), expected, "{manifest}");
        if manifest["image"].is_null() || expected == 2 {
            let newest = &deployments[0];
            assert_eq!(
                newest.image.to_string(),
                format!("{}@{DIGEST}", own(COMMIT))
            );
            assert_eq!(newest.cause, Cause::Push);
            let trigger = newest.trigger.as_ref().unwrap();
            assert_eq!(trigger.provider, "ecr");
            assert_eq!(trigger.delivery, "13cde686-328b-6117-af20-0e5566167482");
        }
        // The event comes once more, as events do.
        world.send(event("ecr-push")).await;
        assert_eq!(world.deployments().await.len(), expected, "{manifest}");
    }
}

#[tokio::test]
async fn a_push_wakes_the_deployment_that_waits_for_it_and_begins_no_other() {
    let world = World::with(json!({"service": "orders", "triggers": {"follow": "59*"}})).await;
    world.send(event("github-push")).await;
    world.send(event("ecr-push")).await;
    let woken = world.waker.take();
    assert_eq!(woken.len(), 1);
    assert_eq!(woken[0].1.to_string(), "prod");
    assert_eq!(woken[0].2, Duration::ZERO);
    assert_eq!(world.deployments().await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_woken_comes_again() {
    let world = World::with(json!({"service": "orders"})).await;
    world.send(event("github-push")).await;
    world.waker.break_down();
    let handled = world.handler.handle(event("ecr-push"), || world.stamp());
    assert!(handled.await.is_err());
}

#[tokio::test]
async fn pushes_of_other_platforms_services_and_what_was_deleted_start_nothing() {
    let world = World::with(json!({"service": "orders"})).await;
    for name in ["ecr-push-untagged", "ecr-delete"] {
        world.send(event(name)).await;
    }
    let mut other = event("ecr-push");
    other["detail"]["repository-name"] = "devops2-g4-nobody-prod".into();
    world.send(other).await;
    world.send(json!({"source": "aws.ecs"})).await;
    assert!(world.deployments().await.is_empty());
}

#[tokio::test]
async fn the_schedule_deploys_what_was_pushed_under_a_followed_tag_and_nobody_told_of() {
    let follows = json!({"service": "orders", "image": "nginx:1", "triggers": {"follow": "v*"}});
    let world = World::with(follows).await;
    world
        .register(json!({"service": "other", "image": "nginx:1"}))
        .await;
    let pushed = PushedImage {
        tag: "v2".to_owned(),
        digest: DIGEST.to_owned(),
        pushed_at: now() - SignedDuration::from_mins(1),
    };
    let repository = "devops2-g4-orders-prod".to_owned();
    world.newest.0.lock().unwrap().insert(repository, pushed);
    for _ in 0..2 {
        world.send(event("digests")).await;
    }
    let deployments = world.deployments().await;
    assert_eq!(deployments.len(), 2);
    let image = format!("{}@{DIGEST}", own("v2"));
    assert_eq!(deployments[0].image.to_string(), image);
    assert_eq!(deployments[0].cause, Cause::Push);
}

#[tokio::test]
async fn a_pipeline_is_not_there_yet_and_that_is_said() {
    let world = World::with(json!({"service": "orders", "triggers": {"push": "pipeline"}})).await;
    let (status, body) = world.send(event("github-push")).await;
    assert_eq!(status, 200);
    let why = body["ignored"].as_str().unwrap();
    assert!(why.contains("no pipelines yet"), "{why}");
}
