//! Load balancers that services share: they come with the first service, and go with the last.

use slipway_domain::balancer::all_shared;

use super::*;
use crate::change::{Request, register};
use crate::error::CommitError;
use crate::places::balancers::ended;
use crate::places::{AllTaken, Limits, Taken, add, choose, wanted};
use crate::ports::ChangeWriter;
use crate::services::tests::caller;

const STACK: &str = "devops2-g4--shared-1--prod";

fn shared(service: &str) -> serde_json::Value {
    json!({"service": service, "image": "nginx:1", "ingress": "shared"})
}

fn none_is_there(world: &World) -> bool {
    let everything = world.registry.everything();
    all_shared().all(|it| !everything.contains_key(&name(&it)))
        && !world.cloud.stacks().contains_key(STACK)
}

#[test]
fn the_first_service_has_it_made_and_waits_for_it_and_with_the_last_one_it_goes() {
    let mut world = World::new();
    world.register(&shared("orders"));
    let mut has_waited = false;
    while world.phase("orders").0 != Phase::Ready {
        let (_, message) = world.phase("orders");
        has_waited |= message.contains("the load balancer `shared-1` to be ready");
        // What it imports is there before its own stack is begun.
        let stacks = world.cloud.stacks();
        if stacks.contains_key("devops2-g4--orders--prod") {
            assert_eq!(stacks[STACK], CloudFormationStatus::CreateComplete);
        }
        world.pass(SignedDuration::from_secs(1));
    }
    assert!(has_waited);
    world.register(&shared("reports"));
    world.settle();
    assert_eq!(world.phase("shared-1").0, Phase::Ready);
    assert_eq!(world.cloud.made(STACK), 1);

    world.delete("orders");
    world.settle();
    assert_eq!(world.phase("shared-1").0, Phase::Ready);
    world.patch("reports", &json!({"ingress": "dedicated"}));
    world.settle();
    assert_eq!(world.phase("reports").0, Phase::Ready);
    assert!(none_is_there(&world), "{:?}", world.cloud.stacks());

    // And again, as if it had never been there.
    world.register(&shared("orders"));
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.cloud.made(STACK), 2);
}

#[test]
fn a_service_that_comes_while_it_goes_has_it_come_back() {
    // It may come at any moment: before it is marked, before its stack is deleted, or after.
    for seconds in [0, 1, 5, 15, 30, 45, 60, 75, 90, 120, 180] {
        let mut world = World::settled(&shared("orders"));
        world.delete("orders");
        world.pass(SignedDuration::from_secs(seconds));
        world.register(&shared("reports"));
        world.settle();
        let (phase, message) = world.phase("reports");
        assert_eq!(phase, Phase::Ready, "after {seconds} s: {message}");
        assert_eq!(world.phase("shared-1").0, Phase::Ready);
        let stacks = world.cloud.stacks();
        assert!(stacks.contains_key(STACK), "after {seconds} s: {stacks:?}");
        world.delete("reports");
        world.settle();
        assert!(none_is_there(&world), "after {seconds} s");
    }
}

#[test]
fn of_an_end_and_a_claim_at_the_same_moment_one_comes_first() {
    let mut world = World::settled(&shared("orders"));
    let (at, balancer) = (world.clock.now(), name("shared-1"));
    let read = world.registry.everything()[&balancer].clone();
    let end = ended(&read, &Taken::default(), at).unwrap();
    // Somebody has a place: the end is refused, though it was thought that nobody had.
    let refused = block_on(world.registry.commit(&end));
    assert!(
        matches!(refused, Err(CommitError::Contended)),
        "{refused:?}"
    );
    assert_eq!(ended(&read, &world.taken("shared-1"), at), None);

    // A claim that was chosen while somebody was there is refused once nobody is.
    let platform = Platform::sample();
    let manifest = slipway_domain::Manifest::read(&shared("late")).unwrap();
    let request = Request {
        actor: "test".to_owned(),
        stamp: caller(900).stamp,
        action: "register",
        cause: Cause::Api,
    };
    let mut late = register(manifest.clone(), &platform, &request);
    let all = AllTaken::from([("shared-1".to_owned(), world.taken("shared-1"))]);
    let needs = wanted(&manifest, None, &platform);
    let claims = choose(&needs, all, Limits::default(), &platform).unwrap();
    assert!(claims.first_on().is_empty());
    add(&mut late, claims);
    world.delete("orders");
    world.settle();
    let refused = block_on(world.registry.commit(&late));
    assert!(
        matches!(refused, Err(CommitError::Contended)),
        "{refused:?}"
    );
    assert!(none_is_there(&world));
}

#[test]
fn one_that_cannot_be_made_is_told_to_who_waits_and_tried_again_for_the_next() {
    let mut world = World::settled(&json!({"service": "orders"}));
    let fails = Script::Fails("LoadBalancer: the quota is exhausted".to_owned());
    world.cloud.script([Script::Succeeds, fails]);
    world.patch("orders", &json!({"image": "nginx:1", "ingress": "shared"}));
    world.settle();
    let (phase, message) = world.phase("orders");
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("the quota is exhausted"), "{message}");
    world.redeploy("orders");
    world.settle();
    assert_eq!(world.phase("orders").0, Phase::Ready);
    assert_eq!(world.phase("shared-1").0, Phase::Ready);
}

#[test]
fn one_that_somebody_deleted_by_hand_is_made_again() {
    let mut world = World::settled(&shared("orders"));
    world.cloud.delete_by_hand(STACK);
    world.look_at_everything();
    world.settle();
    assert_eq!(world.phase("shared-1").0, Phase::Ready);
    assert_eq!(world.cloud.made(STACK), 2);
}

#[test]
fn whatever_is_lost_or_comes_late_it_comes_and_goes() {
    for delivery in [Delivery::Never, Delivery::Thrice] {
        let mut world = World::new();
        world.delivery = delivery;
        world.register(&shared("orders"));
        world.settle();
        assert_eq!(world.phase("orders").0, Phase::Ready, "{delivery:?}");
        world.delete("orders");
        world.settle();
        assert!(none_is_there(&world), "{delivery:?}");
    }
}

#[test]
fn nobody_changes_or_deletes_one_by_the_api() {
    let world = World::settled(&shared("orders"));
    let balancer = name("shared-1");
    let api = world.api();
    let any = Some(&crate::services::Precondition::Exists);
    let patched = block_on(api.patch(&balancer, &json!({"repair": false}), any, &caller(901)));
    assert!(patched.is_err(), "{patched:?}");
    let put = block_on(api.put(&balancer, &json!({}), any, &caller(902)));
    assert!(put.is_err(), "{put:?}");
    let deleted = block_on(api.delete(&balancer, any, &caller(903)));
    assert!(deleted.is_err(), "{deleted:?}");
    let registered = block_on(api.register(&json!({"service": "shared-2"}), &caller(904)));
    assert!(registered.is_err(), "{registered:?}");
}
