//! Bounds for a time: overrides and hours of the week.

use jiff::SignedDuration;
use serde_json::json;
use slipway_scaling::Trigger;

use super::world::{World, bounds};
use crate::fake::Fault;
use crate::ports::Override;

/// Hours that begin in half an hour and last for one: the tests' first minute is 11:07.
fn with_hours() -> World {
    World::new(&json!({"min": 2, "max": 20, "schedule": [
        {"from": "11:37", "to": "12:37", "min": 6},
    ]}))
}

#[test]
fn a_window_is_met_at_its_boundaries_although_nothing_else_looks() {
    let mut world = with_hours();
    world.demand = 0.5;
    world.looks(Trigger::Alarm);
    assert!(world.record().attention.is_some());
    world.pass(29);
    assert_eq!(world.desired(), 2);
    world.pass(2);
    assert_eq!(world.live().bounds, Some((6, 20)));
    assert_eq!(world.desired(), 6);
    world.pass(55);
    assert_eq!(world.desired(), 6);
    world.pass(60);
    assert_eq!(world.live().bounds, Some((2, 20)));
    assert_eq!(world.desired(), 2);
    assert_eq!(world.tasks.bounds_written().len(), 2);
}

#[test]
fn between_the_boundaries_a_service_at_rest_costs_nothing() {
    let mut world = with_hours();
    world.demand = 0.5;
    world.looks(Trigger::Alarm);
    let at = |text: &str| Some(format!("2026-11-18T{text}Z").parse().unwrap());
    // Until its low alarm has spoken.
    world.pass(6);
    assert_eq!(world.record().attention, at("11:37:00"));
    let before = world.tape.len();
    world.pass(22);
    let calls = world.tape.calls().split_off(before);
    assert!(
        calls.iter().all(|call| call.name == "scaler_attention") && calls.len() == 22,
        "{calls:?}"
    );
    // It begins, tasks are added, and it is at rest again until it ends.
    world.demand = 2.0;
    world.pass(40);
    assert_eq!(world.desired(), 6);
    assert_eq!(world.record().attention, at("12:37:00"));
}

#[test]
fn hours_that_a_new_manifest_has_are_kept_from_the_next_minute_on() {
    for before in [
        json!([]),
        json!([{"from": "20:00", "to": "21:00", "min": 3}]),
    ] {
        let mut world = World::new(&json!({"min": 2, "max": 20, "schedule": before}));
        world.demand = 0.5;
        world.looks(Trigger::Alarm);
        world.pass(5);
        world.replace(&json!({"min": 2, "max": 20, "schedule": [
            {"from": "11:00", "to": "12:37", "min": 6},
        ]}));
        world.pass(2);
        assert_eq!(world.desired(), 6);
        assert_eq!(world.live().bounds, Some((6, 20)));
    }
}

#[test]
fn bounds_are_put_in_place_until_they_are_seen_there() {
    let mut world = with_hours();
    world.looks(Trigger::Alarm);
    world.tape.next("set_bounds", Fault::CrashBefore, 2);
    world.pass(35);
    assert_eq!(world.live().bounds, Some((6, 20)));
    assert_eq!(world.desired(), 6);
}

#[test]
fn bounds_that_a_person_puts_there_hold_until_the_next_boundary() {
    let mut world = with_hours();
    world.looks(Trigger::Alarm);
    world.change(|live| live.bounds = Some((3, 5)));
    world.pass(10);
    assert_eq!(world.live().bounds, Some((3, 5)));
    world.looks(Trigger::Alarm);
    assert_eq!(world.desired(), 3);
    world.pass(25);
    assert_eq!(world.live().bounds, Some((6, 20)));
}

#[test]
fn an_override_holds_until_its_time_and_the_manifests_bounds_come_back() {
    let mut world = with_hours();
    let until = world.clock.now() + SignedDuration::from_mins(50);
    world.remember(|record| {
        record.held = Some(Override {
            bounds: bounds(4, 5),
            until,
            by: "ada".to_owned(),
        });
        record.attention = Some(until - SignedDuration::from_mins(50));
    });
    world.pass(45);
    // The window that begins meanwhile does not count.
    assert_eq!(world.live().bounds, Some((4, 5)));
    assert_eq!(world.desired(), 4);
    world.pass(7);
    assert_eq!(world.live().bounds, Some((6, 20)));
    assert_eq!(world.desired(), 6);
    assert_eq!(world.record().held, None);
}
