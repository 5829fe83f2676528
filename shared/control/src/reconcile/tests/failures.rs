//! What goes wrong, and what becomes of it.

use super::*;

#[test]
fn a_failed_creation_is_cleaned_up_and_told_and_not_repeated() {
    let mut world = World::settled(&json!({"service": "orders"}));
    world.cloud.script([
        Script::Succeeds,
        Script::Fails("Service: the image is missing".to_owned()),
    ]);
    world.patch("orders", &json!({"image": "nginx:1"}));
    world.settle();
    let (phase, message) = world.phase("orders");
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
    world.settle();
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());

    world.patch("orders", &json!({"image": "nginx:2"}));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
}

#[test]
fn a_collision_on_the_shared_http_api_is_survived() {
    let mut world = World::settled(&json!({"service": "orders"}));
    let conflict = || Script::Fails("Route: ConflictException: try again".to_owned());
    world.cloud.script([Script::Succeeds, conflict()]);
    world.patch("orders", &json!({"image": "nginx:1"}));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    world.cloud.script([conflict()]);
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert!(matches!(
        world.deployment("orders").outcome,
        Some(Outcome::Succeeded { .. })
    ));
}

#[test]
fn a_failed_update_leaves_what_ran_and_says_why() {
    let mut world = World::settled(&json!({"service": "orders", "image": "nginx:1"}));
    world.cloud.script([Script::Fails(
        "Service: tasks did not become healthy".to_owned(),
    )]);
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.settle();
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("what ran before runs on"), "{message}");
    assert_eq!(
        world.cloud.stacks()["devops2-g4--orders--prod"],
        CloudFormationStatus::UpdateRollbackComplete
    );
}

#[test]
fn what_failed_is_not_tried_again_because_another_environment_changes() {
    let manifest = json!({
        "service": "orders", "image": "nginx:1", "environments": {"prod": {}, "qa": {}},
    });
    let mut world = World::settled(&manifest);
    world
        .cloud
        .rule("nginx:broken", Script::Fails("no health".to_owned()));
    let broken = json!({"environments": {"prod": {"image": "nginx:broken"}}});
    world.patch("orders", &broken);
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Failed);
    let tried = world.cloud.operations().len();
    world.patch(
        "orders",
        &json!({"environments": {"qa": {"image": "nginx:2"}}}),
    );
    world.settle();
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("no health"), "{message}");
    let since: Vec<String> = world.cloud.operations()[tried..]
        .iter()
        .map(|it| it.stack.clone())
        .collect();
    assert_eq!(since, ["devops2-g4--orders--qa"]);
    // Who deploys the same once more has it tried once more.
    world.patch(
        "orders",
        &json!({"environments": {"prod": {"image": "nginx:3"}}}),
    );
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
}

#[test]
fn a_refusal_is_told_and_holds_no_slot() {
    let mut world = World::new();
    world.cloud.script([
        Script::Refused("Template error".to_owned()),
        Script::Refused("Template error".to_owned()),
    ]);
    world.register(&json!({"service": "orders", "image": "nginx:1"}));
    world.settle();
    let (phase, message) = world.phase("orders");
    assert_eq!(
        (phase, message.as_str()),
        (Phase::Failed, "CloudFormation refuses: Template error")
    );
    assert_eq!(world.registry.slots().0, 0);
}

#[test]
fn what_is_lost_between_doing_and_writing_is_found_again() {
    for lost in 1..=6 {
        let mut world = World::new();
        world.tape.next("save", Fault::CrashAfter, lost);
        world
            .cloud
            .script([Script::AnswerLost, Script::Throttled, Script::AnswerLost]);
        world.register(&json!({"service": "orders", "image": "nginx:1"}));
        world.settle();
        assert_eq!(world.phase("orders").0, Phase::Ready, "{lost} writes lost");
        assert_eq!(world.cloud.stacks().len(), 2, "{lost} writes lost");
        assert_eq!(world.registry.slots().0, 0, "{lost} writes lost");
    }
}

