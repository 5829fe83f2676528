//! A look's guards: what is written before it is done, who may give what back, and when nothing
//! is done because somebody else was quicker.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use super::super::super::plan::MAX_CALLS;
use super::super::super::{ReconcileError, Reconciler};
use super::*;

const STACK: &str = "devops2-g4--orders--prod";

fn environment() -> Scope {
    Scope::Environment(prod())
}

/// A service that has settled. Reads may be late: what was before each change is kept.
fn settled() -> World {
    with(&json!({"service": "orders", "image": "nginx:1"}))
}

fn with(manifest: &serde_json::Value) -> World {
    let mut world = World::new();
    world.tape.at(usize::MAX, Fault::Stale);
    world.register(manifest);
    world.settle();
    world
}

/// A settled service that is to run another image. Nobody looked yet.
fn changed() -> World {
    let mut world = settled();
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.cloud.take_calls();
    world
}

fn look(world: &mut World) -> Result<Next, ReconcileError> {
    world.look(&name("orders"), &environment())
}

fn record(world: &World) -> crate::record::StackRecord {
    world.registry.everything()[&name("orders")].stacks[&environment()].clone()
}

/// What a look answers that somebody else was quicker than.
fn overtaken(looked: Result<Next, ReconcileError>) -> bool {
    looked.is_ok_and(|next| next == Next::Requeue(Duration::from_secs(1)))
}

#[test]
fn what_could_not_be_written_down_is_not_done() {
    let mut world = changed();
    world.tape.next("save", Fault::CrashBefore, 1);
    assert!(look(&mut world).is_err());
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
}

#[test]
fn a_look_that_was_overtaken_does_nothing() {
    let mut world = changed();
    world.patch("orders", &json!({"image": "nginx:3"}));
    // It read the generation before.
    world.tape.next("service", Fault::Stale, 1);
    let looked = look(&mut world);
    assert!(overtaken(looked));
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
}

#[test]
fn a_look_that_was_overtaken_gives_no_slot_back() {
    let mut world = World::new();
    world.register(&json!({"service": "orders", "image": "nginx:1"}));
    while world.phase("orders").0 != Phase::RollingOut {
        world.pass(SignedDuration::from_secs(1));
    }
    world.clock.advance(HOUR);
    // One process finds that everything is as wanted, and is held up before it writes that.
    let held_up = Reconciler {
        registry: world.registry.clone(),
        stacks: world.cloud.clone(),
        checks: world.checks.clone(),
        platform: Platform::sample(),
        deadline: SignedDuration::from_hours(9),
        fingerprint: "first".to_owned(),
    };
    let (orders, scope) = (name("orders"), environment());
    let mut slow = pin!(held_up.reconcile(&orders, &scope, world.clock.now()));
    world.tape.yield_at_calls(true);
    let last = |world: &World| world.tape.calls().last().map(|call| call.name);
    while last(&world) != Some("deployment") {
        let _ = slow.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    world.tape.yield_at_calls(false);
    // Another begins an update meanwhile.
    world.patch("orders", &json!({"image": "nginx:2"}));
    let _ = look(&mut world).unwrap();
    assert_eq!(world.registry.slots().0, 1);
    assert!(overtaken(block_on(slow)));
    assert_eq!(world.registry.slots().0, 1);
}

#[test]
fn a_slot_in_use_is_not_given_back_by_a_sweep() {
    let mut world = changed();
    let _ = look(&mut world).unwrap();
    block_on(world.reconciler.free_slots()).unwrap();
    assert_eq!(world.registry.slots().0, 1);
}

#[test]
fn a_slot_that_no_record_tells_of_is_given_back_by_a_sweep() {
    use crate::ports::Slots;
    let world = settled();
    assert!(block_on(world.registry.acquire(STACK)).unwrap());
    block_on(world.reconciler.free_slots()).unwrap();
    assert_eq!(world.registry.slots().0, 0);
}

#[test]
fn a_slot_is_given_back_by_the_look_that_needs_it_no_more() {
    let mut world = changed();
    let _ = look(&mut world).unwrap();
    assert_eq!(world.registry.slots().0, 1);
    world.clock.advance(HOUR);
    let _ = look(&mut world).unwrap();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.registry.slots().0, 0);
}

#[test]
fn what_cloudformation_has_taken_on_is_written_down() {
    let mut world = changed();
    let _ = look(&mut world).unwrap();
    assert!(record(&world).progress.operation.unwrap().seen);
}

