//! To no task and back: the first caller, many at once, a queue, and every fault on the way.

use jiff::SignedDuration;
use serde_json::json;
use slipway_domain::Phase;
use slipway_domain::scaling::WakeAnswer;
use slipway_scaling::{Trigger, Verdict};

use super::world::{LISTENER, WAKER, World, block_on, bounds, orders};
use crate::fake::Fault;
use crate::ports::{Ordered, Override, WakeRules};
use crate::scaler::{HandsOff, Looked, Woken};

/// A service that may sleep after five quiet minutes, with an hour of load behind it.
fn drowsy() -> World {
    World::new(&json!({"min": 0, "max": 4, "to_zero": {"after": 5, "answer": "hold"}}))
}

/// The same, asleep.
fn asleep() -> World {
    let mut world = drowsy();
    world.demand = 0.0;
    world.pass(60);
    assert_eq!(world.desired(), 0, "{:?}", world.history);
    world
}

fn led_to_waker(world: &World) -> bool {
    world.tasks.wake_rule(LISTENER).as_deref() == Some(WAKER)
}

#[test]
fn nobody_calls_and_the_last_task_goes_behind_a_rule_that_leads_to_the_waker() {
    let world = asleep();
    assert!(led_to_waker(&world));
    let record = world.record();
    assert!(record.asleep_since.is_some());
    assert_eq!(
        record.attention, None,
        "nothing to look at until somebody calls"
    );
    assert_eq!(record.last.unwrap().verdict, Verdict::Sleep);
    let calls = world.tape.calls();
    let first = |name| calls.iter().position(|call| call.name == name);
    let last_count = calls.iter().rposition(|call| call.name == "set_count");
    assert!(first("put_wake_rule") < last_count, "the rule comes first");
}

#[test]
fn the_first_caller_wakes_it_and_the_rule_goes_when_a_task_answers() {
    let mut world = asleep();
    let before = world.tasks.counts().len();
    assert_eq!(world.call().unwrap(), Woken::Starts(WakeAnswer::Hold));
    assert_eq!(world.desired(), 1);
    assert!(led_to_waker(&world), "no task answers yet");
    // Others who come meanwhile change nothing.
    let at = world.tape.len();
    assert_eq!(world.call().unwrap(), Woken::Starts(WakeAnswer::Hold));
    let calls = world.tape.calls().split_off(at);
    let names: Vec<&str> = calls.iter().map(|call| call.name).collect();
    assert_eq!(names, ["scaled", "is_answered"]);
    assert_eq!(world.tasks.counts().len(), before + 1);

    world.pass(1);
    assert_eq!(world.call().unwrap(), Woken::Answers(WakeAnswer::Hold));
    assert!(!led_to_waker(&world));
    world.pass(1);
    assert_eq!(world.record().asleep_since, None);
    assert_eq!(world.desired(), 1);
    let kept = world.kept();
    let woken = kept
        .iter()
        .find(|it| it.summary.starts_with("Wakes"))
        .unwrap();
    assert_eq!((woken.from, woken.to), (0, 1));
}

#[test]
fn the_rule_goes_by_the_tick_too_when_nobody_calls_again() {
    let mut world = asleep();
    world.call().unwrap();
    world.pass(3);
    assert!(!led_to_waker(&world));
    assert_eq!(world.record().asleep_since, None);
    assert_eq!(world.desired(), 1);
    // And after a quiet time it sleeps again.
    world.pass(30);
    assert_eq!(world.desired(), 0);
    assert!(led_to_waker(&world));
}

#[test]
fn what_was_put_in_place_for_a_time_goes_when_aws_scales_from_now_on() {
    let mut world = World::new(&json!({"by": "target-tracking", "min": 1, "max": 4}));
    let platform = world.scaler.platform.name.clone();
    block_on(world.tasks.put_wake_rule(LISTENER, WAKER, &platform)).unwrap();
    let now = world.clock.now();
    world.remember(|record| {
        record.asleep_since = Some(now);
        record.held = Some(Override {
            bounds: bounds(3, 9),
            until: now + SignedDuration::from_hours(2),
            by: "ada".to_owned(),
        });
    });
    let outcome = world.look(Trigger::Alarm).unwrap();
    assert_eq!(outcome.looked, Looked::HandsOff(HandsOff::TargetTracking));
    assert!(!led_to_waker(&world));
    assert_eq!(world.live().bounds, Some((1, 4)));
    let record = world.record();
    assert_eq!((record.asleep_since, record.held), (None, None));
    // And no more is done.
    let before = world.tape.len();
    assert!(world.look(Trigger::Alarm).is_ok());
    assert_eq!(world.tape.len(), before + 1, "one look at the registry");
}

#[test]
fn nothing_is_taken_back_before_the_stack_is_the_newest() {
    let mut world = World::new(&json!({"by": "target-tracking", "min": 1, "max": 4}));
    let platform = world.scaler.platform.name.clone();
    block_on(world.tasks.put_wake_rule(LISTENER, WAKER, &platform)).unwrap();
    let now = world.clock.now();
    world.remember(|record| record.asleep_since = Some(now));
    world.runs(0, Phase::Updating);
    assert!(world.look(Trigger::Alarm).is_ok());
    assert!(led_to_waker(&world));
    assert!(world.record().attention.is_some(), "the tick looks again");
}

