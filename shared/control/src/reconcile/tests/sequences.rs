//! Random sequences of valid changes: the end is what a fresh platform makes of the last manifest.
//!
//! The form is Acto's (SOSP 2023): a sequence of desired states, and a comparison of the last with
//! a creation from nothing.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::faults::{Tally, in_parallel, share};
use super::world::World;
use crate::fake::Script;

/// What runs in the end, and which paths are held.
#[derive(Debug, PartialEq, Eq)]
struct Runs {
    stacks: BTreeMap<String, (String, Option<String>)>,
    paths: Vec<String>,
}

fn runs(world: &World) -> Runs {
    let claims = world.registry.claims();
    let held = claims.iter().map(|(path, owner)| format!("{path} {owner}"));
    Runs {
        stacks: world.cloud.runs(),
        paths: held.collect(),
    }
}

/// A change of the manifest that is valid at any time.
fn change(chance: &mut Rng) -> Value {
    match chance.u8(..10) {
        0..=2 => json!({"image": format!("nginx:{}", chance.u8(1..4))}),
        3 => json!({"image": "nginx:broken"}),
        4 => json!({"image": "nginx:slow"}),
        5 => json!({"path": format!("/p{}", chance.u8(..3))}),
        6 => json!({"path": null}),
        7 => json!({"memory": 512 * u32::from(chance.u8(1..3))}),
        8 => json!({"environments": {"qa": {"memory": 1024}}}),
        _ => json!({"environments": null}),
    }
}

fn broken(world: &World) {
    let reason = "Service: it does not start".to_owned();
    world.cloud.rule("nginx:broken", Script::Fails(reason));
    world.cloud.rule("nginx:slow", Script::Hangs);
}

/// One sequence; gives what is wrong with its end.
fn sequence(seed: u64) -> Option<String> {
    let mut chance = Rng::with_seed(seed);
    let mut world = World::new();
    broken(&world);
    // A call that is lost, late or fatal now and then.
    for _ in 0..chance.usize(..4) {
        let fault = crate::fake::Fault::ALL[chance.usize(..4)];
        world.tape.at(chance.usize(..300), fault);
    }
    for _ in 0..chance.usize(3..12) {
        if !world.exists("orders") {
            world.register(&json!({"service": "orders", "image": "nginx:1"}));
        } else if world.is_deleting("orders") {
            world.pass(SignedDuration::from_mins(5));
        } else if chance.u8(..10) == 0 {
            world.delete("orders");
        } else if chance.u8(..12) == 0 {
            world.cloud.delete_by_hand("devops2-g4--orders--prod");
        } else {
            world.patch("orders", &change(&mut chance));
        }
        let longest = [1, 10, 60, 400][chance.usize(..4)];
        world.pass(SignedDuration::from_secs(chance.i64(0..longest)));
    }
    // What cannot run has no end to compare.
    if world.exists("orders") && !world.is_deleting("orders") {
        world.patch("orders", &json!({"image": "nginx:9"}));
    }
    if let Err(unsettled) = world.settle_within(SignedDuration::from_hours(6)) {
        return Some(unsettled);
    }
    // What somebody deleted by hand without a word is found by the next round.
    world.look_at_everything();
    if let Err(unsettled) = world.settle_within(SignedDuration::from_hours(6)) {
        return Some(unsettled);
    }
    let mut fresh = World::new();
    if let Some(state) = world.registry.everything().values().next() {
        fresh.register(&serde_json::to_value(&state.service.manifest).unwrap());
        fresh.settle();
    }
    let (end, right) = (runs(&world), runs(&fresh));
    (end != right).then(|| format!("another end: {end:#?}\ninstead of {right:#?}"))
}

#[test]
fn random_sequences_of_changes_end_as_a_fresh_creation_of_the_last_manifest() {
    let tally = Tally::default();
    let seeds: Vec<u64> = (0..share(10_000, 500) as u64).collect();
    in_parallel(&seeds, |seed| {
        tally.count(&format!("sequence {seed}"), || sequence(*seed));
    });
    tally.report("Random sequences of changes");
}
