//! Deployments are checked before anything is done for them, and go back in one call.

use super::world::{block_on, name, prod};
use super::*;
use crate::databases::rotation::Rotations;
use crate::fake::FakeChecks;
use crate::ports::{ImageLookup, QuotaKind, ServiceReader};
use crate::services::Back;

fn create() -> World {
    World::settled(&json!({"service": "orders", "image": "nginx:1"}))
}

fn outcome(world: &World) -> String {
    match world.deployment("orders").outcome {
        Some(Outcome::Failed { reason, .. }) => reason,
        other => format!("{other:?}"),
    }
}

#[test]
fn what_cannot_succeed_touches_no_stack_and_says_all_reasons() {
    let mut world = World::new();
    world.checks.answer("nginx:none", ImageLookup::Missing);
    world.checks.miss_secret("ssm:/devops2-g4/orders/key");
    world.checks.quota(QuotaKind::LoadBalancers, 50, 50);
    world.register(&json!({
        "service": "orders", "image": "nginx:none",
        "secrets": {"KEY": "ssm:/devops2-g4/orders/key"},
    }));
    world.settle();
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Failed);
    for part in ["nginx:none", "/orders/key", "load balancers"] {
        assert!(message.contains(part), "{part}: {message}");
        assert!(outcome(&world).contains(part));
    }
    assert!(world.advice("orders").is_some());
    let stacks: Vec<_> = world.cloud.stacks().into_keys().collect();
    assert_eq!(stacks, ["devops2-g4--orders"], "its repository alone");
}

#[test]
fn a_refused_deployment_leaves_what_runs_and_the_next_one_deploys() {
    let mut world = create();
    world.checks.answer("nginx:none", ImageLookup::Missing);
    let before = world.cloud.runs();
    world.patch("orders", &json!({"image": "nginx:none"}));
    world.settle();
    assert!(outcome(&world).contains("There is no image `nginx:none`"));
    assert_eq!(world.cloud.runs(), before);
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    let image = world.deployment("orders").image;
    assert_eq!(
        image.digest(),
        Some(&*FakeChecks::digest_of("nginx:2")),
        "the record has what runs"
    );
}

#[test]
fn a_refused_deployment_gives_back_nothing_that_what_runs_holds() {
    let mut world = World::new();
    let database = json!({
        "service": "orders-db", "kind": "database",
        "database": {"engine": "aurora-mysql", "access": ["orders"]},
    });
    world.register(&database);
    let shared = json!({
        "service": "orders", "image": "nginx:1", "ingress": "shared", "path": "/a",
        "deploy": {"strategy": "blue-green"}, "databases": {"DB": "orders-db"},
    });
    world.register(&shared);
    world.settle();
    let held = |world: &World| {
        let users = world.registry.users_of(&name("orders-db")).users;
        (world.registry.claims(), world.registry.places(), users)
    };
    let (paths, places, users) = held(&world);
    world.checks.answer("nginx:none", ImageLookup::Missing);
    let other = json!({
        "image": "nginx:none", "path": "/b", "ingress": "dedicated", "deploy": {"strategy": "rolling"},
        "databases": {"DB": null},
    });
    world.patch("orders", &other);
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Failed);
    let after = held(&world);
    assert!(paths.keys().all(|it| after.0.contains_key(it)), "{after:?}");
    assert!(
        places.keys().all(|it| after.1.contains_key(it)),
        "{after:?}"
    );
    assert_eq!(after.2, users);
    // What comes to run has what it wants, and no more.
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    let after = held(&world);
    assert!(
        paths.keys().all(|it| !after.0.contains_key(it)),
        "{after:?}"
    );
    assert!(after.2.is_empty(), "{after:?}");
}

#[test]
fn a_tag_that_moves_changes_nothing_until_somebody_deploys() {
    let mut world = create();
    let before = world.cloud.runs();
    world.checks.answer("nginx:1", ImageLookup::Missing);
    world.patch("orders", &json!({"deletion_protection": true}));
    world.look_at_everything();
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready, "{before:?}");
}

