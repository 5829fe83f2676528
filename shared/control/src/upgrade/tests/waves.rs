//! How stacks move.

use std::collections::BTreeSet;

use slipway_domain::{Cause, Outcome};

use super::super::state::Waiting;
use super::*;
use crate::fake::Script;
use crate::ports::Page;
use crate::reconcile::observed::DIGEST_OUTPUT;
use crate::record::{Operation, OperationKind, ServiceState};
use crate::view::ServiceSummary;

#[tokio::test]
async fn on_a_fresh_platform_there_is_nothing_to_upgrade_and_it_costs_a_read() {
    let mut world = World::with_services(0).await;
    assert_eq!(world.state(), UpgradeState::Done);
    let before = world.tape.len();
    world.upgrades().advance(world.clock.now()).await.unwrap();
    let calls: Vec<_> = world.tape.calls().split_off(before);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].name, "upgrade");
    world.release("second");
    world.sweeps(1).await;
    assert_eq!(world.state(), UpgradeState::Done);
    assert_eq!(world.upgrade().fingerprint, "second");
}

#[tokio::test]
async fn stacks_move_in_waves_and_every_one_arrives() {
    let mut world = World::with_services(7).await;
    world.most = 0;
    world.release("second");
    world.rest().await;
    let upgrade = world.upgrade();
    assert_eq!(
        (upgrade.state, upgrade.done, upgrade.unchanged),
        (UpgradeState::Done, 7, 7)
    );
    assert_eq!((upgrade.failed, upgrade.skipped), (0, 0));
    assert_eq!(world.current(), 7);
    assert_eq!(world.most, 2);
    let service = "s003".parse().unwrap();
    let deployment = world
        .registry
        .last_deployment(&service, prod().environment().unwrap())
        .unwrap();
    assert_eq!(deployment.cause, Cause::Upgrade);
    assert!(matches!(
        deployment.outcome,
        Some(Outcome::Succeeded { .. })
    ));
}

#[tokio::test]
async fn a_version_that_renders_the_same_touches_no_stack() {
    let mut world = World::with_services(60).await;
    world.reconciler.fingerprint = "second".to_owned();
    world.cloud.take_calls();
    world.sweeps(2).await;
    assert_eq!(world.state(), UpgradeState::Done);
    assert_eq!(world.upgrade().unchanged, 120);
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
}

#[tokio::test]
async fn failures_stop_it_and_what_ran_runs_on() {
    let mut world = World::with_services(7).await;
    world.release("second");
    let fails = || Script::Fails("Service: no luck".to_owned());
    world.cloud.script([fails(), fails()]);
    world.rest().await;
    let upgrade = world.upgrade();
    assert_eq!((upgrade.state, upgrade.failed), (UpgradeState::Stopped, 2));
    let stopped = upgrade.stopped.unwrap();
    assert_eq!(
        (&*stopped.by, &*stopped.reason),
        ("slipway", "2 stacks failed.")
    );
    assert!(upgrade.failures[0].reason.contains("no luck"));
    assert_eq!(world.current(), 0);
    assert_eq!(world.record("s006").status.phase, Phase::Ready);
    assert!(world.upgrade().in_flight.is_empty());
}

#[tokio::test]
async fn what_an_upgrade_broke_the_next_one_mends() {
    let mut world = World::with_services(3).await;
    world.release("second");
    world
        .cloud
        .script([Script::Fails("Service: no luck".to_owned())]);
    world.rest().await;
    assert_eq!(world.state(), UpgradeState::Done);
    assert_eq!(world.record("s000").status.phase, Phase::Failed);
    world.release("third");
    world.rest().await;
    let upgrade = world.upgrade();
    assert_eq!(
        (upgrade.state, upgrade.done, upgrade.failed),
        (UpgradeState::Done, 3, 0)
    );
    assert_eq!(world.current(), 3);
}

#[tokio::test]
async fn what_its_team_broke_is_left_to_its_team() {
    let mut world = World::with_services(3).await;
    world
        .cloud
        .script([Script::Fails("Service: no luck".to_owned())]);
    let api = api(world.registry.clone());
    let mut call = caller(50);
    call.stamp.now = world.clock.now();
    let any = Some(&crate::services::Precondition::Exists);
    let patch = json!({"image": "nginx:2"});
    api.patch(&"s000".parse().unwrap(), &patch, any, &call)
        .await
        .unwrap();
    world.rest().await;
    assert_eq!(world.record("s000").status.phase, Phase::Failed);
    world.release("second");
    world.rest().await;
    let upgrade = world.upgrade();
    assert_eq!((upgrade.done, upgrade.skipped, upgrade.failed), (2, 1, 0));
}