#[test]
fn a_deletion_that_fails_is_tried_again_and_then_leaves_behind_what_it_must() {
    let mut world = World::settled(&json!({"service": "orders", "image": "nginx:1"}));
    let stuck = || Script::Fails("SecurityGroup: it is in use".to_owned());
    world.cloud.script(std::iter::repeat_with(stuck).take(2));
    world.delete("orders");
    world.settle();
    assert!(!world.exists("orders"));
    assert_eq!(world.cloud.left_behind(), Vec::<String>::new());

    world.register(&json!({"service": "orders", "image": "nginx:1"}));
    world.settle();
    let tries = usize::try_from(MAX_DELETIONS).unwrap();
    world
        .cloud
        .script(std::iter::repeat_with(stuck).take(tries));
    world.cloud.take_calls();
    world.delete("orders");
    world.settle();
    println!(
        "{:#?} {:#?}",
        world.cloud.take_calls(),
        world.registry.audit(&name("orders"))
    );
    assert!(!world.exists("orders"));
    assert_eq!(world.cloud.left_behind(), ["sg-devops2-g4--orders--prod"]);
    let said = world.registry.audit(&name("orders"));
    let note = said.iter().find(|it| it.action == "leave-behind").unwrap();
    let note = note.note.as_deref().unwrap();
    assert!(
        note.contains("sg-devops2-g4--orders--prod (AWS::EC2::SecurityGroup)"),
        "{note}"
    );
}

#[test]
fn a_deletion_that_never_succeeds_is_handed_to_a_person_and_goes_on_when_asked() {
    let mut world = World::settled(&json!({"service": "orders", "image": "nginx:1"}));
    let stuck = || Script::Fails("SecurityGroup: it is in use".to_owned());
    world
        .cloud
        .script(std::iter::repeat_with(stuck).take(2 * MAX_DELETIONS as usize));
    world.delete("orders");
    world.pass(SignedDuration::from_hours(1));
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("it is in use"), "{message}");
    assert!(world.advice("orders").unwrap().contains("delete"));
    assert_eq!(world.registry.slots().0, 0);
    world.delete("orders");
    world.settle();
    assert!(!world.exists("orders"));
}

#[test]
fn a_failure_that_passes_is_given_time_before_the_next_attempt() {
    let mut world = World::settled(&json!({"service": "orders", "image": "nginx:1"}));
    world
        .cloud
        .script([Script::Fails("Route: ConflictException".to_owned())]);
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.pass(SignedDuration::from_secs(41));
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Pending, "{message}");
    assert!(message.contains("Once more at"), "{message}");
    // An event in between does not cut the rest short.
    let _ = world.look(&name("orders"), &Scope::Environment(prod()));
    assert_eq!(world.phase("orders"), (phase, message));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.operations()["update"], 2);
}

#[test]
fn a_slot_is_kept_while_an_operation_runs() {
    let mut world = World::settled(&json!({"service": "orders", "image": "nginx:1"}));
    world.patch("orders", &json!({"image": "nginx:2"}));
    let scope = Scope::Environment(prod());
    world.tape.next("update", Fault::CrashAfter, 1);
    assert!(world.look(&name("orders"), &scope).is_err());
    assert_eq!(world.registry.slots().0, 1);
    let next = world.look(&name("orders"), &scope).unwrap();
    assert_eq!((next, world.registry.slots().0), (Next::AwaitChange, 1));
    world.settle();
    assert_eq!(world.registry.slots().0, 0);
}

#[test]
fn a_slot_that_was_taken_for_nothing_is_given_back() {
    let mut world = World::settled(&json!({"service": "orders", "image": "nginx:1"}));
    world.patch("orders", &json!({"image": "nginx:2"}));
    let scope = Scope::Environment(prod());
    // The process dies right behind taking it.
    world.tape.next("save", Fault::CrashBefore, 1);
    assert!(world.look(&name("orders"), &scope).is_err());
    assert_eq!(world.registry.slots().0, 1);
    world.patch("orders", &json!({"image": "nginx:1"}));
    world.settle();
    assert_eq!(
        (world.phase("orders").0, world.registry.slots().0),
        (Phase::Ready, 0)
    );
}