#[test]
fn a_registry_that_is_silent_is_waited_for_and_not_for_ever() {
    let mut world = create();
    world.checks.silence("nginx:2", true);
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.pass(SignedDuration::from_mins(3));
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Pending);
    assert!(
        message.contains("the registry of `nginx:2` to answer"),
        "{message}"
    );
    world.checks.silence("nginx:2", false);
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    world.checks.silence("nginx:3", true);
    world.patch("orders", &json!({"image": "nginx:3"}));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Failed);
}

#[test]
fn a_redeployment_makes_new_tasks_of_the_same() {
    let mut world = create();
    let before = world.cloud.runs();
    world.redeploy("orders");
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_ne!(world.cloud.runs(), before, "another task definition");
    let after = world.cloud.runs();
    world.patch("orders", &json!({"deletion_protection": true}));
    world.settle();
    assert_eq!(world.cloud.runs(), after, "and not again by itself");
}

#[test]
fn one_call_brings_back_what_ran_by_its_digest_and_with_its_settings() {
    let mut world = create();
    let first = world.cloud.runs();
    let digest = world.deployment("orders").image;
    world.patch("orders", &json!({"image": "nginx:2", "memory": 1024}));
    world.settle();
    assert_ne!(world.cloud.runs(), first);
    world.roll_back("orders", Back::LastGood);
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.deployment("orders").image, digest);
    assert_eq!(world.cloud.runs(), first);
    world.roll_back("orders", Back::Generation(2));
    world.settle();
    assert_ne!(world.cloud.runs(), first);
}

#[test]
fn going_back_from_a_failed_deployment_goes_to_what_runs() {
    let mut world = create();
    let first = world.cloud.runs();
    let broken = Script::Fails("Service: it does not start".to_owned());
    world.cloud.rule("nginx:broken", broken);
    world.patch("orders", &json!({"image": "nginx:broken"}));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Failed);
    world.roll_back("orders", Back::LastGood);
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.cloud.runs(), first);
}

#[test]
fn a_deployment_under_way_is_cancelled_by_bringing_back_what_ran() {
    let mut world = create();
    let first = world.cloud.runs();
    world.cloud.rule("nginx:slow", Script::Hangs);
    world.patch("orders", &json!({"image": "nginx:slow"}));
    world.pass(SignedDuration::from_mins(2));
    let slow = world.deployment("orders");
    world.cancel("orders", slow.id).unwrap();
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.cloud.runs(), first);
    let over = world.cancel("orders", slow.id).unwrap_err();
    assert!(over.contains("not under way"), "{over}");
}

#[test]
fn a_cancellation_that_is_repeated_under_its_key_is_answered_as_the_first_time() {
    let mut world = create();
    world.cloud.rule("nginx:slow", Script::Hangs);
    world.patch("orders", &json!({"image": "nginx:slow"}));
    world.pass(SignedDuration::from_mins(2));
    let slow = world.deployment("orders").id;
    let first = world.cancel_once("orders", slow, "once");
    world.settle();
    assert_eq!(world.cancel_once("orders", slow, "once"), first);
    assert_eq!(world.deployment("orders").id, first);
}

#[test]
fn images_of_the_services_own_repository_are_kept_while_they_may_be_wanted() {
    let own = |tag: &str| {
        format!("111122223333.dkr.ecr.us-east-1.amazonaws.com/devops2-g4-orders-prod:{tag}")
    };
    let mut world = World::settled(&json!({"service": "orders", "image": own("v0")}));
    assert_eq!(world.checks.kept().len(), 1);
    for n in 1..14 {
        world.patch("orders", &json!({"image": own(&format!("v{n}"))}));
        world.settle();
    }
    let kept: Vec<String> = world.checks.kept().into_values().collect();
    assert_eq!(kept.len(), 10, "ten can be gone back to");
    assert_eq!(kept[9], {
        let digest = FakeChecks::digest_of(&own("v13"));
        format!("{}@{digest}", own("v13").trim_end_matches(":v13"))
    });
}

