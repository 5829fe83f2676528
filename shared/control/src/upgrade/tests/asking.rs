//! What people ask of an upgrade.

use super::super::UpgradeControl;
use super::*;
use crate::error::ServiceError;
use crate::fake::Script;
use crate::services::Caller;

fn keyed(n: u32, key: &str) -> Caller {
    Caller {
        key: Some(key.to_owned()),
        ..caller(n)
    }
}

fn control(world: &World) -> UpgradeControl<FakeUpgrades> {
    UpgradeControl {
        store: world.store.clone(),
    }
}

async fn running() -> World {
    let mut world = World::with_services(7).await;
    world.release("second");
    world.sweeps(2).await;
    world
}

#[tokio::test]
async fn a_stopped_upgrade_ends_what_is_in_flight_and_begins_nothing() {
    let mut world = running().await;
    let shown = control(&world)
        .stop(Some("too slow"), &caller(90))
        .await
        .unwrap();
    assert_eq!(shown.state, UpgradeState::Stopped);
    let stopped = shown.stopped.unwrap();
    assert_eq!(stopped.reason, "too slow");
    assert!(stopped.by.ends_with("user/ada"), "{}", stopped.by);
    world.rest().await;
    let upgrade = world.upgrade();
    assert!(upgrade.done < 7 && upgrade.done > 0, "{upgrade:?}");
    assert_eq!(world.current() as u64, upgrade.done);
    control(&world).resume(&caller(91)).await.unwrap();
    world.rest().await;
    assert_eq!((world.current(), world.upgrade().done), (7, 7));
}

#[tokio::test]
async fn resuming_tries_what_failed_once_more() {
    let mut world = World::with_services(5).await;
    world.release("second");
    let fails = || Script::Fails("Service: no luck".to_owned());
    world.cloud.script([fails(), fails()]);
    world.rest().await;
    assert_eq!(world.state(), UpgradeState::Stopped);
    let mut call = caller(90);
    call.stamp.now = world.clock.now();
    let shown = control(&world).resume(&call).await.unwrap();
    assert_eq!((shown.state, shown.failed), (UpgradeState::Running, 0));
    world.rest().await;
    assert_eq!((world.current(), world.state()), (5, UpgradeState::Done));
}

#[tokio::test]
async fn an_upgrade_that_has_ended_is_not_steered() {
    let world = World::with_services(0).await;
    let control = control(&world);
    assert_eq!(control.show().await.unwrap().state, UpgradeState::Done);
    let stop = control.stop(None, &caller(1)).await;
    assert!(matches!(stop, Err(ServiceError::UpgradeOver)), "{stop:?}");
    let resume = control.resume(&caller(1)).await;
    assert!(matches!(resume, Err(ServiceError::UpgradeOver)));
    let none = UpgradeControl {
        store: FakeUpgrades::default(),
    };
    assert!(matches!(none.show().await, Err(ServiceError::NoPart(_))));
}

#[tokio::test]
async fn the_same_request_under_the_same_key_is_done_once() {
    let world = running().await;
    let control = control(&world);
    let first = control.stop(None, &keyed(1, "k1")).await.unwrap();
    control.resume(&caller(2)).await.unwrap();
    let again = control.stop(None, &keyed(3, "k1")).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(world.state(), UpgradeState::Running);
    let other = control.stop(Some("why"), &keyed(4, "k1")).await;
    assert!(matches!(other, Err(ServiceError::KeyReused)), "{other:?}");
    let mut late = keyed(5, "k1");
    late.stamp.now += SignedDuration::from_hours(25);
    control.stop(Some("why"), &late).await.unwrap();
    assert_eq!(world.state(), UpgradeState::Stopped);
}
