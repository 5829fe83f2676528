//! What goes well: registering, changing, deleting, waiting for a turn.

use super::*;
use crate::places::HTTP_API;

#[test]
fn a_service_with_an_image_becomes_ready_and_then_rests() {
    let mut world = World::settled(&json!({"service": "orders", "image": "nginx:1"}));
    assert_eq!(world.phase("orders").0, Phase::Ready);
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
    assert_eq!(
        steps,
        ["accepted", "creating the stack", "starting tasks", "ready"]
    );
    assert_eq!(world.registry.slots().0, 0);

    world.cloud.take_calls();
    let before = world.registry.everything();
    for scope in [Scope::Service, Scope::Environment(prod())] {
        world.clock.advance(SignedDuration::from_hours(3));
        assert_eq!(world.look(&name("orders"), &scope).unwrap(), Next::Done);
    }
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
    assert_eq!(world.registry.everything(), before);
}

#[test]
fn a_service_without_an_image_has_its_repository_and_waits_for_the_first() {
    let mut world = World::settled(&json!({"service": "orders"}));
    assert_eq!(world.phase("orders").0, Phase::Waiting);
    assert_eq!(
        world.cloud.stacks().keys().collect::<Vec<_>>(),
        ["devops2-g4--orders"]
    );
    world.patch("orders", &json!({"image": "nginx:1"}));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.cloud.stacks().len(), 2);
}

#[test]
fn a_change_is_an_update_and_no_change_is_none() {
    let mut world = World::settled(&json!({"service": "orders", "image": "nginx:1"}));
    world.cloud.take_calls();
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.settle();
    assert_eq!(world.operations()["update"], 1);
    world.cloud.take_calls();
    world.patch("orders", &json!({"deletion_protection": true}));
    world.settle();
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
    assert_eq!(world.deployment("orders").generation, 2);
}

#[test]
fn never_more_stack_operations_than_slots_and_all_come_to_their_turn() {
    let mut world = World::with_slots(3);
    for n in 0..20 {
        world.register(&json!({"service": format!("s{n}"), "image": "nginx:1"}));
    }
    world.settle();
    assert_eq!(world.cloud.stacks().len(), 40);
    assert_eq!(world.registry.slots(), (0, 3));
}

