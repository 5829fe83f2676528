//! Many services: what settles one costs the same whatever else there is, and what is settled
//! costs next to nothing.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use slipway_control::round::CHECKS;
use slipway_control::upgrade::UpgradeState;
use slipway_domain::Phase;
use slipway_local_cloud::Delivery;
use slipway_tests::local_platform::LocalPlatform;
use slipway_tests::waiting::wait_for;

use crate::asking::{name, register};
use crate::calls::{count, told, total};

/// Most have no image, and so a repository and nothing else: two hundred environments would keep
/// the emulator busy for minutes, and cost a look, a sweep and a round no more than these.
const SERVICES: usize = 200;

/// One in so many has an image.
const RUNS: usize = 20;

/// How many callers register them.
const CALLERS: usize = 4;

/// How long all may take to settle on a busy machine.
const LONGEST: Duration = Duration::from_mins(6);

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn two_hundred_services_settle_and_then_cost_a_sweep_three_calls_and_a_round_pages() -> Result<()> {
    let many = [("MaxStackOperations", "20")];
    let platform = LocalPlatform::start_as("two-hundred", &many, |options| options)?;
    let began = Instant::now();
    let made = count(&platform, "slipway-reconciler", || {
        register_all(&platform)?;
        all_settle(&platform)?;
        platform.quiet()
    })?;
    println!("{}", told("200 services settled", &made));
    println!(
        "{} calls for each service; {:.0} s",
        total(&made) / SERVICES,
        began.elapsed().as_secs_f64()
    );

    // The first version's upgrade goes through all services once, and then rests.
    wait_for("the upgrade has seen every service", LONGEST, || {
        platform.sweep()?;
        let upgrade = platform.client().upgrade()?;
        Ok(if upgrade.state == UpgradeState::Done {
            Ok(())
        } else {
            Err(format!("{upgrade:?}"))
        })
    })?;
    platform.quiet()?;
    for _ in 0..3 {
        let sweep = count(&platform, "slipway-reconciler", || platform.sweep())?;
        println!("{}", told("a sweep over 200 settled services", &sweep));
        // What is due, who holds slots, and the upgrade; the schedule's own sweep may fall into it.
        assert!(
            [3, 6].contains(&total(&sweep)),
            "{}",
            told("a sweep", &sweep)
        );
    }
    // Without the looks that the ends of the checks ask for.
    platform.cloud().set_delivery(Delivery {
        dropped: 1.0,
        ..Delivery::default()
    });
    let round = count(&platform, "slipway-reconciler", || platform.round())?;
    println!("{}", told("a round over 200 settled services", &round));
    let checks = round.get("cloudformation:DetectStackDrift");
    assert_eq!(checks, Some(&CHECKS), "{}", told("a round", &round));
    let pages = total(&round) - CHECKS;
    // Pages of stacks and of services, and a sweep of the schedule.
    assert!(pages <= 12, "{}", told("a round", &round));
    Ok(())
}

fn register_all(platform: &LocalPlatform) -> Result<()> {
    let caller = |first: usize| -> Result<()> {
        let client = platform.client();
        for n in (first..SERVICES).step_by(CALLERS) {
            let service = format!("crowd-{n}");
            // One HTTP API has routes and integrations for some 130 services: most have no path.
            let document = if n.is_multiple_of(RUNS) {
                json!({"service": service, "image": "nginx:alpine"})
            } else {
                json!({"service": service, "ingress": "none"})
            };
            register(&client, &document)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|first| scope.spawn(move || caller(first)))
            .collect();
        callers
            .into_iter()
            .try_for_each(|it| it.join().ok().context("a caller panicked")?)
    })
}

/// Waits until the listing says that every environment is settled, and every repository is there.
fn all_settle(platform: &LocalPlatform) -> Result<()> {
    let client = platform.client();
    wait_for("everything settles", LONGEST, || {
        let services = client.all_services(None)?;
        ensure!(services.len() == SERVICES, "{} services", services.len());
        let environments = services.iter().flat_map(|it| it.environments.values());
        let moving = environments.filter(|it| !it.phase.is_settled()).count();
        Ok(if moving == 0 {
            Ok(())
        } else {
            Err(format!("{moving} are on their way"))
        })
    })?;
    wait_for("every repository is there", LONGEST, || {
        let found = platform.resources()?.names("repository").len();
        Ok(if found == SERVICES {
            Ok(())
        } else {
            Err(format!("{found} repositories"))
        })
    })?;
    for n in 0..SERVICES {
        let service = platform.settled_within(&name(&format!("crowd-{n}")), LONGEST)?;
        let expected = if n.is_multiple_of(RUNS) {
            Phase::Ready
        } else {
            Phase::Waiting
        };
        for environment in service.environments.values() {
            ensure!(environment.stack.phase == expected, "{environment:#?}");
        }
    }
    Ok(())
}
