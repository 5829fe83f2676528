//! Every fault at every call of a rush and the calm after it: there are enough tasks in the rush,
//! and the fewest in the end.

use serde_json::json;

use super::world::World;
use crate::fake::Fault;

/// A quiet service, a rush of twenty minutes, and two quiet hours.
fn story(world: &mut World) -> Result<(), String> {
    world.pass(3);
    world.demand = 5.0;
    world.pass(20);
    let peak = world.desired();
    world.demand = 0.4;
    world.pass(120);
    world.check()?;
    // Five tasks' worth of load, each to be busy by 70 percent.
    if peak < 8 {
        return Err(format!("{peak} tasks in the rush: {:?}", world.history));
    }
    if world.desired() != 2 {
        return Err(format!("not the fewest in the end: {:?}", world.history));
    }
    Ok(())
}

fn fresh() -> World {
    World::new(&json!({"min": 2, "max": 20}))
}

#[test]
fn a_service_is_scaled_out_in_a_rush_and_in_again() {
    let mut world = fresh();
    story(&mut world).unwrap();
    // Nothing needs a look any more.
    assert_eq!(world.record().attention, None);
    let before = world.tape.len();
    world.pass(10);
    let calls = world.tape.calls().split_off(before);
    assert!(
        calls.iter().all(|call| call.name == "scaler_attention") && calls.len() == 10,
        "a quiet tick is one query: {calls:?}"
    );
}

#[test]
fn whatever_fails_at_whatever_call_the_end_is_the_same() {
    let mut right = fresh();
    story(&mut right).unwrap();
    let first = fresh().tape.len();
    let calls = right.tape.calls();
    let mut tried = 0;
    let mut violations = Vec::new();
    for (number, call) in calls.iter().enumerate().skip(first) {
        for fault in Fault::ALL {
            if fault == Fault::Stale || !call.may_meet(fault) {
                continue;
            }
            let mut world = fresh();
            world.tape.at(number, fault);
            tried += 1;
            if let Err(why) = story(&mut world) {
                violations.push(format!("{fault:?} at {number} ({}): {why}", call.name));
            }
            assert_eq!(world.tape.injected(), 1, "{fault:?} at {number}");
        }
    }
    assert!(tried > 300, "{tried}");
    assert!(
        violations.is_empty(),
        "{} of {tried}: {violations:#?}",
        violations.len()
    );
}

#[test]
fn events_that_come_three_times_change_nothing_more() {
    let mut once = fresh();
    story(&mut once).unwrap();
    let mut thrice = fresh();
    thrice.copies = 3;
    story(&mut thrice).unwrap();
    let counts = |world: &World| world.history.iter().map(|(_, it)| *it).collect::<Vec<_>>();
    assert_eq!(counts(&once), counts(&thrice));
}

#[test]
fn ecs_that_throttles_for_minutes_is_told_the_same_number_until_it_listens() {
    let mut world = fresh();
    world.pass(3);
    world.demand = 5.0;
    world.tape.next("set_count", Fault::Throttled, 6);
    world.pass(20);
    assert!(world.desired() >= 8, "{:?}", world.history);
    world.check().unwrap();
}
