//! A service that is made anew, in another cluster or with another kind of capacity, has at once
//! as many tasks as the one that it replaces.

use slipway_synth::PLACEMENT_OUTPUT;

use super::*;

const STACK: &str = "devops2-g4--orders--prod";

fn count(world: &World) -> Option<u64> {
    world.cloud.desired_count(STACK)
}

#[test]
fn a_service_that_is_replaced_begins_with_the_count_that_is_live() {
    let manifest = json!({"service": "orders", "image": "nginx:1", "scaling": {"min": 1}});
    let mut world = World::settled(&manifest);
    assert_eq!(count(&world), Some(1), "the first count is the manifest's");
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.settle();
    assert_eq!(count(&world), None, "an update leaves it alone");

    // The fake's services run two tasks.
    for capacity in ["fargate-spot", "fargate"] {
        world.patch("orders", &json!({ "capacity": capacity }));
        world.settle();
        assert_eq!(world.phase("orders").0, Phase::Ready);
        assert_eq!(count(&world), Some(2), "to {capacity}");
    }
    world.patch("orders", &json!({"image": "nginx:3"}));
    world.settle();
    assert_eq!(count(&world), None);
}

#[test]
fn another_base_replaces_nothing() {
    let manifest = json!({"service": "orders", "image": "nginx:1", "capacity": "fargate-spot"});
    let mut world = World::settled(&manifest);
    world.patch("orders", &json!({"spot": {"base": 0}}));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(count(&world), None);
}

#[test]
fn what_runs_in_the_cluster_before_is_counted_on_the_way_to_another_one() {
    let document = json!({"service": "orders", "image": "nginx:1", "cluster": "shared"});
    let manifest = slipway_domain::Manifest::read(&document).unwrap();
    let platform = Platform::sample();
    let effective = manifest.effective(&prod(), &prod()).unwrap();
    let target = slipway_synth::environment_stack(
        &effective,
        &platform,
        &slipway_synth::RunState::default(),
    )
    .unwrap();
    let mut observed = Observed {
        stack: Some(ObservedStack {
            id: STACK.to_owned(),
            status: CloudFormationStatus::UpdateComplete,
            outputs: std::collections::BTreeMap::new(),
            drifted_at: None,
        }),
        ..Observed::default()
    };
    assert_eq!(observed.count_to_keep(&target), None, "nothing runs");
    observed.rollout = Some(crate::reconcile::observed::Rollout {
        task_definition: "a:1".to_owned(),
        state: crate::reconcile::observed::RolloutState::Completed,
        reason: String::new(),
        tasks: (6, 7),
        failed_tasks: 0,
    });
    assert_eq!(observed.count_to_keep(&target), Some(7));
    let placement = target.placement().unwrap().to_owned();
    let stack = observed.stack.as_mut().unwrap();
    stack.outputs.insert(PLACEMENT_OUTPUT.to_owned(), placement);
    assert_eq!(observed.count_to_keep(&target), None, "it is there");
}