#[test]
fn what_is_at_work_ends_before_a_deployment_that_was_refused_is_judged() {
    let mut world = create();
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.pass(SignedDuration::from_secs(10));
    assert_eq!(world.phase("orders").0, Phase::Updating);
    let second = world.deployment("orders").id;
    world.checks.answer("nginx:none", ImageLookup::Missing);
    world.patch("orders", &json!({"image": "nginx:none"}));
    world.pass(SignedDuration::from_secs(2));
    assert_eq!(world.phase("orders").0, Phase::Updating);
    assert_eq!(world.registry.slots().0, 1, "its slot is its own");
    world.settle();
    let all = world.registry.all_deployments();
    let second = all.iter().find(|it| it.id == second).unwrap();
    let outcome = &second.outcome;
    assert!(
        matches!(outcome, Some(Outcome::Succeeded { .. })),
        "{outcome:?}"
    );
    assert_eq!(world.phase("orders").0, Phase::Failed);
    let runs = world.cloud.runs();
    world.roll_back("orders", Back::LastGood);
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.cloud.runs(), runs, "to what ran, and no further");
}

#[test]
fn going_back_behind_a_heal_goes_to_what_was_wished_for_before() {
    let mut world = create();
    let first = world.deployment("orders").image;
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.settle();
    world
        .cloud
        .delete_service_by_hand("devops2-g4--orders--prod");
    world.look_at_everything();
    world.settle();
    assert_eq!(world.deployment("orders").cause, Cause::Heal);
    world.roll_back("orders", Back::LastGood);
    world.settle();
    assert_eq!(world.deployment("orders").image, first);
}

fn with_database() -> World {
    let mut world = World::new();
    world.register(&json!({
        "service": "orders-db", "kind": "database", "database": {"access": ["orders"]},
    }));
    world.register(&json!({
        "service": "orders", "image": "nginx:1", "databases": {"DATABASE": "orders-db"},
    }));
    world
}

#[test]
fn a_service_waits_for_its_database_and_both_go() {
    let mut world = with_database();
    let (orders, scope) = (name("orders"), Scope::Environment(prod()));
    let now = world.clock.now();
    let looked = block_on(world.reconciler.reconcile(&orders, &scope, now));
    assert!(looked.is_ok());
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Pending);
    assert!(
        message.contains("the database `orders-db/prod`"),
        "{message}"
    );
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    let users = world.registry.users_of(&name("orders-db"));
    assert_eq!(users.users.len(), 1);
    // What is not used any more is given back once the stack has nothing of it.
    world.patch("orders", &json!({"databases": null}));
    assert_eq!(world.registry.users_of(&name("orders-db")), users);
    world.settle();
    assert!(world.registry.users_of(&name("orders-db")).users.is_empty());
    world.delete("orders-db");
    world.settle();
    assert!(!world.exists("orders-db"));
}

#[test]
fn a_database_that_does_not_become_ready_is_waited_for_and_not_for_ever() {
    let world = with_database();
    let (orders, scope) = (name("orders"), Scope::Environment(prod()));
    let late = world.clock.now() + SignedDuration::from_mins(11);
    let looked = block_on(world.reconciler.reconcile(&orders, &scope, late));
    assert!(looked.is_ok());
    let reason = "The database `orders-db/prod` did not become ready.";
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains(reason), "{message}");
}

#[test]
fn a_rotation_replaces_tasks_and_brings_the_image_that_ran_whatever_its_tag_means_by_now() {
    let mut world = with_database();
    world.settle();
    let ran = world.deployment("orders").image;
    let state = block_on(world.registry.service(&name("orders-db")))
        .unwrap()
        .unwrap();
    let outputs = &state.stacks[&Scope::Environment(prod())].status.outputs;
    world.checks.answer("nginx:1", ImageLookup::Missing);
    world.pass(SignedDuration::from_mins(1));
    world
        .checks
        .rotate(&outputs["Secret"], "v2", world.clock.now());
    world.pass(SignedDuration::from_mins(1));
    let rotations = Rotations {
        registry: &world.registry,
        secrets: &world.checks,
        platform: &world.reconciler.platform,
    };
    let report = block_on(rotations.go(world.clock.now())).unwrap();
    assert_eq!(report.deployed, 1);
    world.look_at_everything();
    world.settle();
    let deployment = world.deployment("orders");
    assert_eq!(deployment.cause, Cause::Rotation);
    assert!(deployment.has_succeeded(), "{:?}", deployment.outcome);
    assert_eq!(deployment.image, ran);
    let state = block_on(world.registry.service(&name("orders")))
        .unwrap()
        .unwrap();
    let restart = state.stacks[&Scope::Environment(prod())].progress.restart;
    assert_eq!(restart, Some(deployment.id));
}
