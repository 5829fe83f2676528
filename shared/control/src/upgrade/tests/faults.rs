//! Nothing that is lost loses an upgrade, and nobody lets more through than may be.

use super::*;
use crate::fake::Fault;

#[tokio::test]
async fn whatever_call_fails_every_stack_arrives_and_never_too_many_at_once() {
    let mut world = World::with_services(2).await;
    world.limits.at_once = 1;
    let before = world.tape.len();
    world.release("second");
    world.rest().await;
    let calls = world.tape.len() - before;
    world.most = 0;
    for fault in Fault::ALL {
        for n in 0..calls {
            world.release(&format!("{fault:?}-{n}"));
            world.tape.at(world.tape.len() + n, fault);
            world.rest().await;
            let upgrade = world.upgrade();
            assert_eq!(world.current(), 2, "{fault:?} at call {n}: {upgrade:?}");
            assert_eq!(upgrade.state, UpgradeState::Done);
            assert_eq!(upgrade.failed, 0, "{fault:?} at call {n}: {upgrade:?}");
        }
    }
    assert_eq!(world.most, 1);
    assert_eq!(world.cloud.made("devops2-g4--s000--prod"), 1);
}

#[tokio::test]
async fn of_two_sweeps_at_once_one_wins() {
    let mut world = World::with_services(6).await;
    world.release("second");
    world.tape.yield_at_calls(true);
    let now = world.clock.now();
    let (one, other) = (world.upgrades(), world.upgrades());
    let (one, other) = tokio::join!(one.advance(now), other.advance(now));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.len() + other.len(), 2, "{one:?} {other:?}");
    assert!(one.is_empty() || other.is_empty());
    assert_eq!(world.upgrade().in_flight.len(), 2);
}
