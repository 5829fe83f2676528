//! Many callers at the same moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use slipway_cli::client::{Answer, Client, new_key};
use slipway_domain::ServiceName;
use slipway_tests::local_platform::LocalPlatform;
use slipway_tests::registry;

use crate::asking::{name, post, problem, with};

/// Registers all manifests at the same moment, each from a thread of its own.
fn at_once(client: &Client, manifests: &[Value]) -> Result<Vec<Answer>> {
    let start = Barrier::new(manifests.len());
    thread::scope(|scope| {
        let callers: Vec<_> = manifests
            .iter()
            .map(|manifest| {
                scope.spawn(|| {
                    let call = with(post("/services", manifest)?, "idempotency-key", &new_key())?;
                    start.wait();
                    anyhow::Ok(client.send(&call)?)
                })
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().ok().context("a caller panicked")?)
            .collect()
    })
}

fn ready(platform: &LocalPlatform, names: &[ServiceName], longest: Duration) -> Result<()> {
    let deadline = Instant::now() + longest;
    for name in names {
        let left = deadline.saturating_duration_since(Instant::now());
        let service = platform.settled_within(name, left)?;
        ensure!(
            slipway_tests::local_platform::is_ready(&service),
            "{}",
            slipway_tests::local_platform::describe(&service)
        );
    }
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn fifty_services_at_the_same_moment_all_become_ready_with_five_operations_at_once() -> Result<()> {
    let platform = LocalPlatform::start("fifty")?;
    let client = platform.client();
    // As AWS answers when routes of one API are made at the same moment.
    platform.faults().conflict_on_routes(5);
    let began = Instant::now();
    let manifests: Vec<Value> = (0..50)
        .map(|n| json!({"service": format!("many-{n}"), "image": "nginx:alpine"}))
        .collect();
    for answer in at_once(&client, &manifests)? {
        assert_eq!(
            answer.status,
            201,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
    }
    println!("50 registrations: {:.1} s", began.elapsed().as_secs_f64());
    let names: Vec<ServiceName> = (0..50).map(|n| name(&format!("many-{n}"))).collect();
    ready(&platform, &names, Duration::from_mins(5))?;
    println!("50 services ready: {:.1} s", began.elapsed().as_secs_f64());
    assert_eq!(platform.faults().pending(), 0, "every conflict was met");
    assert!(platform.cloud().max_operations() <= 5);

    let items = platform.registry()?;
    let expected: BTreeMap<String, String> = names
        .iter()
        .map(|name| (format!("/{name}"), format!("{name}/prod")))
        .collect();
    assert_eq!(registry::paths(&items), expected);
    platform.slots_given_back("")?;
    assert_eq!(client.all_services(None)?.len(), 50);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn of_twenty_registrations_of_one_name_exactly_one_wins_and_no_loser_leaves_a_claim() -> Result<()>
{
    let platform = LocalPlatform::start("one-name")?;
    // Each with a path and an environment of its own: what a loser might leave behind.
    let manifests: Vec<Value> = (0..20)
        .map(|n| {
            json!({
                "service": "contested",
                "path": format!("/contested/{n}"),
                "environments": {format!("e{n}"): {}},
            })
        })
        .collect();
    let answers = at_once(&platform.client(), &manifests)?;
    let winners: Vec<usize> = (0..20).filter(|&n| answers[n].status == 201).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        let refusal = problem(answer, 409)?;
        assert!(refusal.r#type.ends_with("name-taken"), "{}", refusal.r#type);
    }
    let service = platform.settled(&name("contested"))?;
    assert_eq!(service.generation, 1);
    let n = winners[0];
    let expected = BTreeMap::from([
        (format!("/contested/{n}"), "contested/prod".to_owned()),
        (format!("/e{n}/contested/{n}"), format!("contested/e{n}")),
    ]);
    let items = platform.registry()?;
    assert_eq!(registry::paths(&items), expected);
    let audit = items
        .keys()
        .filter(|(_, sk)| sk.starts_with("AUDIT#"))
        .count();
    assert_eq!(audit, 1);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn of_twenty_services_that_want_one_path_exactly_one_gets_it_and_the_others_leave_nothing()
-> Result<()> {
    let platform = LocalPlatform::start("one-path")?;
    let manifests: Vec<Value> = (0..20)
        .map(|n| json!({"service": format!("rival-{n}"), "path": "/wanted"}))
        .collect();
    let answers = at_once(&platform.client(), &manifests)?;
    let winners: Vec<usize> = (0..20).filter(|&n| answers[n].status == 201).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        let refusal = problem(answer, 409)?;
        assert!(refusal.r#type.ends_with("path-taken"), "{}", refusal.r#type);
        assert_eq!(refusal.errors[0].pointer, "/path");
    }
    let n = winners[0];
    platform.settled(&name(&format!("rival-{n}")))?;
    let items = platform.registry()?;
    let expected = BTreeMap::from([("/wanted".to_owned(), format!("rival-{n}/prod"))]);
    assert_eq!(registry::paths(&items), expected);
    let services: BTreeSet<&str> = items
        .keys()
        .filter_map(|(pk, _)| pk.strip_prefix("SERVICE#"))
        .collect();
    assert_eq!(services, BTreeSet::from([format!("rival-{n}").as_str()]));
    Ok(())
}