#[test]
fn only_the_newest_of_several_deployments_is_carried_out() {
    let mut world = World::new();
    world.register(&json!({"service": "orders", "image": "nginx:1"}));
    for image in ["nginx:2", "nginx:3"] {
        world.patch("orders", &json!({"image": image}));
    }
    world.settle();
    let (orders, prod) = (name("orders"), prod());
    let page = block_on(world.registry.deployments(&orders, &prod, None, 10)).unwrap();
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

#[test]
fn a_former_path_is_released_once_the_new_one_is_served() {
    let mut world = World::settled(&json!({"service": "orders", "image": "nginx:1"}));
    world.patch("orders", &json!({"path": "/a"}));
    world.patch("orders", &json!({"path": "/b"}));
    assert_eq!(world.registry.claims().len(), 3);
    world.settle();
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

#[test]
fn a_place_on_a_shared_load_balancer_stays_until_it_is_left() {
    let shared = |service: &str, path: &str| json!({"service": service, "image": "nginx:1", "ingress": "shared", "path": path});
    let mut world = World::settled(&shared("orders", "/a"));
    world.register(&shared("below", "/a/b"));
    world.settle();
    let on_balancers = |world: &World| {
        let places = world.registry.places();
        places.keys().filter(|it| it.on != HTTP_API).count()
    };
    let priority = |world: &World, service: &str| {
        let stack = format!("devops2-g4--{service}--prod");
        let template = world.cloud.template(&stack).unwrap();
        let rule = &template["Resources"]["ListenerRule"]["Properties"];
        rule["Priority"].as_u64().unwrap()
    };
    // The deeper path is asked first, and an update keeps the place.
    let orders = priority(&world, "orders");
    assert!(priority(&world, "below") < orders);
    world.patch("orders", &json!({"memory": 1024}));
    world.settle();
    assert_eq!(priority(&world, "orders"), orders);
    // A second target group and another path take more, until they are left.
    world.patch("orders", &json!({"deploy": {"strategy": "canary"}}));
    world.patch("orders", &json!({"path": "/c"}));
    assert_eq!(on_balancers(&world), 5);
    world.settle();
    assert_eq!(on_balancers(&world), 3);
    world.patch("orders", &json!({"deploy": {"strategy": "rolling"}}));
    world.settle();
    assert_eq!(on_balancers(&world), 2);
    world.patch("orders", &json!({"ingress": "dedicated"}));
    world.settle();
    assert_eq!(on_balancers(&world), 1);
    world.delete("below");
    world.settle();
    assert_eq!(on_balancers(&world), 0);
    world.delete("orders");
    world.settle();
    assert!(world.registry.places().is_empty());
}

#[test]
fn a_service_whose_load_balancer_the_platform_lost_stays_as_it_is_and_says_so() {
    let manifest = json!({"service": "orders", "image": "nginx:1", "ingress": "public"});
    let mut world = World::settled(&manifest);
    world.reconciler.platform.public_load_balancers.clear();
    world.patch("orders", &json!({"memory": 1024}));
    world.settle();
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("PublicLoadBalancer"), "{message}");
    world.delete("orders");
    world.settle();
    assert!(!world.exists("orders") && world.registry.places().is_empty());
}

#[test]
fn a_deleted_service_is_gone_with_its_stacks_and_claims_and_can_come_again() {
    let mut world = World::new();
    let manifest = json!({"service": "orders", "image": "nginx:1", "environments": {"qa": {}}});
    world.register(&manifest);
    world.settle();
    assert_eq!(world.cloud.stacks().len(), 3);
    world.delete("orders");
    world.settle();
    assert!(!world.exists("orders"));
    assert!(world.cloud.stacks().is_empty() && world.registry.claims().is_empty());
    assert_eq!(world.registry.slots().0, 0);
    world.register(&manifest);
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
}

#[test]
fn what_runs_is_not_left_without_anything_to_run() {
    let mut world = World::settled(&json!({"service": "orders", "image": "nginx:1"}));
    let archive = json!({
        "kind": "function", "image": null,
        "function": {"runtime": "python3.13", "handler": "app.handler"},
    });
    let refused = world.refused("orders", Some(&archive)).to_string();
    assert!(refused.contains("names nothing to run"), "{refused}");
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
}

#[test]
fn what_runs_of_a_job_is_ended_before_its_stack_is_deleted() {
    let mut world = World::new();
    world.register(&json!({"service": "invoices", "kind": "job", "image": "nginx:1"}));
    world.settle();
    world.cloud.take_calls();
    world.delete("invoices");
    world.settle();
    let calls = world.cloud.take_calls();
    let ends = calls.iter().position(|it| it.starts_with("end_runs"));
    let deletes = calls.iter().position(|it| it.starts_with("delete"));
    assert!(ends.is_some() && ends < deletes, "{calls:?}");
    assert!(world.cloud.stacks().is_empty());
}

#[test]
fn an_environment_that_the_manifest_drops_is_deleted_and_may_come_back() {
    let mut world = World::settled(
        &json!({"service": "orders", "image": "nginx:1", "environments": {"qa": {}}}),
    );
    world.patch("orders", &json!({"environments": {"qa": null}}));
    world.step();
    world.patch("orders", &json!({"environments": {"qa": {}}}));
    world.settle();
    assert_eq!(world.cloud.stacks().len(), 3);
    world.patch("orders", &json!({"environments": null}));
    world.settle();
    assert_eq!(
        world.cloud.stacks().keys().collect::<Vec<_>>(),
        ["devops2-g4--orders", "devops2-g4--orders--prod"]
    );
    assert_eq!(world.registry.claims().len(), 1);
}

#[test]
fn the_service_stack_is_known_while_it_waits_for_its_environments_to_go() {
    let mut world = World::settled(&json!({"service": "orders", "image": "nginx:1"}));
    world.delete("orders");
    world.step();
    let state = &world.registry.everything()[&name("orders")];
    assert!(state.stacks[&Scope::Service].status.stack_id.is_some());
}

#[test]
fn a_database_needs_no_image_and_no_stack_of_the_services_own_and_goes_whole() {
    let database = json!({
        "service": "orders-db", "kind": "database", "environments": {"qa": {"database": {"readers": 0}}},
    });
    let mut world = World::settled(&database);
    assert_eq!(world.phase("orders-db").0, Phase::Ready);
    let environments = ["devops2-g4--orders-db--prod", "devops2-g4--orders-db--qa"];
    assert_eq!(
        world.cloud.stacks().keys().collect::<Vec<_>>(),
        environments
    );
    let state = &world.registry.everything()[&name("orders-db")];
    let own = &state.stacks[&Scope::Service].status;
    assert_eq!((own.phase, &own.stack_id), (Phase::Ready, &None));

    world.cloud.take_calls();
    world.patch("orders-db", &json!({"deletion_protection": true}));
    world.settle();
    assert_eq!(world.operations()["update"], 2);
    // CloudFormation would delete the instances, and RDS keep the cluster.
    let one_less = json!({"environments": {"qa": null, "prod": {}}});
    let dropped = world.refused("orders-db", Some(&one_less));
    assert!(dropped.to_string().contains("still protected"), "{dropped}");
    world.patch("orders-db", &json!({"deletion_protection": false}));
    let early = world.refused("orders-db", None);
    assert!(early.to_string().contains("still protected"), "{early}");
    world.settle();
    world.delete("orders-db");
    world.settle();
    assert!(!world.exists("orders-db"));
    assert!(world.cloud.stacks().is_empty());
    assert!(world.registry.claims().is_empty());
}
