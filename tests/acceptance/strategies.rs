//! Strategies that move traffic: where it goes is ECS's to say, whatever else changes in a stack.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use slipway_control::view::ServiceView;
use slipway_domain::{Phase, ServiceName};
use slipway_local_cloud::TaskFailure;
use slipway_tests::aws::texts;
use slipway_tests::local_platform::{LocalPlatform, SOON};
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
