//! What goes wrong, and what becomes of it.

use super::*;

#[tokio::test]
async fn a_failed_creation_is_cleaned_up_and_told_and_not_repeated() {
    let mut world = World::settled(json!({"service": "orders"})).await;
    world.cloud.script([
        Script::Succeeds,
        Script::Fails("Service: the image is missing".to_owned()),
    ]);
    world.patch("orders", json!({"image": "nginx:1"})).await;
    world.settle().await;
    let (phase, message) = world.phase("orders").await;
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("the image is missing"), "{message}");
    assert_eq!(
        world.cloud.stacks().keys().collect::<Vec<_>>(),
        ["devops2-g4--orders"]
    );
    match world.deployment("orders").outcome {
        Some(Outcome::Failed { reason, .. }) => assert!(reason.contains("the image is missing")),
        other => panic!("{other:?}"),
    }
    world.cloud.take_calls();
    world.settle().await;
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());

    world.patch("orders", json!({"image": "nginx:2"})).await;
    world.settle().await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
}

#[tokio::test]
async fn a_collision_on_the_shared_http_api_is_survived() {
    let mut world = World::settled(json!({"service": "orders"})).await;
    let conflict = || Script::Fails("Route: ConflictException: try again".to_owned());
    world.cloud.script([Script::Succeeds, conflict()]);
    world.patch("orders", json!({"image": "nginx:1"})).await;
    world.settle().await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
    world.cloud.script([conflict()]);
    world.patch("orders", json!({"image": "nginx:2"})).await;
    world.settle().await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
    assert!(matches!(
        world.deployment("orders").outcome,
        Some(Outcome::Succeeded { .. })
    ));
}

#[tokio::test]
async fn a_failed_update_leaves_what_ran_and_says_why() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.cloud.script([Script::Fails(
        "Service: tasks did not become healthy".to_owned(),
    )]);
    world.patch("orders", json!({"image": "nginx:2"})).await;
    world.settle().await;
    let (phase, message) = world.phase("orders").await;
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("what ran before runs on"), "{message}");
    assert_eq!(
        world.cloud.stacks()["devops2-g4--orders--prod"],
        StackStatus::UpdateRollbackComplete
    );
}

#[tokio::test]
async fn a_refusal_is_told_and_holds_no_slot() {
    let mut world = World::new();
    world.cloud.script([
        Script::Refused("Template error".to_owned()),
        Script::Refused("Template error".to_owned()),
    ]);
    world
        .register(json!({"service": "orders", "image": "nginx:1"}))
        .await;
    world.settle().await;
    let (phase, message) = world.phase("orders").await;
    assert_eq!(
        (phase, message.as_str()),
        (Phase::Failed, "CloudFormation refuses: Template error")
    );
    assert_eq!(world.registry.slots().0, 0);
}

#[tokio::test]
async fn what_is_lost_between_doing_and_writing_is_found_again() {
    for lost in 1..=6 {
        let mut world = World::new();
        world.registry.lose_saves(lost);
        world
            .cloud
            .script([Script::AnswerLost, Script::Throttled, Script::AnswerLost]);
        world
            .register(json!({"service": "orders", "image": "nginx:1"}))
            .await;
        world.settle().await;
        assert_eq!(
            world.phase("orders").await.0,
            Phase::Ready,
            "{lost} writes lost"
        );
        assert_eq!(world.cloud.stacks().len(), 2, "{lost} writes lost");
        assert_eq!(world.registry.slots().0, 0, "{lost} writes lost");
    }
}

#[tokio::test]
async fn a_deletion_that_fails_is_tried_again_then_handed_to_a_person_and_goes_on_when_asked() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    let stuck = || Script::Fails("AlbSecurityGroup: it is in use".to_owned());
    world.cloud.script(std::iter::repeat_with(stuck).take(2));
    world.delete("orders").await;
    world.settle().await;
    assert!(
        world
            .registry
            .service(&name("orders"))
            .await
            .unwrap()
            .is_none()
    );

    world
        .register(json!({"service": "orders", "image": "nginx:1"}))
        .await;
    world.settle().await;
    let tries = usize::try_from(MAX_ATTEMPTS).unwrap();
    world
        .cloud
        .script(std::iter::repeat_with(stuck).take(tries));
    world.delete("orders").await;
    for minute in 1..60 {
        world.sweep(minute).await;
    }
    let (phase, message) = world.phase("orders").await;
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("it is in use"), "{message}");
    assert_eq!(world.registry.slots().0, 0);
    world.delete("orders").await;
    world.settle().await;
    assert!(
        world
            .registry
            .service(&name("orders"))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_failure_that_passes_is_given_time_before_the_next_attempt() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world
        .cloud
        .script([Script::Fails("Route: ConflictException".to_owned())]);
    world.patch("orders", json!({"image": "nginx:2"})).await;
    let scope = Scope::Environment(prod());
    let mut nexts = Vec::new();
    for minute in 1..6 {
        nexts.push(
            world
                .reconciler
                .reconcile(&name("orders"), &scope, later(minute))
                .await
                .unwrap(),
        );
    }
    assert_eq!(world.phase("orders").await.0, Phase::Updating);
    assert!(nexts.contains(&Next::Requeue(backoff(1))), "{nexts:?}");
}

#[tokio::test]
async fn a_slot_is_kept_while_an_operation_runs_that_no_record_tells_of() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.patch("orders", json!({"image": "nginx:2"})).await;
    let scope = Scope::Environment(prod());
    world.registry.lose_saves(1);
    assert!(
        world
            .reconciler
            .reconcile(&name("orders"), &scope, later(1))
            .await
            .is_err()
    );
    assert_eq!(world.registry.slots().0, 1);
    let next = world
        .reconciler
        .reconcile(&name("orders"), &scope, later(2))
        .await
        .unwrap();
    assert_eq!((next, world.registry.slots().0), (Next::AwaitChange, 1));
    world.settle().await;
    assert_eq!(world.registry.slots().0, 0);
}

#[tokio::test]
async fn a_slot_that_was_taken_for_nothing_is_given_back() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.patch("orders", json!({"image": "nginx:2"})).await;
    world.cloud.script([Script::Throttled]);
    let scope = Scope::Environment(prod());
    assert!(
        world
            .reconciler
            .reconcile(&name("orders"), &scope, later(1))
            .await
            .is_err()
    );
    assert_eq!(world.registry.slots().0, 1);
    world.patch("orders", json!({"image": "nginx:1"})).await;
    world.settle().await;
    assert_eq!(
        (world.phase("orders").await.0, world.registry.slots().0),
        (Phase::Ready, 0)
    );
}

#[tokio::test]
async fn a_stack_that_was_deleted_by_hand_is_made_again_at_the_next_look() {
    let world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.cloud.delete_by_hand("devops2-g4--orders--prod");
    let scope = Scope::Environment(prod());
    let next = world
        .reconciler
        .reconcile(&name("orders"), &scope, later(300))
        .await
        .unwrap();
    assert!(matches!(next, Next::Requeue(_)));
    for minute in 301..320 {
        world.sweep(minute).await;
    }
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
}
