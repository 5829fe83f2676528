//! The registry's conditions: a write that was decided on an older state writes nothing.

use super::*;
use crate::change::{Request, delete, replace};
use crate::error::CommitError;
use crate::ports::{ChangeWriter, StackRegistry, StackWrite};
use crate::record::{ServiceState, StackRecord};
use crate::services::Precondition;
use crate::services::tests::{api, caller};

fn settled() -> World {
    World::settled(&json!({"service": "orders", "image": "nginx:1"}))
}

fn state(world: &World) -> ServiceState {
    world.registry.everything()[&name("orders")].clone()
}

fn record(world: &World, scope: &Scope) -> StackRecord {
    state(world).stacks[scope].clone()
}

fn environment() -> Scope {
    Scope::Environment(prod())
}

/// The record at the version before.
fn former(mut record: StackRecord) -> StackRecord {
    record.version -= 1;
    record
}

fn request() -> Request {
    let caller = caller(90);
    Request {
        actor: caller.actor,
        stamp: caller.stamp,
        action: "delete",
        cause: Cause::Api,
    }
}

#[test]
fn a_stack_is_written_under_the_version_that_was_read() {
    let world = settled();
    let before = state(&world);
    let write = |record| StackWrite {
        service: name("orders"),
        record,
        release: Vec::new(),
        places: Vec::new(),
        databases: Vec::new(),
        deployments: Vec::new(),
        audit: None,
    };
    let found = record(&world, &environment());
    let late = block_on(world.registry.save(&write(former(found.clone())))).unwrap();
    assert!(!late);
    assert_eq!(state(&world), before);
    assert!(block_on(world.registry.save(&write(found.clone()))).unwrap());
    assert_eq!(record(&world, &environment()).version, found.version + 1);
}

#[test]
fn an_environment_is_forgotten_under_the_version_that_was_read() {
    let world = settled();
    let found = former(record(&world, &environment()));
    let now = world.clock.now();
    let (orders, prod) = (name("orders"), prod());
    let forget = world
        .registry
        .forget_environment(&orders, &prod, &found, now);
    assert!(!block_on(forget).unwrap());
    assert!(state(&world).stacks.contains_key(&environment()));
}

#[test]
fn a_service_is_forgotten_at_the_generation_and_the_version_that_were_read() {
    let world = settled();
    let (found, service) = (record(&world, &Scope::Service), state(&world).service);
    let mut older = service.clone();
    older.generation -= 1;
    let late = former(found.clone());
    assert!(!block_on(world.registry.forget_service(&older, &found)).unwrap());
    assert!(!block_on(world.registry.forget_service(&service, &late)).unwrap());
    assert!(world.exists("orders"));
    assert!(block_on(world.registry.forget_service(&service, &found)).unwrap());
}

#[test]
fn a_change_is_committed_at_the_generation_that_was_read() {
    let world = settled();
    let change = delete(&state(&world), &request());
    block_on(world.registry.commit(&change)).unwrap();
    let again = block_on(world.registry.commit(&change));
    assert!(matches!(again, Err(CommitError::Moved)), "{again:?}");
}

#[test]
fn a_change_that_counts_on_what_a_stack_holds_is_committed_at_the_version_that_was_read() {
    let world = settled();
    let to = |document: &serde_json::Value| {
        let platform = Platform::sample();
        let manifest = slipway_domain::Manifest::read_on(document, &platform).unwrap();
        replace(&state(&world), manifest, None, &platform, &request())
    };
    let moves = to(&json!({"service": "orders", "image": "nginx:1", "path": "/b"}));
    let deploys = to(&json!({"service": "orders", "image": "nginx:2"}));
    // A look gives something back in between.
    let write = StackWrite {
        service: name("orders"),
        record: record(&world, &environment()),
        release: Vec::new(),
        places: Vec::new(),
        databases: Vec::new(),
        deployments: Vec::new(),
        audit: None,
    };
    assert!(block_on(world.registry.save(&write)).unwrap());
    let late = block_on(world.registry.commit(&moves));
    assert!(matches!(late, Err(CommitError::Moved)), "{late:?}");
    // Another image wants nothing more.
    block_on(world.registry.commit(&deploys)).unwrap();
}

#[test]
fn a_change_is_committed_only_while_its_stacks_are_there() {
    let world = settled();
    let change = delete(&state(&world), &request());
    let found = record(&world, &environment());
    let now = world.clock.now();
    let (orders, prod) = (name("orders"), prod());
    let forget = world
        .registry
        .forget_environment(&orders, &prod, &found, now);
    assert!(block_on(forget).unwrap());
    let late = block_on(world.registry.commit(&change));
    assert!(matches!(late, Err(CommitError::Moved)), "{late:?}");
}

#[test]
fn a_record_that_is_made_again_bears_no_version_of_an_earlier_life() {
    let mut world = settled();
    let last = record(&world, &environment()).version;
    world.delete("orders");
    world.settle();
    world.register(&json!({"service": "orders", "image": "nginx:1"}));
    let first = record(&world, &environment()).version;
    assert!(first > last, "{first} after {last}");
}

#[test]
fn deployments_are_in_order_whatever_the_callers_clocks_say() {
    let world = settled();
    let before = record(&world, &environment()).deployment;
    let api = api(world.registry.clone());
    // A clock that is years behind.
    let (image, any) = (json!({"image": "nginx:2"}), Some(&Precondition::Exists));
    let early = caller(1);
    block_on(api.patch(&name("orders"), &image, any, &early)).unwrap();
    let after = record(&world, &environment()).deployment;
    assert!(after > before, "{after:?} after {before:?}");
}
