//! What heals by itself: stacks in every status, what somebody changed by hand, what takes too
//! long.

use slipway_domain::status::{ConditionStatus, ConditionType};

use super::*;
use crate::reconcile::observed::{PropertyDrift, ResourceDrift};

const STACK: &str = "devops2-g4--orders--prod";

fn settled() -> World {
    World::settled(&json!({"service": "orders", "image": "nginx:1"}))
}

fn condition(world: &World, about: ConditionType) -> Option<ConditionStatus> {
    let all = world.registry.everything();
    let status = &all[&name("orders")].stacks[&Scope::Environment(prod())].status;
    let found = status.conditions.iter().find(|it| it.r#type == about);
    found.map(|it| it.status)
}

/// A check finds drift, some time after the stack was settled.
fn check_finds(world: &World, stack: &str, drift: ResourceDrift) {
    world.clock.advance(SignedDuration::from_hours(1));
    world.cloud.find_drift(stack, drift);
}

fn drift(resource_type: &str, path: &str) -> ResourceDrift {
    ResourceDrift {
        logical_id: "Thing".to_owned(),
        resource_type: resource_type.to_owned(),
        deleted: false,
        properties: vec![PropertyDrift {
            path: path.to_owned(),
            expected: "1".to_owned(),
            actual: "2".to_owned(),
        }],
    }
}

#[test]
fn from_every_status_of_cloudformation_a_stack_comes_to_a_good_end_or_says_why_not() {
    for (status, text) in CloudFormationStatus::ALL {
        for wanted in ["the same", "changed", "absent"] {
            let mut world = settled();
            world.cloud.force(STACK, status);
            match wanted {
                "changed" => world.patch("orders", &json!({"image": "nginx:2"})),
                "absent" => world.delete("orders"),
                _ => world.tell(&name("orders"), &Scope::Environment(prod())),
            }
            let case = format!("{text}, {wanted}");
            if let Err(unsettled) = world.settle_within(SignedDuration::from_hours(2)) {
                panic!("{case}: {unsettled}");
            }
            if wanted == "absent" {
                assert!(!world.exists("orders"), "{case}");
                continue;
            }
            let (phase, message) = world.phase("orders");
            let told = phase == Phase::Failed && world.advice("orders").is_some();
            assert!(phase == Phase::Ready || told, "{case}: {phase} {message}");
            if status != CloudFormationStatus::ImportRollbackFailed && wanted == "changed" {
                assert_eq!(phase, Phase::Ready, "{case}: {message}");
            }
            assert!(
                world.looks < 60,
                "{case}: a hot loop of {} looks",
                world.looks
            );
        }
    }
}

#[test]
fn a_newer_generation_cancels_a_running_update_and_does_not_wait_for_its_end() {
    let mut world = settled();
    world.cloud.rule("nginx:slow", Script::Hangs);
    world.patch("orders", &json!({"image": "nginx:slow"}));
    world.pass(SignedDuration::from_secs(90));
    world.patch("orders", &json!({"image": "nginx:2"}));
    let began = world.clock.now();
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.operations()["cancel"], 1);
    assert!(world.clock.now().duration_since(began) < SignedDuration::from_mins(3));
}

#[test]
fn an_update_that_takes_too_long_is_taken_back_and_told() {
    let mut world = settled();
    world.cloud.rule("nginx:slow", Script::Hangs);
    world.patch("orders", &json!({"image": "nginx:slow"}));
    world.settle();
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("longer than 10 minutes"), "{message}");
    assert_eq!(
        condition(&world, ConditionType::Stalled),
        Some(ConditionStatus::True)
    );
}

#[test]
fn a_creation_that_takes_too_long_is_removed_and_told() {
    let mut world = World::new();
    world.cloud.rule("nginx:slow", Script::Hangs);
    world.register(&json!({"service": "orders", "image": "nginx:slow"}));
    world.settle();
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("took longer than 10 minutes"), "{message}");
    assert!(!world.cloud.stacks().contains_key(STACK));
}

