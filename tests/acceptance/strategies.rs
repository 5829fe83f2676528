//! Strategies that move traffic: where it goes is ECS's to say, whatever else changes in a stack.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use slipway_cli::client::new_key;
use slipway_control::view::ServiceView;
use slipway_domain::{Phase, ServiceName};
use slipway_local_cloud::TaskFailure;
use slipway_tests::aws::texts;
use slipway_tests::local_platform::{LocalPlatform, SOON, shared};
use slipway_tests::waiting::wait_for;

use crate::asking::{name, patch, prod, register};

fn output(service: &ServiceView, key: &str) -> Option<String> {
    let stack = &service.environments[&prod()].stack;
    stack.outputs.get(key).cloned()
}

/// What the listener rule says: its groups with their weights, in the order of the outputs.
fn live(platform: &LocalPlatform, service: &ServiceName) -> Result<String> {
    let view = platform.client().service(service)?.value;
    let rule = output(&view, "ListenerRule").context("a rule")?;
    let which = [("RuleArns.member.1", rule.as_str())];
    let text = platform
        .aws()
        .query("elasticloadbalancing", "DescribeRules", &which)?;
    let groups = texts(&text, "TargetGroupArn")?;
    let wanted = ["TargetGroup", "AlternateTargetGroup"].map(|key| output(&view, key));
    ensure!(
        groups
            .iter()
            .map(Some)
            .eq(wanted.iter().map(Option::as_ref)),
        "{text}"
    );
    Ok(texts(&text, "Weight")?.join("/"))
}

/// Waits until the stack's own template says what is live.
fn followed(platform: &LocalPlatform, service: &ServiceName, weights: &str) -> Result<()> {
    wait_for(&format!("the template of {service} follows"), SOON, || {
        let view = platform.ready(service)?;
        let says = output(&view, "Weights").unwrap_or_default();
        Ok(if says == weights { Ok(()) } else { Err(says) })
    })
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn no_update_of_a_stack_moves_traffic() -> Result<()> {
    let platform = LocalPlatform::start("strategies")?;
    let client = platform.client();
    let service = name("shifted");
    let manifest = json!({
        "service": "shifted", "image": "nginx:alpine",
        "deploy": {"strategy": "blue-green", "bake": 0}
    });
    register(&client, &manifest)?;
    platform.ready(&service)?;
    assert_eq!(live(&platform, &service)?, "100/0");

    // A deployment moves it: ECS does.
    patch(&client, &service, &json!({"image": "nginx:1.27"}))?;
    platform.ready(&service)?;
    assert_eq!(live(&platform, &service)?, "0/100");
    followed(&platform, &service, "0/100")?;
    assert_eq!(live(&platform, &service)?, "0/100");

    // What changes the rule itself does not.
    patch(&client, &service, &json!({"strip_path": false}))?;
    platform.ready(&service)?;
    assert_eq!(live(&platform, &service)?, "0/100");

    // Nor does a deployment that fails, with a rule that is taken back.
    let crash = TaskFailure::exits(1, &["no"]);
    platform.faults().tasks_fail(service.as_str(), crash, 1);
    let broken = json!({"image": "nginx:broken", "strip_path": true});
    patch(&client, &service, &broken)?;
    let failed = platform.settled(&service)?;
    assert_eq!(failed.environments[&prod()].stack.phase, Phase::Failed);
    assert_eq!(live(&platform, &service)?, "0/100");

    // The next one moves it again.
    patch(&client, &service, &json!({"image": "nginx:1.28"}))?;
    platform.ready(&service)?;
    followed(&platform, &service, "100/0")?;
    assert_eq!(live(&platform, &service)?, "100/0");
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_service_that_goes_back_to_rolling_keeps_the_group_with_the_traffic() -> Result<()> {
    let platform = LocalPlatform::start("leaving")?;
    let client = platform.client();
    let service = name("leaving");
    let manifest = json!({
        "service": "leaving", "image": "nginx:alpine", "deploy": {"strategy": "canary"}
    });
    register(&client, &manifest)?;
    platform.ready(&service)?;
    patch(&client, &service, &json!({"image": "nginx:1.27"}))?;
    platform.ready(&service)?;
    followed(&platform, &service, "0/100")?;
    let before = client.service(&service)?.value;
    let second = output(&before, "AlternateTargetGroup").context("a second group")?;

    for change in [
        json!({"deploy": {"strategy": "rolling"}}),
        json!({"image": "nginx:1.28"}),
    ] {
        patch(&client, &service, &change)?;
        let after = platform.ready(&service)?;
        assert_eq!(output(&after, "TargetGroup").as_ref(), Some(&second));
        assert_eq!(output(&after, "AlternateTargetGroup"), None);
    }
    let groups = platform
        .aws()
        .query("elasticloadbalancing", "DescribeTargetGroups", &[])?;
    assert_eq!(texts(&groups, "TargetGroupArn")?, [second]);
    Ok(())
}

/// Which version callers reach, and the version that the stack says.
fn versions(platform: &LocalPlatform, view: &ServiceView) -> Result<[String; 2]> {
    let function = output(view, "Function").context("a function")?;
    let path = format!("/2015-03-31/functions/{function}/aliases/live");
    let alias = platform.aws().get("lambda", &path)?;
    let live = alias["FunctionVersion"].as_str().context("a version")?;
    let rendered = output(view, "Version").context("a version")?;
    Ok([live.to_owned(), rendered])
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_function_with_steps_is_deployed_and_deployed_again() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("stepping");
    let manifest = json!({
        "service": "stepping", "kind": "function", "dashboard": true,
        "alarms": {"on": ["errors", "throttles", "timeout"], "errors": 0},
        "deploy": {
            "strategy": "canary", "canary": {"percent": 20, "bake": 2},
            "alarms": ["errors", "response_time"],
        },
    });
    register(&client, &manifest)?;
    platform.settled(&service)?;
    let deployments = || client.deployments(&service, &prod(), None, None);
    platform.push_image(&service, "v1")?;
    wait_for("the first image is deployed", SOON, || {
        Ok(match deployments()?.items.first() {
            Some(one) if one.has_succeeded() => Ok(()),
            other => Err(format!("{other:?}")),
        })
    })?;
    let first = platform.ready(&service)?;
    assert_eq!(versions(&platform, &first)?, ["1", "1"]);

    let image = deployments()?.items[0].artifact.to_string();
    let (repository, _) = image.split_once(":v1").context("the tag")?;
    platform.push_image(&service, "v2")?;
    let second = format!("{repository}:v2").parse()?;
    client.deploy(&service, &prod(), &second, &new_key())?;
    let ready = platform.ready(&service)?;
    assert_eq!(versions(&platform, &ready)?, ["2", "2"]);
    let all = deployments()?.items;
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[0].has_succeeded(), "{:?}", all[0]);
    let steps: Vec<&str> = all[0].steps.iter().map(|it| &*it.name).collect();
    assert_eq!(steps.last(), Some(&"ready"), "{steps:?}");
    assert!(steps.contains(&"updating the stack"), "{steps:?}");

    client.delete(&service, &client.service(&service)?.etag)?;
    platform.gone(&service)
}
