//! Two looks at once, and what happens between two calls of one.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde_json::json;
use slipway_scaling::Trigger;

use super::world::{World, block_on, named};
use crate::scaler::{HandsOff, Looked};

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