#[test]
fn what_cloudformation_knows_already_is_written_down() {
    let mut world = changed();
    world.tape.next("update", Fault::AnswerLost, 1);
    assert!(look(&mut world).is_err());
    world.tape.next("stack", Fault::Stale, 1);
    let _ = look(&mut world).unwrap();
    assert_eq!(world.operations()["update"], 1);
    assert!(record(&world).progress.operation.unwrap().seen);
}

#[test]
fn what_was_not_begun_because_another_operation_is_at_work_does_not_count() {
    let mut world = settled();
    world.cloud.rule("nginx:slow", Script::Hangs);
    world.patch("orders", &json!({"image": "nginx:slow"}));
    let _ = look(&mut world).unwrap();
    world.patch("orders", &json!({"image": "nginx:3"}));
    world.tape.next("stack", Fault::Stale, 1);
    assert!(look(&mut world).is_err());
    let left = record(&world).progress;
    assert_eq!((left.generation, left.attempt), (3, 0));
    assert_eq!(left.operation.unwrap().generation, 2);
}

#[test]
fn what_failed_under_another_token_is_not_this_updates_failure() {
    let mut world = settled();
    world
        .cloud
        .script([Script::Fails("Service: no luck".to_owned())]);
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Failed);
    world.patch("orders", &json!({"image": "nginx:3"}));
    let calls = usize::try_from(MAX_CALLS).unwrap();
    world.tape.next("update", Fault::Throttled, calls);
    for _ in 0..calls {
        assert!(look(&mut world).is_err());
    }
    let _ = look(&mut world).unwrap();
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Updating, "{message}");
}

#[test]
fn drift_that_was_found_before_the_last_update_is_no_news() {
    let mut world = settled();
    world
        .cloud
        .find_drift(STACK, drift("AWS::EC2::SecurityGroup", "/GroupDescription"));
    world.clock.advance(SignedDuration::from_secs(1));
    world.patch("orders", &json!({"image": "nginx:2"}));
    world.cloud.take_calls();
    world.settle();
    assert_eq!(
        world.cloud.take_calls(),
        ["update arn:devops2-g4--orders--prod/000001"]
    );
}

#[test]
fn what_is_not_settled_has_its_attention_set() {
    let mut world = changed();
    let _ = look(&mut world).unwrap();
    let all = world.registry.all_attention();
    assert!(all.contains(&(name("orders"), environment())), "{all:?}");
}

#[test]
fn a_look_is_asked_for_once() {
    let mut world = World::new();
    world.register(&json!({"service": "orders"}));
    let own = Scope::Service;
    let first = world.look(&name("orders"), &own).unwrap();
    assert_eq!(first, Next::Requeue(Duration::from_secs(2)));
    let second = world.look(&name("orders"), &own).unwrap();
    assert_eq!(second, Next::AwaitChange);
}

#[test]
fn the_services_own_stack_goes_last() {
    let mut world = settled();
    world.delete("orders");
    world.cloud.take_calls();
    let next = world.look(&name("orders"), &Scope::Service).unwrap();
    assert_eq!(next, Next::AwaitChange);
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
}

#[test]
fn an_environment_that_is_wanted_again_is_not_forgotten() {
    let qa = json!({"service": "orders", "image": "nginx:1", "environments": {"qa": {}}});
    let mut world = with(&qa);
    world.patch("orders", &json!({"environments": null}));
    world.cloud.delete_by_hand("devops2-g4--orders--qa");
    world.patch("orders", &json!({"environments": {"qa": {}}}));
    let qa = Scope::Environment("qa".parse().unwrap());
    world.tape.next("service", Fault::Stale, 1);
    let looked = world.look(&name("orders"), &qa);
    assert!(overtaken(looked));
    assert!(
        world.registry.everything()[&name("orders")]
            .stacks
            .contains_key(&qa)
    );
}

#[test]
fn a_deployment_ends_with_its_environment() {
    let mut world = World::new();
    world.register(&json!({"service": "orders", "image": "nginx:1"}));
    world.pass(SignedDuration::from_secs(6));
    world.delete("orders");
    world.settle();
    assert!(matches!(
        world.deployment("orders").outcome,
        Some(Outcome::Superseded { .. })
    ));
}

#[test]
fn a_path_is_held_while_it_may_be_served() {
    let mut world = settled();
    world
        .cloud
        .script([Script::Fails("Service: no luck".to_owned())]);
    world.patch("orders", &json!({"path": "/new"}));
    let _ = look(&mut world).unwrap();
    assert_eq!(world.registry.claims().len(), 2, "while it is updated");
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Failed);
    assert_eq!(world.registry.claims().len(), 2, "when that has failed");
}
