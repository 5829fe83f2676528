//! A platform that is full, by the quotas that an account has by default.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use slipway_cli::client::{Client, new_key};
use slipway_tests::local_platform::LocalPlatform;
use slipway_tests::waiting::wait_for;

use crate::asking::{name, register, set};

/// Of 100 rules on one load balancer, a tenth is for services that are there already.
const FIT: usize = 90;

/// How many callers register and delete.
const CALLERS: usize = 4;

/// How long all may take to go on a busy machine.
const LONGEST: Duration = Duration::from_mins(5);

/// No image: what services share is claimed when they are registered, and nothing runs.
fn shared(n: usize) -> Value {
    // Paths of three depths.
    let path = format!("{}/full-{n}", "/x".repeat(n % 3));
    json!({"service": format!("full-{n}"), "path": path, "ingress": "shared"})
}

/// One set of each claim on what services share, which is called so.
fn claims(platform: &LocalPlatform, of: &str, set_of: &str) -> Result<Vec<String>> {
    let items = platform.registry()?;
    let mut mine = items
        .iter()
        .filter(|((pk, _), _)| pk.starts_with("CLAIM#places#") && pk.ends_with(of));
    // The item of a load balancer goes with it.
    Ok(mine
        .next()
        .map_or_else(Vec::new, |(_, item)| set(item, set_of)))
}

fn all(platform: &LocalPlatform, each: impl Fn(&Client, usize) -> Result<()> + Sync) -> Result<()> {
    let caller = |first: usize| -> Result<()> {
        let client = platform.client();
        (first..FIT)
            .step_by(CALLERS)
            .try_for_each(|n| each(&client, n))
    };
    thread::scope(|scope| {
        let caller = &caller;
        let callers: Vec<_> = (0..CALLERS)
            .map(|first| scope.spawn(move || caller(first)))
            .collect();
        callers
            .into_iter()
            .try_for_each(|it| it.join().ok().context("a caller panicked")?)
    })
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_shared_load_balancer_fills_to_its_quota_and_is_empty_when_all_are_gone() -> Result<()> {
    let parameters = [("SharedLoadBalancers", "1"), ("MaxStackOperations", "20")];
    let platform = LocalPlatform::start_as("full", &parameters, |options| options)?;
    all(&platform, |client, n| {
        register(client, &shared(n)).map(drop)
    })?;

    // Each has a rule of its own and its two routes; no two have the same priority.
    for of in ["#shared-1", "#http-api"] {
        let numbers: BTreeSet<String> = claims(&platform, of, "rules")?.into_iter().collect();
        assert_eq!(numbers.len(), FIT, "{of}");
    }
    assert_eq!(claims(&platform, "#shared-1", "groups")?.len(), FIT);

    // The next one is told at once, with the quota that is exhausted, and leaves nothing.
    let client = platform.client();
    let refused = client.register(&shared(FIT), &new_key());
    let refused = format!("{:?}", refused.err().context("a refusal")?);
    for part in ["409", "no-room", "rules-per-application-load-balancer"] {
        ensure!(refused.contains(part), "{part} is not in {refused}");
    }
    assert!(client.find_service(&name("full-90"))?.is_none());
    assert_eq!(claims(&platform, "#http-api", "rules")?.len(), FIT);
    // With a load balancer of its own there is room for it.
    let own = json!({"service": "full-own"});
    register(&client, &own)?;
    assert_eq!(claims(&platform, "#http-api", "groups")?.len(), 2);

    client.delete(&name("full-own"), "*")?;
    all(&platform, |client, n| {
        client.delete(&name(&format!("full-{n}")), "*")?;
        Ok(())
    })?;
    wait_for("all are gone", LONGEST, || {
        let left = client.all_services(None)?.len();
        Ok(if left == 0 {
            Ok(())
        } else {
            Err(format!("{left} are left"))
        })
    })?;
    for (of, set_of) in [
        ("#shared-1", "rules"),
        ("#shared-1", "groups"),
        ("#http-api", "rules"),
    ] {
        assert_eq!(claims(&platform, of, set_of)?, Vec::<String>::new(), "{of}");
    }
    let left = platform.registry()?;
    let mut paths = left.keys().filter(|(pk, _)| pk.starts_with("CLAIM#path#"));
    assert_eq!(paths.next(), None);
    Ok(())
}
