//! What pushes start, on a registry in memory.

use serde_json::{Value, json};

use super::*;
use crate::fake::FakeRegistry;
use crate::services::tests::{api, caller};

const COMMIT: &str = "0123456789012345678901234567890123456789";

fn pushes(registry: &FakeRegistry) -> Pushes<FakeRegistry> {
    Pushes {
        registry: registry.clone(),
        platform: Platform::sample(),
    }
}

async fn registered(manifest: &Value) -> (FakeRegistry, ServiceState) {
    let registry = FakeRegistry::new(5);
    let api = api(registry.clone());
    api.register(manifest, &caller(1)).await.unwrap();
    let name = manifest["service"].as_str().unwrap().parse().unwrap();
    let state = pushes(&registry).service(&name).await.unwrap().unwrap();
    (registry, state)
}

fn own(tag: &str) -> Image {
    let name = "orders".parse().unwrap();
    let uri = own_repository(&Platform::sample(), &name);
    format!("{uri}:{tag}").parse().unwrap()
}

fn push(delivery: &str, tag: &str, minute: i64) -> Push {
    Push {
        image: own(tag),
        wait: Some(SignedDuration::from_mins(30)),
        trigger: Trigger {
            provider: "github".to_owned(),
            delivery: delivery.to_owned(),
            reference: Some("main".to_owned()),
            commit: Some(COMMIT.to_owned()),
            committed_at: Some(caller(0).stamp.now + SignedDuration::from_mins(minute)),
            title: None,
            sender: Some("ada".to_owned()),
        },
        once: delivery.to_owned(),
        forced: false,
    }
}

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

fn started(pushed: Pushed) -> DeploymentStarted {
    match pushed {
        Pushed::Started(started) | Pushed::Before(started) => *started,
        Pushed::Ignored(why) => panic!("{why}"),
    }
}

#[tokio::test]
async fn a_push_is_a_deployment_that_waits_and_knows_what_told_of_it() {
    let (registry, state) = registered(&json!({"service": "orders"})).await;
    let pushes = pushes(&registry);
    let stamp = caller(2).stamp;
    let begun = pushes
        .deploy(&state, &prod(), &push("d1", "v1", 0), stamp)
        .await
        .unwrap();
    let deployment = started(begun).deployment;
    assert_eq!(deployment.cause, Cause::Webhook);
    assert_eq!(deployment.actor, "github:ada");
    assert_eq!(
        deployment.waits_until,
        Some(stamp.now + SignedDuration::from_mins(30))
    );
    assert_eq!(deployment.trigger.unwrap().delivery, "d1");
}

#[tokio::test]
async fn the_same_delivery_again_begins_nothing_and_gives_the_first_answer() {
    let (registry, state) = registered(&json!({"service": "orders"})).await;
    let pushes = pushes(&registry);
    let first = pushes
        .deploy(&state, &prod(), &push("d1", "v1", 0), caller(2).stamp)
        .await
        .unwrap();
    let again = pushes.service(state.service.name()).await.unwrap().unwrap();
    let second = pushes
        .deploy(&again, &prod(), &push("d1", "v1", 0), caller(3).stamp)
        .await
        .unwrap();
    assert!(matches!(second, Pushed::Before(_)));
    assert_eq!(started(first), started(second));
    let after = pushes.service(state.service.name()).await.unwrap().unwrap();
    assert_eq!(after.service.generation, 2);
}

#[tokio::test]
async fn who_read_the_service_before_another_push_writes_nothing() {
    let (registry, state) = registered(&json!({"service": "orders"})).await;
    let pushes = pushes(&registry);
    let one = push("d1", "v1", 0);
    let two = push("d2", "v2", 1);
    pushes
        .deploy(&state, &prod(), &one, caller(2).stamp)
        .await
        .unwrap();
    let late = pushes.deploy(&state, &prod(), &two, caller(3).stamp).await;
    assert!(matches!(late, Err(ServiceError::Contended(_))), "{late:?}");
}

#[tokio::test]
async fn an_older_commit_that_comes_late_is_ignored_unless_the_branch_was_set_back() {
    let (registry, state) = registered(&json!({"service": "orders"})).await;
    let pushes = pushes(&registry);
    pushes
        .deploy(&state, &prod(), &push("d2", "v2", 0), caller(2).stamp)
        .await
        .unwrap();
    let state = pushes.service(state.service.name()).await.unwrap().unwrap();
    let mut older = push("d1", "v1", -5);
    let ignored = pushes
        .deploy(&state, &prod(), &older, caller(3).stamp)
        .await
        .unwrap();
    assert!(matches!(ignored, Pushed::Ignored(why) if why.contains(COMMIT)));
    let (name, prod) = (state.service.name().clone(), prod());
    let recorded = registry.deployments(&name, &prod, None, 9);
    let recorded = recorded.await.unwrap().items;
    assert_eq!(recorded.len(), 2, "none is lost");
    assert!(matches!(
        recorded[0].outcome,
        Some(Outcome::Superseded { .. })
    ));
    assert_eq!(recorded[0].artifact, Artifact::Image(older.image.clone()));
    let state = pushes.service(state.service.name()).await.unwrap().unwrap();
    let runs = state.service.manifest.effective(&prod, &prod).unwrap();
    assert_eq!(runs.settings.image, Some(own("v2")), "and nothing changes");
    older.forced = true;
    let forced = pushes
        .deploy(&state, &prod, &older, caller(4).stamp)
        .await
        .unwrap();
    assert_eq!(
        started(forced).deployment.artifact,
        Artifact::Image(own("v1"))
    );
}

