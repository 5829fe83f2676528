//! Where traffic goes is ECS's to say, whatever is done to a stack.

use slipway_synth::Weights;

use super::*;

const STACK: &str = "devops2-g4--orders--prod";

fn traffic(world: &World) -> (Weights, bool) {
    world.cloud.traffic(STACK).unwrap()
}

fn shifting() -> World {
    World::settled(&json!({
        "service": "orders", "image": "nginx:1", "deploy": {"strategy": "blue-green"}
    }))
}

#[test]
fn a_deployment_that_waits_to_be_promoted_says_so() {
    let deploy = json!({"strategy": "blue-green", "pause": 30});
    let mut world =
        World::settled(&json!({"service": "orders", "image": "nginx:1", "deploy": deploy}));
    world.cloud.rule("nginx:slow", Script::Hangs);
    world.patch("orders", &json!({"image": "nginx:slow"}));
    world.pass(SignedDuration::from_mins(2));
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Updating);
    assert!(message.contains("wait to be promoted"), "{message}");
}

#[test]
fn the_template_follows_the_traffic_behind_each_deployment() {
    let mut world = shifting();
    assert_eq!(traffic(&world), (Weights::FIRST, false));
    for (image, weights) in [("nginx:2", Weights::SECOND), ("nginx:3", Weights::FIRST)] {
        let before = world.operations().get("update").copied().unwrap_or(0);
        world.patch("orders", &json!({ "image": image }));
        world.settle();
        assert_eq!(traffic(&world), (weights, false));
        assert_eq!(world.phase("orders").0, Phase::Ready);
        assert_eq!(world.operations()["update"], before + 2);
    }
    // And then it is done.
    world.cloud.take_calls();
    world.look_at_everything();
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
}

#[test]
fn neither_a_change_of_the_rule_nor_its_failure_nor_a_repair_moves_traffic() {
    let mut world = shifting();
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.settle();
    assert_eq!(traffic(&world), (Weights::SECOND, false));

    world
        .cloud
        .rule("nginx:broken", Script::Fails("no".to_owned()));
    world.patch(
        "orders",
        &json!({"image": "nginx:broken", "strip_path": false}),
    );
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Failed);
    assert_eq!(traffic(&world), (Weights::SECOND, false));

    world.patch("orders", &json!({"strip_path": false}));
    world.settle();
    assert_eq!(traffic(&world), (Weights::SECOND, false));

    world.patch("orders", &json!({"image": "nginx:3"}));
    world.settle();
    assert_eq!(traffic(&world), (Weights::FIRST, false));
    world.patch("orders", &json!({"image": "nginx:4"}));
    world.settle();
    world.cloud.delete_service_by_hand(STACK);
    world.look_at_everything();
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(traffic(&world), (Weights::SECOND, false));
}

#[test]
fn a_service_that_goes_back_to_rolling_keeps_the_group_that_has_the_traffic() {
    let mut world = shifting();
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.settle();
    for change in [
        json!({"deploy": {"strategy": "rolling"}}),
        json!({"image": "nginx:3"}),
        json!({"deploy": {"strategy": "linear"}}),
    ] {
        world.patch("orders", &change);
        world.settle();
        assert_eq!(traffic(&world), (Weights::SECOND, false));
    }
}
