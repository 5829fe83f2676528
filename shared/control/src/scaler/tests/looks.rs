//! One look at a time: whom it keeps off, what it calls, what it keeps.

use jiff::SignedDuration;
use serde_json::json;
use slipway_domain::Phase;
use slipway_scaling::{Trigger, Verdict};

use super::world::{CLUSTER, World, block_on, named};
use crate::fake::Fault;
use crate::scaler::{HandsOff, Looked, Named};

fn fresh() -> World {
    World::new(&json!({"min": 2, "max": 20}))
}

fn calls(world: &World, from: usize) -> Vec<&'static str> {
    let calls = world.tape.calls().split_off(from);
    calls.iter().map(|call| call.name).collect()
}

#[test]
fn a_decision_is_four_calls_of_aws_one_to_remember_and_one_to_tell() {
    let mut world = fresh();
    world.change(|live| live.desired = 1);
    let before = world.tape.len();
    assert_eq!(world.decision(Trigger::Alarm).to, 2);
    // `live` is two calls of AWS: DescribeServices and DescribeScalableTargets.
    let all = ["scaled", "live", "metrics", "save_scaler", "set_count"];
    assert_eq!(calls(&world, before), all);
    assert_eq!(world.tasks.counts(), [2]);
}

#[test]
fn hands_are_kept_off_what_target_tracking_scales() {
    let mut world = World::new(&json!({"by": "target-tracking"}));
    world.remember(|record| record.attention = Some(record.attention.unwrap_or_default()));
    let before = world.tape.len();
    let outcome = world.look(Trigger::Tick).unwrap();
    assert_eq!(outcome.looked, Looked::HandsOff(HandsOff::TargetTracking));
    assert_eq!(calls(&world, before), ["scaled", "save_scaler"]);
    assert_eq!(world.record().attention, None);
    let before = world.tape.len();
    assert!(world.look(Trigger::Alarm).is_ok());
    assert_eq!(calls(&world, before), ["scaled"]);
}

#[test]
fn what_was_never_ready_is_left_alone_and_what_is_on_its_way_is_looked_at_again() {
    let mut world = fresh();
    for (phase, attention) in [
        (Phase::Creating, true),
        (Phase::RollingOut, true),
        (Phase::Failed, false),
        (Phase::Waiting, false),
    ] {
        world.runs(1, phase);
        let outcome = world.look(Trigger::Tick).unwrap();
        assert_eq!(outcome.looked, Looked::HandsOff(HandsOff::NeverReady));
        assert_eq!(world.record().attention.is_some(), attention, "{phase}");
    }
    assert!(world.tasks.counts().is_empty());
}

#[test]
fn a_service_without_its_scalable_target_is_left_alone() {
    let mut world = fresh();
    world.change(|live| {
        live.desired = 1;
        live.bounds = None;
    });
    let outcome = world.look(Trigger::Alarm).unwrap();
    assert_eq!(outcome.looked, Looked::HandsOff(HandsOff::Incomplete));
}

#[test]
fn an_alarm_over_somebody_elses_metrics_costs_one_query() {
    let mut world = fresh();
    let dimension = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let before = world.tape.len();
    let named = Named {
        measures: vec![dimension("LoadBalancer", "app/other/9")],
        ..named()
    };
    let outcome = block_on(world.scaler.look(&named, Trigger::Alarm, world.clock.now()));
    let looked = outcome.unwrap().looked;
    assert_eq!(looked, Looked::HandsOff(HandsOff::NotItsAlarm));
    assert_eq!(calls(&world, before), ["scaled"]);
    for mine in [
        dimension("ClusterName", CLUSTER),
        dimension("LoadBalancer", "app/orders/1"),
    ] {
        let named = Named {
            measures: vec![mine],
            ..named.clone()
        };
        let outcome = block_on(world.scaler.look(&named, Trigger::Alarm, world.clock.now()));
        assert!(matches!(outcome.unwrap().looked, Looked::Decided { .. }));
    }
    world.pass(1);
}

#[test]
fn a_pause_holds_the_number_and_the_bounds() {
    let mut world = World::new(&json!({"min": 2, "max": 20, "schedule": [
        {"from": "00:00", "to": "00:00", "min": 6},
    ]}));
    world.change(|live| live.paused.out = true);
    let held = world.decision(Trigger::Alarm);
    assert_eq!((held.verdict, held.to), (Verdict::Hold, 2));
    assert!(world.tasks.bounds_written().is_empty());
    world.change(|live| live.paused.out = false);
    let out = world.decision(Trigger::Tick);
    assert_eq!((out.from, out.to), (2, 6));
    assert_eq!(world.live().bounds, Some((6, 20)));
}