#[tokio::test]
async fn a_newer_version_takes_over_from_an_upgrade_that_runs() {
    let mut world = World::with_services(7).await;
    world.release("second");
    world.sweeps(2).await;
    assert_eq!(world.state(), UpgradeState::Running);
    world.release("third");
    world.rest().await;
    assert_eq!(world.upgrade().fingerprint, "third");
    assert_eq!(world.current(), 7);
}

/// A service whose stacks rest, all rendered by an older version.
async fn outdated() -> (World, ServiceState) {
    let world = World::with_services(1).await;
    let mut state = world.registry.everything().into_values().next().unwrap();
    for stack in state.stacks.values_mut() {
        stack
            .status
            .outputs
            .insert(DIGEST_OUTPUT.to_owned(), "older".to_owned());
        if let Some(settled) = &mut stack.progress.settled {
            "older".clone_into(&mut settled.digest);
        }
    }
    (world, state)
}

fn page(state: &ServiceState) -> Page<ServiceSummary> {
    Page {
        items: vec![ServiceSummary::new(state)],
        next: None,
    }
}

fn scopes(records: &[StackRecord]) -> Vec<String> {
    records.iter().map(|it| it.scope.to_string()).collect()
}

/// The stack is as this version renders it.
fn arrive(world: &World, state: &mut ServiceState, scope: &Scope) {
    use crate::reconcile::desired::{Desired, desired};
    let Desired::Present(target) = desired(state, scope, &world.reconciler.platform) else {
        panic!("nothing is wanted");
    };
    let stack = state.stacks.get_mut(scope).unwrap();
    stack
        .status
        .outputs
        .insert(DIGEST_OUTPUT.to_owned(), target.digest.clone());
    stack.attention = None;
    stack.progress.permit = None;
}

#[tokio::test]
async fn a_services_own_stack_goes_before_its_environments() {
    let (world, mut state) = outdated().await;
    let platform = &world.reconciler.platform;
    let service = state.service.name().clone();
    let mut upgrade = Upgrade::begin("second", world.limits, at(0));
    upgrade.list(page(&state));
    let next = upgrade.take_next().unwrap();
    let permits = upgrade.visit(next, Some(&state), platform, at(0));
    assert_eq!(scopes(&permits), ["-"]);
    assert_eq!(permits[0].progress.permit.as_deref(), Some("second"));
    assert_eq!(permits[0].attention, Some(at(0)));
    // It holds its environments, and there is nobody else.
    assert_eq!(upgrade.take_next(), None);
    arrive(&world, &mut state, &Scope::Service);
    upgrade.judge(&service, Some(&state), platform, at(60));
    assert_eq!(upgrade.done, 1);
    let next = upgrade.take_next().unwrap();
    let permits = upgrade.visit(next, Some(&state), platform, at(60));
    assert_eq!(scopes(&permits), ["prod"]);
    arrive(&world, &mut state, &prod());
    upgrade.judge(&service, Some(&state), platform, at(120));
    upgrade.conclude(at(120));
    assert_eq!((upgrade.done, upgrade.unchanged), (2, 0));
    assert_eq!(upgrade.ended_at, Some(at(120)));
}

#[tokio::test]
async fn where_a_services_own_stack_fails_its_environments_are_not_touched() {
    let (world, mut state) = outdated().await;
    let platform = &world.reconciler.platform;
    let service = state.service.name().clone();
    let mut upgrade = Upgrade::begin("second", world.limits, at(0));
    upgrade.list(page(&state));
    let next = upgrade.take_next().unwrap();
    upgrade.visit(next, Some(&state), platform, at(0));
    let own = state.stacks.get_mut(&Scope::Service).unwrap();
    own.progress.permit = Some("second".to_owned());
    own.status.enter(Phase::Failed, "No luck.", at(30));
    upgrade.judge(&service, Some(&state), platform, at(60));
    upgrade.conclude(at(60));
    assert_eq!(
        (upgrade.state, upgrade.failed, upgrade.skipped),
        (UpgradeState::Done, 1, 1)
    );
    // Resumed, both have their turn.
    upgrade.resume("ada", at(120));
    let next = upgrade.take_next().unwrap();
    let permits = upgrade.visit(next, Some(&state), platform, at(120));
    assert_eq!(scopes(&permits), ["-"]);
    assert_eq!(upgrade.waiting.len(), 1);
}

