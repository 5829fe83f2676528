//! A new version of the platform that renders stacks differently reaches them in waves.

use std::time::Duration;

use anyhow::{Context as _, Result};
use slipway_cli::client::new_key;
use slipway_control::upgrade::{UpgradeState, UpgradeView};
use slipway_domain::{Cause, Outcome, Platform, ServiceName};
use slipway_tests::local_platform::LocalPlatform;
use slipway_tests::waiting::wait_for;

use crate::asking::{manifest, name, prod, register};

const SERVICES: usize = 6;

const AT_ONCE: usize = 2;

/// How long the upgrade may take. Each wave begins with a sweep, and the test sweeps by itself.
const LONGEST: Duration = Duration::from_mins(3);

/// Sweeps until the upgrade is as `holds` wants it; never are more in flight than may be.
fn swept(
    platform: &LocalPlatform,
    what: &str,
    holds: impl Fn(&UpgradeView) -> bool,
) -> Result<UpgradeView> {
    wait_for(what, LONGEST, || {
        platform.sweep()?;
        let upgrade = platform.client().upgrade()?;
        assert!(upgrade.in_flight.len() <= AT_ONCE, "{upgrade:#?}");
        Ok(if holds(&upgrade) {
            Ok(upgrade)
        } else {
            Err(format!("{upgrade:?}"))
        })
    })
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn an_upgrade_moves_two_stacks_at_once_and_can_be_stopped_and_resumed() -> Result<()> {
    let few = ("UpgradeAtOnce", "2");
    let platform = LocalPlatform::start_as("upgrade", &[few], |options| options)?;
    let client = platform.client();
    let names: Vec<ServiceName> = (0..SERVICES).map(|n| name(&format!("wave-{n}"))).collect();
    for service in &names {
        register(&client, &manifest(service.as_str()))?;
    }
    for service in &names {
        platform.ready(service)?;
    }
    let first = swept(&platform, "the first version is everywhere", |upgrade| {
        upgrade.state == UpgradeState::Done
    })?;
    assert_eq!(first.done, 0, "nothing had to be updated");

    // A third subnet is another network configuration of every service.
    let next = platform.deploy_again(&[few, ("ZoneCount", "3")])?;
    let values: Platform = serde_json::from_str(&next.outputs["PlatformValues"])?;
    assert_eq!(values.private_subnets.len(), 3);
    let under_way = swept(&platform, "the first stacks are let through", |upgrade| {
        upgrade.fingerprint != first.fingerprint && !upgrade.in_flight.is_empty()
    })?;
    assert_eq!(under_way.state, UpgradeState::Running);
    assert_eq!(under_way.at_once, 2);

    client.stop_upgrade(Some("Not on a Friday."), &new_key())?;
    let stopped = swept(&platform, "what is in flight ends", |upgrade| {
        upgrade.in_flight.is_empty()
    })?;
    assert_eq!(stopped.state, UpgradeState::Stopped);
    let by_whom = stopped.stopped.as_ref().context("who stopped it")?;
    assert_eq!(by_whom.reason, "Not on a Friday.");
    assert!(by_whom.by.contains("AKIATEST"), "{}", by_whom.by);
    assert!(stopped.done < SERVICES as u64, "{stopped:#?}");
    for _ in 0..3 {
        platform.sweep()?;
    }
    assert_eq!(client.upgrade()?, stopped, "no sweep lets another through");

    client.resume_upgrade(&new_key())?;
    let done = swept(&platform, "every stack had its turn", |upgrade| {
        upgrade.state == UpgradeState::Done
    })?;
    assert_eq!((done.done, done.failed), (SERVICES as u64, 0), "{done:#?}");
    let mut spans = Vec::new();
    for service in &names {
        platform.ready(service)?;
        let deployments = client.deployments(service, &prod(), None, None)?.items;
        let upgrades: Vec<_> = deployments
            .iter()
            .filter(|it| it.cause == Cause::Upgrade)
            .collect();
        assert_eq!(upgrades.len(), 1, "{service}: {deployments:#?}");
        let Some(Outcome::Succeeded { at }) = upgrades[0].outcome else {
            panic!("{deployments:#?}");
        };
        spans.push((upgrades[0].created_at, at));
        let template = client.template(service, Some(&prod()))?.to_string();
        for subnet in &values.private_subnets {
            assert!(template.contains(subnet), "{service} has {subnet}");
        }
    }
    assert!(most_at_once(&spans) <= AT_ONCE, "{spans:#?}");
    Ok(())
}

/// The most spans that overlap at one moment.
fn most_at_once<T: Ord + Copy>(spans: &[(T, T)]) -> usize {
    let at = |moment: T| {
        let covers = |(from, to): &&(T, T)| *from <= moment && moment < *to;
        spans.iter().filter(covers).count()
    };
    spans.iter().map(|(from, _)| at(*from)).max().unwrap_or(0)
}