#[test]
fn min_and_max_alike_is_that_many_tasks_whatever_the_load() {
    let mut world = World::new(&json!({"min": 2, "max": 2}));
    world.demand = 9.0;
    world.pass(30);
    assert!(world.tasks.counts().is_empty());
    assert_eq!(world.desired(), 2);
}

#[test]
fn nothing_is_taken_away_while_a_deployment_runs() {
    let mut world = World::new(&json!({"min": 1, "max": 20}));
    world.demand = 0.05;
    world.change(|live| {
        (live.desired, live.running, live.deploying) = (8, 8, true);
    });
    world.looks(Trigger::Alarm);
    world.pass(30);
    assert!(world.tasks.counts().is_empty());
    world.change(|live| live.deploying = false);
    world.looks(Trigger::Alarm);
    world.pass(60);
    assert_eq!(world.desired(), 1);
}

#[test]
fn an_alarm_that_comes_after_the_rush_changes_nothing() {
    let mut world = fresh();
    world.demand = 5.0;
    world.pass(20);
    world.demand = 0.4;
    world.pass(120);
    let (desired, kept) = (world.desired(), world.kept().len());
    for _ in 0..3 {
        world.looks(Trigger::Alarm);
    }
    assert_eq!((world.desired(), world.kept().len()), (desired, kept));
}

#[test]
fn a_number_that_was_not_told_is_told_again_and_decided_once() {
    let mut world = fresh();
    world.change(|live| live.desired = 1);
    world.tape.next("set_count", Fault::CrashBefore, 1);
    assert!(world.look(Trigger::Alarm).is_err());
    assert_eq!(world.desired(), 1);
    assert_eq!(world.record().ordered.map(|it| it.to), Some(2));
    let again = world.look(Trigger::Alarm).unwrap();
    assert_eq!(again.looked, Looked::Repeated(2));
    assert_eq!(world.desired(), 2);
    // What ECS has taken on is no more remembered as told.
    world.looks(Trigger::Tick);
    assert_eq!(world.record().ordered, None);
    assert_eq!(world.kept().iter().filter(|it| it.from == 1).count(), 1);
}

#[test]
fn a_number_that_was_not_told_for_long_is_decided_anew_with_what_was_known_before() {
    let mut world = fresh();
    world.change(|live| live.desired = 1);
    world.tape.next("set_count", Fault::CrashBefore, 1);
    assert!(world.look(Trigger::Alarm).is_err());
    assert!(world.record().state.out_at.is_some());
    world.clock.advance(SignedDuration::from_mins(10));
    let decision = world.decision(Trigger::Alarm);
    assert_eq!((decision.from, decision.to), (1, 2));
    assert_eq!(decision.state.out_at, Some(decision.at));
}

#[test]
fn between_the_last_telling_and_the_next_decision_nothing_is_done() {
    let mut world = fresh();
    world.change(|live| live.desired = 1);
    world.tape.next("set_count", Fault::CrashBefore, 1);
    assert!(world.look(Trigger::Alarm).is_err());
    world.clock.advance(SignedDuration::from_secs(70));
    let before = world.tape.len();
    let waits = world.look(Trigger::Tick).unwrap();
    assert_eq!(waits.looked, Looked::Waits);
    assert_eq!(calls(&world, before), ["scaled", "live"]);
    world.clock.advance(SignedDuration::from_secs(20));
    assert_eq!(world.decision(Trigger::Tick).to, 2);
    assert_eq!(world.tasks.counts(), [2]);
}

#[test]
fn of_many_looks_one_asks_for_another() {
    let mut world = World::new(&json!({"min": 2, "max": 20, "resolution": 20}));
    world.demand = 5.0;
    world.pass(4);
    assert!(world.desired() > 2);
    let now = world.clock.now();
    let due = world.record().again_at.filter(|at| *at > now);
    let asked = (0..3).filter(|_| {
        let outcome = world.look(Trigger::Alarm).unwrap();
        outcome.again.is_some()
    });
    let asked = asked.count();
    assert_eq!(asked, usize::from(due.is_none()));
}

#[test]
fn a_number_set_by_hand_in_between_is_not_taken_back() {
    let mut world = World::new(&json!({"min": 1, "max": 20}));
    world.demand = 5.0;
    world.tape.next("set_count", Fault::CrashBefore, 1);
    world.pass(3);
    world.change(|live| live.desired = 12);
    let looked = world.look(Trigger::Tick).unwrap().looked;
    assert!(matches!(looked, Looked::Decided { .. }), "{looked:?}");
    assert!(world.desired() >= 12);
}