#[test]
fn a_rollback_that_failed_is_continued_and_the_reason_kept() {
    let mut world = settled();
    let reason = "Service: it does not start".to_owned();
    world.cloud.rule("nginx:broken", Script::FailsTwice(reason));
    world.patch("orders", &json!({"image": "nginx:broken"}));
    world.settle();
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("it does not start"), "{message}");
    assert_eq!(world.operations()["continue"], 1);
    assert_eq!(
        world.cloud.stacks()[STACK],
        CloudFormationStatus::UpdateRollbackComplete
    );
}

#[test]
fn a_failed_deployment_keeps_what_was_found_around_it() {
    let mut world = settled();
    let reason = "Service: it does not start".to_owned();
    world.cloud.rule("nginx:broken", Script::Fails(reason));
    world.patch("orders", &json!({"image": "nginx:broken"}));
    world.settle();
    let deployment = world.deployment("orders");
    assert!(matches!(deployment.outcome, Some(Outcome::Failed { .. })));
    assert_eq!(
        deployment.evidence.tasks,
        ["Essential container in task exited (exit code 1)"]
    );
}

#[test]
fn a_stack_that_somebody_deleted_is_made_again_as_a_deployment_of_its_own() {
    let mut world = settled();
    world.cloud.delete_by_hand(STACK);
    world.look_at_everything();
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    let healed = world.deployment("orders");
    assert_eq!(
        (healed.cause, healed.actor.as_str()),
        (Cause::Heal, "slipway")
    );
    assert!(matches!(healed.outcome, Some(Outcome::Succeeded { .. })));
}

#[test]
fn a_service_that_somebody_deleted_or_changed_is_put_right() {
    let mut world = settled();
    let right = world.cloud.runs();
    world.cloud.delete_service_by_hand(STACK);
    assert_ne!(world.cloud.runs(), right);
    world.look_at_everything();
    assert_eq!(
        condition(&world, ConditionType::InSync),
        Some(ConditionStatus::False)
    );
    world.settle();
    assert_eq!(world.cloud.runs(), right);
    assert_eq!(
        condition(&world, ConditionType::InSync),
        Some(ConditionStatus::True)
    );
    assert_eq!(world.deployment("orders").cause, Cause::Heal);

    world
        .cloud
        .change_service_by_hand(STACK, "task-definition/by-hand");
    world.look_at_everything();
    world.settle();
    assert_eq!(world.cloud.runs(), right);
}

#[test]
fn what_a_check_for_drift_found_is_put_right_once() {
    let mut world = settled();
    let listener = "AWS::ElasticLoadBalancingV2::TargetGroup";
    check_finds(&world, STACK, drift(listener, "/HealthCheckPath"));
    world.look_at_everything();
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.deployment("orders").cause, Cause::Heal);
    // The check is older than the repair: it is not done again.
    world.cloud.take_calls();
    world.look_at_everything();
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
}

#[test]
fn drift_of_what_the_control_plane_changes_itself_is_none() {
    for (resource_type, path) in [
        ("AWS::ECS::Service", "/DesiredCount"),
        (
            "AWS::ApplicationAutoScaling::ScalableTarget",
            "/MinCapacity",
        ),
        (
            "AWS::ElasticLoadBalancingV2::ListenerRule",
            "/Actions/0/ForwardConfig/TargetGroups/1/Weight",
        ),
    ] {
        let mut world = settled();
        world.cloud.take_calls();
        check_finds(&world, STACK, drift(resource_type, path));
        world.look_at_everything();
        assert_eq!(world.cloud.take_calls(), Vec::<String>::new(), "{path}");
        assert_eq!(world.phase("orders").0, Phase::Ready);
    }
    assert_eq!(
        significant(&[drift("AWS::ECS::Service", "/DesiredCounter")]).len(),
        1
    );
}

#[test]
fn where_the_manifest_forbids_repair_drift_is_only_told() {
    let mut world =
        World::settled(&json!({"service": "orders", "image": "nginx:1", "repair": false}));
    world.cloud.take_calls();
    let group = "AWS::ElasticLoadBalancingV2::TargetGroup";
    check_finds(&world, STACK, drift(group, "/HealthCheckPath"));
    world.look_at_everything();
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(
        condition(&world, ConditionType::InSync),
        Some(ConditionStatus::False)
    );
    assert!(world.advice("orders").unwrap().contains("repair: true"));
}

