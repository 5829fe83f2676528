//! What cannot succeed is not begun, and what ran before comes back in one call.

use anyhow::{Context as _, Result};
use serde_json::json;
use slipway_cli::client::new_key;
use slipway_domain::{Deployment, Outcome, Phase, ServiceName};
use slipway_local_cloud::Quota;
use slipway_tests::local_platform::LocalPlatform;

use crate::asking::{name, prod, register};

/// The newest deployment of an environment that has come to rest, and its stack's message.
fn newest(platform: &LocalPlatform, service: &ServiceName) -> Result<(Deployment, String)> {
    let view = platform.settled(service)?;
    let environment = &view.environments[&prod()];
    let id = environment.deployment.context("a deployment")?;
    let deployment = platform.client().deployment(service, &prod(), id)?;
    Ok((deployment, environment.stack.message.clone()))
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn g2_what_cannot_succeed_touches_no_stack_and_says_all_reasons_at_once() -> Result<()> {
    let platform = LocalPlatform::start("refused")?;
    let client = platform.client();
    let service = name("doomed");
    platform.faults().set_quota(Quota::LoadBalancers, 0);
    let document = json!({
        "service": "doomed",
        "image": "nginx:missing-1",
        "secrets": {"KEY": "ssm:/devops2-g4/doomed/key"},
    });
    let checks = client.plan(&document)?.checks;
    let failed = checks.iter().filter(|it| {
        let verdict = it.verdict;
        verdict == slipway_control::preflight::Outcome::Failed
    });
    assert_eq!(failed.count(), 3, "{checks:#?}");

    register(&client, &document)?;
    let (deployment, message) = newest(&platform, &service)?;
    let Some(Outcome::Failed { reason, .. }) = &deployment.outcome else {
        anyhow::bail!("{deployment:#?}");
    };
    for part in [
        "nginx:missing-1",
        "/devops2-g4/doomed/key",
        "load balancers",
    ] {
        assert!(message.contains(part), "{part}: {message}");
        assert!(reason.contains(part), "{part}: {reason}");
    }
    let calls = platform.cloud().calls();
    let made = calls.iter().filter(|it| it.operation == "CreateChangeSet");
    assert_eq!(made.count(), 1, "that of its repository");

    // What was in the way is put right, and the next deployment begins.
    platform.faults().set_quota(Quota::LoadBalancers, 50);
    platform.aws().make_parameter("/devops2-g4/doomed/key")?;
    client.deploy(&service, &prod(), &"nginx:1.27".parse()?, &new_key())?;
    platform.ready(&service)?;
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn g8_a_refused_image_leaves_what_runs_and_one_call_brings_back_what_ran() -> Result<()> {
    let platform = LocalPlatform::start("brought-back")?;
    let client = platform.client();
    let service = name("returning");
    register(
        &client,
        &json!({"service": "returning", "image": "nginx:1.27"}),
    )?;
    platform.ready(&service)?;
    let (first, _) = newest(&platform, &service)?;
    assert!(first.artifact.is_pinned(), "{first:#?}");

    // For other processors than the manifest's.
    client.deploy(
        &service,
        &prod(),
        &"nginx:arm64-only-1".parse()?,
        &new_key(),
    )?;
    let (refused, message) = newest(&platform, &service)?;
    assert!(matches!(refused.outcome, Some(Outcome::Failed { .. })));
    assert!(message.contains("linux/arm64"), "{message}");
    let view = client.service(&service)?.value;
    assert_eq!(view.environments[&prod()].stack.phase, Phase::Failed);

    client.deploy(&service, &prod(), &"nginx:1.28".parse()?, &new_key())?;
    platform.ready(&service)?;
    let plan = client.plan_rollback(&service, &prod(), None)?;
    let changes = &plan.stacks["devops2-g4--returning--prod"].changes;
    assert_eq!(changes[0].logical_id, "TaskDefinition");
    client.rollback(&service, &prod(), None, &new_key())?;
    platform.ready(&service)?;
    let (back, _) = newest(&platform, &service)?;
    assert_eq!(back.artifact, first.artifact);
    assert_eq!(back.cause, slipway_domain::Cause::Rollback);

    // And the same once more, with new tasks.
    let tasks = |platform: &LocalPlatform| -> Result<Option<String>> {
        let view = platform.ready(&service)?;
        let outputs = &view.environments[&prod()].stack.outputs;
        Ok(outputs.get("TaskDefinition").cloned())
    };
    let before = tasks(&platform)?;
    client.redeploy(&service, &prod(), &new_key())?;
    assert_ne!(tasks(&platform)?, before);
    Ok(())
}