#[test]
fn what_has_just_fallen_asleep_is_woken_although_its_last_task_answers_yet() {
    let mut world = asleep();
    let now = world.clock.now();
    world.tasks.answers(super::world::GROUP_ARN, true);
    world.remember(|record| {
        record.ordered = Some(Ordered {
            from: 1,
            to: 0,
            at: now,
            before: record.state.clone(),
            by_hand: false,
        });
    });
    assert_eq!(world.call().unwrap(), Woken::Starts(WakeAnswer::Hold));
    assert_eq!(world.desired(), 1);
    assert!(led_to_waker(&world));
}

#[test]
fn whoever_sets_a_number_by_hand_has_the_rule_taken_away() {
    let mut world = asleep();
    world.change(|live| (live.desired, live.running) = (3, 3));
    world.tasks.answers(super::world::GROUP_ARN, true);
    let now = world.clock.now();
    world.remember(|record| record.attention = Some(now));
    world.pass(1);
    assert!(!led_to_waker(&world));
    assert_eq!(world.record().asleep_since, None);
}

#[test]
fn a_pause_keeps_it_asleep_and_callers_are_told_so() {
    let mut world = asleep();
    world.change(|live| live.paused.out = true);
    assert_eq!(world.call().unwrap(), Woken::Starts(WakeAnswer::Hold));
    assert_eq!(world.desired(), 0);
}

#[test]
fn nothing_is_woken_that_is_gone() {
    let mut world = asleep();
    world.delete();
    assert_eq!(world.call().unwrap(), Woken::Unknown);
}

#[test]
fn without_a_waker_nobody_goes_to_sleep() {
    let mut world = drowsy();
    let mut record = world.stack();
    record.status.outputs.remove("WakeTargetGroup");
    let write = crate::ports::StackWrite {
        service: orders(),
        record,
        release: Vec::new(),
        places: Vec::new(),
        databases: Vec::new(),
        deployments: Vec::new(),
        audit: None,
    };
    let saved = crate::ports::StackRegistry::save(&world.registry, &write);
    assert!(block_on(saved).unwrap());
    world.demand = 0.0;
    world.pass(60);
    assert_eq!(world.desired(), 1);
}

#[test]
fn a_message_wakes_a_worker_whose_queue_has_no_metrics_yet() {
    let mut world = World::new(&json!({
        "min": 0, "max": 4, "queue": {"name": "orders"}, "to_zero": {"after": 5}
    }));
    world.demand = 0.0;
    let quiet: Vec<_> = (1..=60)
        .map(|ago| slipway_scaling::Point {
            at: world.clock.now() - SignedDuration::from_mins(ago),
            seconds: 60,
            value: 0.0,
        })
        .rev()
        .collect();
    world
        .tasks
        .measure("ApproximateNumberOfMessagesVisible", &["orders"], quiet);
    world.change(|live| (live.desired, live.running) = (0, 0));
    let now = world.clock.now();
    world.remember(|record| {
        record.asleep_since = Some(now);
        record.attention = Some(now);
    });
    world.tasks.enqueue("orders", 0);
    world.pass(3);
    assert_eq!(world.desired(), 0);
    assert!(
        world.record().attention.is_some(),
        "each minute it is looked at"
    );
    world.tasks.enqueue("orders", 12);
    let woken = world.decision(Trigger::Tick);
    assert!(woken.to >= 1, "{woken:?}");
    assert!(world.desired() >= 1);
}

/// It falls asleep, somebody calls until it answers, and it stays awake.
fn story(world: &mut World) -> Result<(), String> {
    world.demand = 0.0;
    world.pass(60);
    if world.desired() != 0 || !led_to_waker(world) {
        return Err(format!(
            "{} tasks, led to waker: {}",
            world.desired(),
            led_to_waker(world)
        ));
    }
    let mut answers = false;
    for _ in 0..6 {
        answers |= matches!(world.call(), Ok(Woken::Answers(_)));
        world.demand = 0.2;
        world.pass(1);
    }
    if !answers && led_to_waker(world) {
        return Err("nobody was ever answered".to_owned());
    }
    world.pass(3);
    if world.desired() == 0 || led_to_waker(world) || world.record().asleep_since.is_some() {
        return Err(format!(
            "{} tasks in the end: {:?}",
            world.desired(),
            world.record()
        ));
    }
    Ok(())
}

#[test]
fn whatever_fails_at_whatever_call_it_sleeps_and_wakes_up_again() {
    let mut right = drowsy();
    story(&mut right).unwrap();
    let first = drowsy().tape.len();
    let calls = right.tape.calls();
    let (mut tried, mut violations) = (0, Vec::new());
    for (number, call) in calls.iter().enumerate().skip(first) {
        for fault in Fault::ALL {
            if fault == Fault::Stale || !call.may_meet(fault) {
                continue;
            }
            let mut world = drowsy();
            world.tape.at(number, fault);
            tried += 1;
            if let Err(why) = story(&mut world) {
                violations.push(format!("{fault:?} at {number} ({}): {why}", call.name));
            }
        }
    }
    assert!(tried > 100, "{tried}");
    assert!(
        violations.is_empty(),
        "{} of {tried}: {violations:#?}",
        violations.len()
    );
}
