//! How many calls to AWS each request makes, counted in front of AWS.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use serde_json::json;
use slipway_cli::client::new_key;
use slipway_control::upgrade::UpgradeState;
use slipway_tests::local_platform::{LocalPlatform, SOON};
use slipway_tests::waiting::wait_for;

use crate::asking::{manifest, name, prod, register};

/// What a function called, by operation.
pub(crate) type Count = BTreeMap<String, usize>;

/// Counts the calls of one function while `work` is done.
pub(crate) fn count(
    platform: &LocalPlatform,
    function: &str,
    work: impl FnOnce() -> Result<()>,
) -> Result<Count> {
    let before = platform.cloud().calls().len();
    work()?;
    Ok(count_since(platform, function, before))
}

/// The calls of a function behind the first `before` calls of all.
pub(crate) fn count_since(platform: &LocalPlatform, function: &str, before: usize) -> Count {
    let mut count = Count::new();
    for call in platform.cloud().calls().into_iter().skip(before) {
        if call.caller == function {
            let operation = format!("{}:{}", call.service, call.operation);
            *count.entry(operation).or_default() += 1;
        }
    }
    count
}

pub(crate) fn total(count: &Count) -> usize {
    count.values().sum()
}

pub(crate) fn told(what: &str, count: &Count) -> String {
    let mut line = format!("{what}: {} calls", total(count));
    for (operation, times) in count {
        // Writing to a `String` does not fail.
        let _ = write!(line, ", {times} {operation}");
    }
    line
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn the_api_makes_one_call_to_read_one_to_register_and_two_to_change() -> Result<()> {
    let platform = LocalPlatform::start("calls")?;
    let client = platform.client();
    let service = name("counted");
    let mut lines = Vec::new();
    let mut calls =
        |what: &str, expected: usize, work: &mut dyn FnMut() -> Result<()>| -> Result<()> {
            let mut count = count(&platform, "slipway-api", work)?;
            // Quotas are asked for what is new, all at the same time: how many calls that takes
            // depends on how much of each there is.
            let quotas = [
                "ecs:",
                "iam:",
                "servicequotas:",
                "monitoring:",
                "cloudformation:",
            ];
            let balancing = "elasticloadbalancing:";
            let asked = count.keys().any(|it| it.starts_with("servicequotas:"));
            lines.push(told(what, &count));
            if asked {
                assert!(total(&count) <= expected + 16, "{}", told(what, &count));
                count.retain(|it, _| {
                    let quota = quotas.iter().any(|of| it.starts_with(of));
                    !quota && !it.starts_with(balancing) && it != "apigateway:GetIntegrations"
                });
            }
            let all = told(what, &count);
            assert!(
                total(&count) == expected || asked && total(&count) <= expected + 2,
                "{all}"
            );
            Ok(())
        };
    calls("health", 0, &mut || Ok(client.health().map(drop)?))?;
    calls("openapi", 0, &mut || Ok(client.openapi().map(drop)?))?;
    calls("register", 1, &mut || {
        register(&client, &manifest("counted")).map(drop)
    })?;
    // The second tells whether it is being deleted.
    calls("register what is there", 2, &mut || {
        assert!(register(&client, &manifest("counted")).is_err());
        Ok(())
    })?;
    platform.ready(&service)?;
    calls("get", 1, &mut || Ok(client.service(&service).map(drop)?))?;
    calls("a page of the list", 1, &mut || {
        Ok(client.services(None, None, None).map(drop)?)
    })?;
    calls("template", 1, &mut || {
        Ok(client.template(&service, Some(&prod())).map(drop)?)
    })?;
    calls("generations", 1, &mut || {
        Ok(client.generations(&service, None).map(drop)?)
    })?;
    calls("events", 1, &mut || {
        Ok(client.events(&service, None).map(drop)?)
    })?;
    calls("deployments", 1, &mut || {
        Ok(client
            .deployments(&service, &prod(), None, None)
            .map(drop)?)
    })?;
    // What runs is asked of ECS and Application Auto Scaling.
    calls("environment", 3, &mut || {
        Ok(client.environment(&service, &prod()).map(drop)?)
    })?;
    calls("put that is new", 2, &mut || {
        Ok(client.put(&name("put-new"), &json!({}), None).map(drop)?)
    })?;
    calls("put", 2, &mut || {
        Ok(client
            .put(&service, &json!({"port": 81}), Some("*"))
            .map(drop)?)
    })?;
    calls("patch", 2, &mut || {
        Ok(client
            .patch(&service, &json!({"port": 82}), "*")
            .map(drop)?)
    })?;
    calls("deploy", 2, &mut || {
        let image = "nginx:1.27".parse()?;
        Ok(client
            .deploy(&service, &prod(), &image, &new_key())
            .map(drop)?)
    })?;
    // The service, who holds its path, and the routes of the HTTP API.
    calls("plan of a new service", 3, &mut || {
        Ok(client.plan(&manifest("other")).map(drop)?)
    })?;
    calls("plan", 1, &mut || {
        Ok(client.plan(&manifest("counted")).map(drop)?)
    })?;
    // The last two remove the secrets of its webhooks and the key that signs its notices.
    calls("delete", 4, &mut || {
        Ok(client.delete(&service, "*").map(drop)?)
    })?;
    calls("refused", 0, &mut || {
        assert!(register(&client, &json!({"service": "A"})).is_err());
        Ok(())
    })?;
    println!("{}", lines.join("\n"));
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn the_reconciler_makes_few_calls_for_a_service_and_none_that_change_once_it_is_settled()
-> Result<()> {
    let platform = LocalPlatform::start("settling")?;
    let client = platform.client();
    let service = name("settled");
    let one = |what: &str, at_most: usize, work: &mut dyn FnMut() -> Result<()>| -> Result<Count> {
        let count = count(&platform, "slipway-reconciler", || {
            work()?;
            platform.ready(&service)?;
            platform.quiet()
        })?;
        println!("{}", told(what, &count));
        assert!(total(&count) <= at_most, "{}", told(what, &count));
        Ok(count)
    };
    let made = one("two stacks made", 110, &mut || {
        register(&client, &manifest("settled")).map(drop)
    })?;
    assert_eq!(made.get("cloudformation:CreateChangeSet"), Some(&2));
    assert_eq!(made.get("cloudformation:ExecuteChangeSet"), Some(&2));
    assert_eq!(made.get("cloudformation:DescribeStackEvents"), None);
    let changed = one("one stack updated", 60, &mut || {
        Ok(client
            .patch(&service, &json!({"memory": 1024}), "*")
            .map(drop)?)
    })?;
    assert_eq!(changed.get("cloudformation:UpdateStack"), Some(&1));

    // The first version's upgrade begins and ends with the first sweeps, and then rests.
    wait_for("the first upgrade rests", SOON, || {
        platform.sweep()?;
        let upgrade = client.upgrade()?;
        Ok(if upgrade.state == UpgradeState::Done {
            Ok(())
        } else {
            Err(format!("{upgrade:?}"))
        })
    })?;
    let before = platform.registry()?;
    let sweeps = count(&platform, "slipway-reconciler", || {
        for _ in 0..3 {
            platform.sweep()?;
        }
        Ok(())
    })?;
    println!("{}", told("three sweeps over settled stacks", &sweeps));
    let reading = ["Describe", "Get", "List", "Query"];
    let changing: Vec<&String> = sweeps
        .keys()
        .filter(|call| {
            let operation = call.split_once(':').map_or("", |(_, operation)| operation);
            !reading.iter().any(|prefix| operation.starts_with(prefix))
        })
        .collect();
    assert_eq!(changing, Vec::<&String>::new());
    // What is due, who holds slots, and the upgrade; a sweep of the schedule may come between.
    assert!(total(&sweeps) <= 4 * 3, "{}", told("sweeps", &sweeps));
    assert_eq!(platform.registry()?, before);
    Ok(())
}
