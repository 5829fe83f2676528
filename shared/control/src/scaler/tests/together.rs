//! Two looks at once, a look and a person, and what happens between two calls of one.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;
use serde_json::json;
use slipway_domain::Platform;
use slipway_scaling::Trigger;

use super::world::{World, block_on, named, orders, prod};
use crate::fake::{FakeRegistry, FakeTasks};
use crate::scaler::{HandsOff, Looked};
use crate::scaling::ScalingControl;
use crate::services::tests::caller;

/// A service with fewer tasks than it may have.
fn below_its_bounds() -> World {
    let world = World::new(&json!({"min": 4, "max": 20}));
    world.change(|live| {
        live.desired = 2;
        live.running = 2;
    });
    world
}

#[test]
fn of_two_looks_at_once_one_decides_and_ecs_has_one_number() {
    let mut won = 0;
    for calls in 0..8 {
        let world = below_its_bounds();
        let now = world.clock.now();
        world.tape.yield_at_calls(true);
        let (one, two) = (named(), named());
        let mut slow = pin!(world.scaler.look(&one, Trigger::Alarm, now));
        let mut context = Context::from_waker(Waker::noop());
        let mut first = None;
        for _ in 0..=calls {
            if let Poll::Ready(answer) = slow.as_mut().poll(&mut context) {
                first = Some(answer);
                break;
            }
        }
        let second = block_on(world.scaler.look(&two, Trigger::Alarm, now)).unwrap();
        let first = first.unwrap_or_else(|| block_on(slow)).unwrap();
        let decided = |outcome: &crate::scaler::Outcome| matches!(&outcome.looked, Looked::Decided { decision, .. } if decision.to > decision.from);
        won += usize::from(first.looked == Looked::Overtaken);
        assert!(
            !(decided(&first) && decided(&second)),
            "both decided behind {calls} calls"
        );
        assert_eq!(world.kept().iter().filter(|it| it.from == 2).count(), 1);
        let told = world.tasks.counts();
        assert!(told.iter().all(|count| *count == told[0]), "{told:?}");
        assert_eq!(world.desired(), world.kept()[0].to);
    }
    assert!(won > 0, "none was overtaken");
}

#[test]
fn what_is_deleted_in_between_is_not_brought_back() {
    for calls in 0..8 {
        let world = below_its_bounds();
        let now = world.clock.now();
        world.tape.yield_at_calls(true);
        let name = named();
        let mut look = pin!(world.scaler.look(&name, Trigger::Tick, now));
        let mut context = Context::from_waker(Waker::noop());
        let mut ended = None;
        for _ in 0..=calls {
            if let Poll::Ready(answer) = look.as_mut().poll(&mut context) {
                ended = Some(answer);
                break;
            }
        }
        world.delete();
        let ended = ended.unwrap_or_else(|| block_on(look)).unwrap();
        assert_eq!(
            world.registry.remembered(&name.service, &name.environment),
            None,
            "behind {calls} calls: {ended:?}"
        );
        world.tape.yield_at_calls(false);
        let later = block_on(world.scaler.look(&name, Trigger::Again, now)).unwrap();
        assert_eq!(later.looked, Looked::HandsOff(HandsOff::Gone));
    }
}

/// Somebody sets a number through the API.
fn by_hand(world: &World, count: u32) {
    let control: ScalingControl<FakeRegistry, FakeTasks> = ScalingControl {
        registry: world.registry.clone(),
        tasks: world.tasks.clone(),
        platform: Platform::sample(),
    };
    let mut caller = caller(1);
    caller.stamp.now = world.clock.now();
    block_on(control.set(&orders(), &prod(), count, &caller)).unwrap();
}

#[test]
fn a_number_that_is_set_by_hand_wins_over_a_look_that_is_slow() {
    let after = SignedDuration::from_secs;
    let mut told_late = 0;
    for (calls, looks_before) in (0..8).flat_map(|calls| [(calls, 0), (calls, 1)]) {
        let mut world = below_its_bounds();
        let now = world.clock.now();
        let (name, scaler) = (named(), world.scaler());
        world.tape.yield_at_calls(true);
        let mut slow = pin!(scaler.look(&name, Trigger::Alarm, now));
        let mut context = Context::from_waker(Waker::noop());
        let ended = (0..=calls).any(|_| slow.as_mut().poll(&mut context).is_ready());
        by_hand(&world, 7);
        // Another look finds the number by hand before the slow one comes to an end, or does not.
        for _ in 0..looks_before {
            world.clock.advance(after(10));
            world.looks(Trigger::Again);
        }
        if !ended {
            drop(block_on(slow));
        }
        told_late += usize::from(world.desired() != 7);
        world.clock.advance(after(35));
        world.looks(Trigger::Tick);
        assert_eq!(
            world.desired(),
            7,
            "behind {calls} calls and {looks_before} looks"
        );
        // And then it is heard, and whoever scales goes on from there.
        world.clock.advance(after(5));
        assert_eq!(world.decision(Trigger::Tick).from, 7);
    }
    assert!(told_late > 1, "none was told late");
}

#[test]
fn a_number_that_is_set_by_hand_holds_where_it_is_no_other_or_scaling_is_paused() {
    for paused in [false, true] {
        let mut world = below_its_bounds();
        world.change(|live| (live.desired, live.running) = (5, 5));
        world.change(|live| (live.paused.out, live.paused.inwards) = (paused, paused));
        by_hand(&world, 5);
        // Somebody was about to tell another.
        world.change(|live| live.desired = 9);
        world.clock.advance(SignedDuration::from_secs(62));
        world.looks(Trigger::Tick);
        assert_eq!(world.desired(), 5);
    }
}

#[test]
fn bounds_that_come_after_a_number_by_hand_have_the_last_word() {
    let mut world = below_its_bounds();
    by_hand(&world, 8);
    world.change(|live| (live.bounds, live.desired) = (Some((4, 6)), 6));
    world.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(world.decision(Trigger::Tick).from, 6);
    assert_eq!(world.tasks.counts(), [8]);
}