#[test]
fn what_cannot_be_repaired_and_does_not_run_is_made_anew_but_never_the_repository() {
    let mut world = settled();
    world.cloud.delete_service_by_hand(STACK);
    // Whatever is prepared is refused.
    world.cloud.refuse_repairs("REVERT_DRIFT is not supported");
    world.look_at_everything();
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.operations()["delete"], 1);

    let repository = "devops2-g4--orders";
    check_finds(
        &world,
        repository,
        drift("AWS::ECR::Repository", "/ImageScanningConfiguration"),
    );
    world.look_at_everything();
    world.settle();
    let status = &world.registry.everything()[&name("orders")].stacks[&Scope::Service].status;
    assert!(status.advice.is_some(), "{status:?}");
    assert_eq!(world.operations()["delete"], 1);
    assert!(world.cloud.stacks().contains_key(repository));
}

#[test]
fn drift_that_cannot_be_undone_goes_on_to_be_said_and_is_not_tried_for_ever() {
    let mut world = settled();
    world.cloud.refuse_repairs("REVERT_DRIFT is not supported");
    let group = "AWS::ElasticLoadBalancingV2::TargetGroup";
    check_finds(&world, STACK, drift(group, "/HealthCheckPath"));
    for _ in 0..6 {
        world.look_at_everything();
        world.settle();
    }
    world.cloud.take_calls();
    world.look_at_everything();
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(
        condition(&world, ConditionType::InSync),
        Some(ConditionStatus::False)
    );
    assert!(world.advice("orders").is_some());
}

#[test]
fn drift_that_somebody_else_put_right_is_none() {
    let mut world = settled();
    world
        .cloud
        .refuse_repairs("The submitted information didn't contain changes.");
    let group = "AWS::ElasticLoadBalancingV2::TargetGroup";
    check_finds(&world, STACK, drift(group, "/HealthCheckPath"));
    world.look_at_everything();
    world.settle();
    assert_eq!(world.advice("orders"), None);
    assert_eq!(
        condition(&world, ConditionType::InSync),
        Some(ConditionStatus::True)
    );
}

#[test]
fn a_poisoned_service_stops_only_itself() {
    let mut world = World::new();
    for service in ["orders", "poisoned", "shop"] {
        world.register(&json!({"service": service, "image": "nginx:1"}));
    }
    world.registry.poison(&name("poisoned"));
    world.pass(SignedDuration::from_mins(10));
    let all = world.registry.everything();
    for (service, ready) in [("orders", true), ("poisoned", false), ("shop", true)] {
        let status = &all[&name(service)].stacks[&Scope::Environment(prod())].status;
        assert_eq!(status.phase == Phase::Ready, ready, "{service}");
    }
}

#[test]
fn a_throttled_aws_turns_nothing_into_a_failure() {
    let mut world = World::new();
    for call in [
        "stack",
        "prepare",
        "change_set",
        "execute",
        "rollout",
        "save",
    ] {
        world.tape.next(call, Fault::Throttled, 12);
    }
    world.register(&json!({"service": "orders", "image": "nginx:1"}));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert!(world.tape.len() < 600, "{} calls", world.tape.len());
    assert!(matches!(
        world.deployment("orders").outcome,
        Some(Outcome::Succeeded { .. })
    ));
}

#[test]
fn calls_do_not_grow_with_the_number_of_settled_services() {
    let services = faults::share(1_000, 100);
    let mut world = World::with_slots(services);
    for n in 0..services {
        world.register(&json!({"service": format!("s{n}"), "image": "nginx:1"}));
    }
    world.settle();
    let calls = world.tape.len();
    world.sweep();
    let sweep = world.tape.len() - calls;
    let _ = std::io::Write::write_fmt(
        &mut std::io::stdout(),
        format_args!(
            "{services} services converged: {} calls a service, {sweep} calls a sweep\n",
            calls / services
        ),
    );
    assert_eq!(world.cloud.stacks().len(), 2 * services);
    // Who wants a look, and who holds a slot.
    assert_eq!(sweep, 2);
    assert!(
        calls / services < 80,
        "{} calls a service",
        calls / services
    );
}