#[tokio::test]
async fn what_is_under_way_or_gone_is_passed_by() {
    let (world, mut state) = outdated().await;
    let platform = &world.reconciler.platform;
    let all = |state: &ServiceState| Waiting {
        service: state.service.name().clone(),
        left: Some(state.stacks.keys().cloned().collect::<BTreeSet<_>>()),
    };
    let mut upgrade = Upgrade::begin("second", world.limits, at(0));
    for stack in state.stacks.values_mut() {
        stack.status.enter(Phase::Updating, "", at(0));
    }
    let permits = upgrade.visit(all(&state), Some(&state), platform, at(0));
    assert_eq!((scopes(&permits), upgrade.skipped), (Vec::new(), 2));
    state.service.deleting = true;
    let permits = upgrade.visit(all(&state), Some(&state), platform, at(0));
    assert_eq!((scopes(&permits), upgrade.skipped), (Vec::new(), 2));
    let permits = upgrade.visit(all(&state), None, platform, at(0));
    assert_eq!(scopes(&permits), Vec::<String>::new());
}

#[tokio::test]
async fn a_stack_whose_last_update_was_taken_back_waits_for_its_turn_too() {
    let mut world = World::with_services(1).await;
    let any = Some(&crate::services::Precondition::Exists);
    world
        .cloud
        .script([Script::Fails("Service: no luck".to_owned())]);
    for (n, image) in [(50, "nginx:2"), (51, "nginx:1")] {
        let api = api(world.registry.clone());
        let mut call = caller(n);
        call.stamp.now = world.clock.now();
        api.patch(
            &"s000".parse().unwrap(),
            &json!({"image": image}),
            any,
            &call,
        )
        .await
        .unwrap();
        world.rest().await;
    }
    assert_eq!(world.record("s000").status.phase, Phase::Ready);
    world.release("second");
    world.cloud.take_calls();
    let now = world.clock.now();
    let _ = world
        .reconciler
        .reconcile(&"s000".parse().unwrap(), &prod(), now)
        .await
        .unwrap();
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_stopped_upgrade_takes_back_what_it_let_through_in_vain() {
    let (world, state) = outdated().await;
    let platform = &world.reconciler.platform;
    let mut upgrade = Upgrade::begin("second", world.limits, at(0));
    upgrade.list(page(&state));
    let next = upgrade.take_next().unwrap();
    upgrade.visit(next, Some(&state), platform, at(0));
    upgrade.stop("ada", "Wait.", at(30));
    // The permit was never written.
    let permits = upgrade.judge(state.service.name(), Some(&state), platform, at(60));
    assert_eq!(scopes(&permits), Vec::<String>::new());
    assert_eq!((upgrade.in_flight.len(), upgrade.waiting.len()), (0, 1));
}

#[tokio::test]
async fn what_was_let_through_and_not_looked_at_yet_is_under_way() {
    let (world, mut state) = outdated().await;
    let platform = &world.reconciler.platform;
    let mut upgrade = Upgrade::begin("second", world.limits, at(0));
    upgrade.list(page(&state));
    let next = upgrade.take_next().unwrap();
    let permits = upgrade.visit(next, Some(&state), platform, at(0));
    state.stacks.insert(Scope::Service, permits[0].clone());
    let permits = upgrade.judge(state.service.name(), Some(&state), platform, at(60));
    assert_eq!(scopes(&permits), Vec::<String>::new());
    assert_eq!(upgrade.in_flight.len(), 1);
}

#[tokio::test]
async fn a_permit_forgets_no_operation_that_may_be_about_to_show() {
    let (world, mut state) = outdated().await;
    let platform = &world.reconciler.platform;
    let own = state.stacks.get_mut(&Scope::Service).unwrap();
    own.progress.operation = Some(Operation {
        kind: OperationKind::Update,
        generation: 1,
        serial: 1,
        digest: None,
        begun_at: at(0),
        called_at: None,
        calls: 1,
        seen: false,
        cancelled: None,
    });
    let permit = |state: &ServiceState, now| {
        let mut upgrade = Upgrade::begin("second", world.limits, now);
        upgrade.list(page(state));
        let next = upgrade.take_next().unwrap();
        upgrade.visit(next, Some(state), platform, now).remove(0)
    };
    assert!(permit(&state, at(1)).progress.operation.is_some());
    assert_eq!(permit(&state, at(3600)).progress.operation, None);
}

#[tokio::test]
async fn an_upgrade_is_not_done_while_a_stack_is_in_flight() {
    let (world, mut state) = outdated().await;
    let platform = &world.reconciler.platform;
    state.stacks.remove(&prod());
    let mut upgrade = Upgrade::begin("second", world.limits, at(0));
    upgrade.list(page(&state));
    let next = upgrade.take_next().unwrap();
    upgrade.visit(next, Some(&state), platform, at(0));
    assert_eq!((upgrade.waiting.len(), upgrade.in_flight.len()), (0, 1));
    upgrade.conclude(at(0));
    assert_eq!(upgrade.state, UpgradeState::Running);
}