#[tokio::test]
async fn a_commit_of_tomorrow_and_one_of_long_ago_stand_in_nobodys_way() {
    let (registry, state) = registered(&json!({"service": "orders"})).await;
    let pushes = pushes(&registry);
    let far = push("d1", "v1", 60 * 24);
    pushes
        .deploy(&state, &prod(), &far, caller(2).stamp)
        .await
        .unwrap();
    let state = pushes.service(state.service.name()).await.unwrap().unwrap();
    let next = pushes
        .deploy(&state, &prod(), &push("d2", "v2", 0), caller(3).stamp)
        .await;
    let begun = started(next.unwrap()).deployment;
    assert_eq!(begun.artifact, Artifact::Image(own("v2")));
    let state = pushes.service(state.service.name()).await.unwrap().unwrap();
    let mut later = caller(4).stamp;
    later.now += SignedDuration::from_mins(11);
    let older = pushes
        .deploy(&state, &prod(), &push("d3", "v3", -5), later)
        .await;
    assert_eq!(
        started(older.unwrap()).deployment.artifact,
        Artifact::Image(own("v3"))
    );
}

#[tokio::test]
async fn an_event_of_an_older_image_overrules_neither_a_newer_one_nor_a_person() {
    let (registry, state) = registered(&json!({
        "service": "orders", "triggers": {"follow": "v*"},
    }))
    .await;
    let pushes = pushes(&registry);
    let event = |tag: &str, second: u32| Push {
        image: own(tag),
        wait: None,
        trigger: Trigger {
            provider: OWN_REPOSITORY.to_owned(),
            reference: Some(tag.to_owned()),
            committed_at: Some(caller(second).stamp.now),
            ..push(tag, tag, 0).trigger
        },
        once: tag.to_owned(),
        forced: false,
    };
    pushes
        .deploy(&state, &prod(), &event("v2", 20), caller(21).stamp)
        .await
        .unwrap();
    let state = pushes.service(state.service.name()).await.unwrap().unwrap();
    let late = pushes
        .deploy(&state, &prod(), &event("v1", 10), caller(22).stamp)
        .await;
    assert!(matches!(late.unwrap(), Pushed::Ignored(_)));
    let api = api(registry.clone());
    let name = state.service.name().clone();
    let image = own("v0");
    api.deploy(&name, &prod(), &Artifact::Image(image), &caller(30))
        .await
        .unwrap();
    let state = pushes.service(&name).await.unwrap().unwrap();
    let late = pushes
        .deploy(&state, &prod(), &event("v3", 25), caller(31).stamp)
        .await;
    assert!(matches!(late.unwrap(), Pushed::Ignored(_)));
}

fn pushed(tag: &str) -> PushedImage {
    PushedImage {
        tag: tag.to_owned(),
        digest: format!("sha256:{}", "a".repeat(64)),
        pushed_at: caller(5).stamp.now,
    }
}

#[tokio::test]
async fn an_image_wakes_who_waits_for_it_and_deploys_who_follows_it_or_has_none() {
    let (registry, state) = registered(&json!({
        "service": "orders",
        "environments": {
            "qa": {"image": "nginx:1", "triggers": {"follow": "v*"}},
            "dev": {"image": "nginx:1"},
        },
    }))
    .await;
    let pushes = pushes(&registry);
    let starts = pushes.image_pushed(&state, &pushed("v2"));
    let names: Vec<_> = starts
        .deploy
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["prod", "qa"], "one has no image, one follows");
    assert!(starts.wake.is_empty());
    assert_eq!(
        pushes.image_pushed(&state, &pushed("slipway-prod-1")),
        Starts::default()
    );

    pushes
        .deploy(&state, &prod(), &push("d1", "v2", 0), caller(2).stamp)
        .await
        .unwrap();
    let state = pushes.service(state.service.name()).await.unwrap().unwrap();
    let starts = pushes.image_pushed(&state, &pushed("v2"));
    assert_eq!(starts.wake, [Scope::Environment(prod())]);
}
