//! Pushes of images, told of by ECR or found by the schedule.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use slipway_control::push::PushedImage;
use slipway_domain::Cause;

use crate::{COMMIT, DIGEST, World, event, now, own};

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
                newest.artifact.to_string(),
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
    assert_eq!(deployments[0].artifact.to_string(), image);
    assert_eq!(deployments[0].cause, Cause::Push);
}
