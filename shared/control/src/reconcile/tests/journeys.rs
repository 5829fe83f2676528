//! What goes well: registering, changing, deleting, waiting for a turn.

use super::*;

#[tokio::test]
async fn a_service_with_an_image_becomes_ready_and_then_rests() {
    let world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
    let deployment = world.deployment("orders");
    assert!(matches!(
        deployment.outcome,
        Some(Outcome::Succeeded { .. })
    ));
    let steps: Vec<&str> = deployment
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(steps, ["accepted", "creating the stack", "ready"]);
    assert_eq!(world.registry.slots().0, 0);

    world.cloud.take_calls();
    for scope in [Scope::Service, Scope::Environment(prod())] {
        let next = world
            .reconciler
            .reconcile(&name("orders"), &scope, later(500))
            .await
            .unwrap();
        assert_eq!(next, Next::Done);
    }
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
    assert!(
        !world.registry.take_calls().contains_key("save")
            || world.registry.all_attention().is_empty()
    );
}

#[tokio::test]
async fn a_service_without_an_image_has_its_repository_and_waits_for_the_first() {
    let mut world = World::settled(json!({"service": "orders"})).await;
    assert_eq!(world.phase("orders").await.0, Phase::Waiting);
    assert_eq!(
        world.cloud.stacks().keys().collect::<Vec<_>>(),
        ["devops2-g4--orders"]
    );
    world.patch("orders", json!({"image": "nginx:1"})).await;
    world.settle().await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
    assert_eq!(world.cloud.stacks().len(), 2);
}

#[tokio::test]
async fn a_change_is_an_update_and_no_change_is_none() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.cloud.take_calls();
    world.patch("orders", json!({"image": "nginx:2"})).await;
    world.settle().await;
    assert_eq!(world.mutations("update"), 1);
    world
        .patch("orders", json!({"deletion_protection": true}))
        .await;
    world.settle().await;
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
    assert_eq!(world.deployment("orders").generation, 2);
}

#[tokio::test]
async fn never_more_stack_operations_than_slots_and_all_come_to_their_turn() {
    let mut world = World::with_slots(3);
    for n in 0..20 {
        world
            .register(json!({"service": format!("s{n}"), "image": "nginx:1"}))
            .await;
    }
    world.settle().await;
    assert_eq!(world.cloud.stacks().len(), 40);
    assert_eq!(world.registry.slots(), (0, 3));
}

#[tokio::test]
async fn only_the_newest_of_several_deployments_is_carried_out() {
    let mut world = World::new();
    world
        .register(json!({"service": "orders", "image": "nginx:1"}))
        .await;
    for image in ["nginx:2", "nginx:3"] {
        world.patch("orders", json!({"image": image})).await;
    }
    world.settle().await;
    let page = world
        .api
        .deployments(&name("orders"), &prod(), None, 10)
        .await
        .unwrap();
    let outcomes: Vec<bool> = page
        .items
        .iter()
        .map(|d| matches!(d.outcome, Some(Outcome::Superseded { .. })))
        .collect();
    assert_eq!(outcomes, [false, true, true]);
    assert!(matches!(
        page.items[0].outcome,
        Some(Outcome::Succeeded { .. })
    ));
}

#[tokio::test]
async fn a_former_path_is_released_once_the_new_one_is_served() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.patch("orders", json!({"path": "/a"})).await;
    world.patch("orders", json!({"path": "/b"})).await;
    assert_eq!(world.registry.claims().len(), 3);
    world.settle().await;
    assert_eq!(
        world
            .registry
            .claims()
            .keys()
            .map(slipway_domain::RoutePath::as_str)
            .collect::<Vec<_>>(),
        ["/b"]
    );
}

#[tokio::test]
async fn a_deleted_service_is_gone_with_its_stacks_and_claims_and_can_come_again() {
    let mut world = World::new();
    let manifest = json!({"service": "orders", "image": "nginx:1", "environments": {"qa": {}}});
    world.register(manifest.clone()).await;
    world.settle().await;
    assert_eq!(world.cloud.stacks().len(), 3);
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
    assert!(world.cloud.stacks().is_empty() && world.registry.claims().is_empty());
    assert_eq!(world.registry.slots().0, 0);
    world.register(manifest).await;
    world.settle().await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
}

#[tokio::test]
async fn an_environment_that_the_manifest_drops_is_deleted_and_may_come_back() {
    let mut world = World::settled(
        json!({"service": "orders", "image": "nginx:1", "environments": {"qa": {}}}),
    )
    .await;
    world
        .patch("orders", json!({"environments": {"qa": null}}))
        .await;
    world.sweep(1).await;
    world
        .patch("orders", json!({"environments": {"qa": {}}}))
        .await;
    world.settle().await;
    assert_eq!(world.cloud.stacks().len(), 3);
    world.patch("orders", json!({"environments": null})).await;
    world.settle().await;
    assert_eq!(
        world.cloud.stacks().keys().collect::<Vec<_>>(),
        ["devops2-g4--orders", "devops2-g4--orders--prod"]
    );
    assert_eq!(world.registry.claims().len(), 1);
}

#[tokio::test]
async fn the_service_stack_is_known_while_it_waits_for_its_environments_to_go() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.delete("orders").await;
    world.sweep(1).await;
    let state = world
        .registry
        .service(&name("orders"))
        .await
        .unwrap()
        .unwrap();
    assert!(state.stacks[&Scope::Service].status.stack_id.is_some());
}
