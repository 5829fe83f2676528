//! What services go through, as a caller or an accident makes it.

use jiff::SignedDuration;
use serde_json::json;
use slipway_domain::Scope;

use super::world::{World, name, prod};
use crate::fake::Script;
use crate::reconcile::observed::{PropertyDrift, ResourceDrift};

pub(super) type Scenario = (&'static str, fn(&mut World));

pub(super) const ALL: [Scenario; 20] = [
    ("create", create),
    ("first image", first_image),
    ("update", update),
    ("failing create, mended", failing_create),
    ("failing create", failing_create_left),
    ("failing update", failing_update),
    ("failing update, mended", failing_update_mended),
    ("rollback that fails", rollback_that_fails),
    ("superseded update", superseded),
    ("A, B, A", there_and_back),
    ("overdue update", overdue),
    ("overdue creation", overdue_creation),
    ("overdue creation, mended", overdue_creation_mended),
    ("ECS goes back", ecs_goes_back),
    ("delete", delete),
    ("delete that is stuck", stuck_delete),
    ("delete while it is made", delete_while_made),
    ("recreate", recreate),
    ("environment comes and goes", environment),
    ("drift", drift),
];

fn minutes(world: &mut World, minutes: i64) {
    world.pass(SignedDuration::from_mins(minutes));
}

fn create(world: &mut World) {
    world.register(&json!({"service": "orders", "image": "nginx:1"}));
}

fn first_image(world: &mut World) {
    world.register(&json!({"service": "orders"}));
    minutes(world, 3);
    world.patch("orders", &json!({"image": "nginx:1"}));
}

fn update(world: &mut World) {
    create(world);
    minutes(world, 6);
    world.patch("orders", &json!({"image": "nginx:2", "path": "/new"}));
}

fn broken(world: &World) {
    world.cloud.rule(
        "nginx:broken",
        Script::Fails("Service: it does not start".to_owned()),
    );
}

fn failing_create_left(world: &mut World) {
    broken(world);
    world.register(&json!({"service": "orders", "image": "nginx:broken"}));
}

fn failing_create(world: &mut World) {
    failing_create_left(world);
    minutes(world, 8);
    world.patch("orders", &json!({"image": "nginx:2"}));
}

fn failing_update(world: &mut World) {
    broken(world);
    create(world);
    minutes(world, 6);
    world.patch("orders", &json!({"image": "nginx:broken"}));
}

fn failing_update_mended(world: &mut World) {
    failing_update(world);
    minutes(world, 6);
    world.patch("orders", &json!({"image": "nginx:2"}));
}

fn rollback_that_fails(world: &mut World) {
    let reason = "Service: it does not start".to_owned();
    world.cloud.rule("nginx:broken", Script::FailsTwice(reason));
    create(world);
    minutes(world, 6);
    world.patch("orders", &json!({"image": "nginx:broken"}));
}

fn superseded(world: &mut World) {
    world.cloud.rule("nginx:slow", Script::Hangs);
    create(world);
    minutes(world, 6);
    world.patch("orders", &json!({"image": "nginx:slow"}));
    minutes(world, 5);
    world.patch("orders", &json!({"image": "nginx:2"}));
}

fn there_and_back(world: &mut World) {
    create(world);
    minutes(world, 6);
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.pass(SignedDuration::from_secs(5));
    world.patch("orders", &json!({"image": "nginx:1"}));
}

fn overdue(world: &mut World) {
    world.cloud.rule("nginx:slow", Script::Hangs);
    create(world);
    minutes(world, 6);
    world.patch("orders", &json!({"image": "nginx:slow"}));
}

fn overdue_creation(world: &mut World) {
    world.cloud.rule("nginx:slow", Script::Hangs);
    world.register(&json!({"service": "orders", "image": "nginx:slow"}));
}

fn overdue_creation_mended(world: &mut World) {
    overdue_creation(world);
    minutes(world, 2);
    world.patch("orders", &json!({"image": "nginx:2"}));
}

fn ecs_goes_back(world: &mut World) {
    world.cloud.rule("nginx:sick", Script::EcsGoesBack);
    create(world);
    minutes(world, 6);
    world.patch("orders", &json!({"image": "nginx:sick"}));
}

fn delete(world: &mut World) {
    create(world);
    minutes(world, 6);
    world.delete("orders");
}

fn stuck_delete(world: &mut World) {
    world.cloud.stick("devops2-g4--orders--prod", 3);
    delete(world);
}

fn delete_while_made(world: &mut World) {
    create(world);
    world.pass(SignedDuration::from_secs(6));
    world.delete("orders");
}

fn recreate(world: &mut World) {
    delete(world);
    minutes(world, 8);
    if !world.exists("orders") {
        create(world);
    }
}

fn environment(world: &mut World) {
    create(world);
    world.patch("orders", &json!({"environments": {"qa": {}}}));
    minutes(world, 8);
    world.patch("orders", &json!({"environments": null}));
}

fn drift(world: &mut World) {
    create(world);
    minutes(world, 6);
    let prod = Scope::Environment(prod());
    let stack = "devops2-g4--orders--prod";
    world.cloud.delete_service_by_hand(stack);
    world.tell(&name("orders"), &prod);
    let _ = world.look(&name("orders"), &prod);
    minutes(world, 6);
    world.cloud.find_drift(
        stack,
        ResourceDrift {
            logical_id: "TargetGroup".to_owned(),
            resource_type: "AWS::ElasticLoadBalancingV2::TargetGroup".to_owned(),
            deleted: false,
            properties: vec![PropertyDrift {
                path: "/HealthCheckPath".to_owned(),
                expected: "\"/\"".to_owned(),
                actual: "\"/x\"".to_owned(),
            }],
        },
    );
    // The round comes again and again.
    for _ in 0..2 {
        let _ = world.look(&name("orders"), &prod);
        minutes(world, 2);
    }
}
