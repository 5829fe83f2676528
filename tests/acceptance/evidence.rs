//! Tasks that do not come up: what ECS, the load balancer and the program said of it reaches the
//! people who deployed.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use slipway_cli::client::Call;
use slipway_domain::{Deployment, Outcome, Phase, ServiceName};
use slipway_local_cloud::TaskFailure;
use slipway_tests::local_platform::{LocalPlatform, shared};

use crate::asking::{manifest, name, patch, prod, register};

const CANARY: &str = "canary-51b0a7e2";

/// Deploys an image whose tasks fail like this; the deployment when it is over.
///
/// Evidence is gathered within seconds or not at all, and on a busy machine an answer may come
/// later: then another image is deployed, three at most.
fn fails_with(
    platform: &LocalPlatform,
    service: &ServiceName,
    failure: &TaskFailure,
) -> Result<Deployment> {
    let mut last = failed_deployment(platform, service, failure, 0)?;
    for n in 1..3 {
        let evidence = &last.evidence;
        if !evidence.tasks.is_empty() && !evidence.log.is_empty() && !evidence.resources.is_empty()
        {
            break;
        }
        last = failed_deployment(platform, service, failure, n)?;
    }
    Ok(last)
}

fn failed_deployment(
    platform: &LocalPlatform,
    service: &ServiceName,
    failure: &TaskFailure,
    n: u32,
) -> Result<Deployment> {
    let client = platform.client();
    let faults = platform.faults();
    faults.tasks_fail(service.as_str(), failure.clone(), 1);
    let image = format!("nginx:1.26.{n}");
    patch(&client, service, &json!({"image": image}))?;
    let view = platform.settled(service)?;
    let environment = &view.environments[&prod()];
    assert_eq!(
        environment.stack.phase,
        Phase::Failed,
        "{}",
        environment.stack.message
    );
    let id = environment.deployment.context("a deployment")?;
    let deployment = client.deployment(service, &prod(), id)?;
    assert!(
        matches!(deployment.outcome, Some(Outcome::Failed { .. })),
        "{deployment:#?}"
    );
    Ok(deployment)
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_program_that_crashes_is_told_with_its_exit_code_and_its_last_lines() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("crashing");
    let mut document = manifest("crashing");
    document["environment"] = json!({"PLAIN": CANARY});
    platform.aws().make_parameter("/devops2-g4/crashing/key")?;
    document["secrets"] = json!({"KEY": "ssm:/devops2-g4/crashing/key"});
    document["team"] = "crash".into();
    register(&client, &document)?;
    platform.ready(&service)?;
    let crash = TaskFailure::exits(3, &["starting", "no database at db.internal"]);
    let deployment = fails_with(&platform, &service, &crash)?;

    let evidence = &deployment.evidence;
    let tasks = evidence.tasks.join("\n");
    assert!(
        tasks.contains("Essential container in task exited"),
        "{evidence:#?}"
    );
    assert!(tasks.contains("exit code 3"), "{evidence:#?}");
    let log = evidence.log.join("\n");
    assert!(log.contains("no database at db.internal"), "{evidence:#?}");
    assert!(!evidence.resources.is_empty(), "{evidence:#?}");

    // The API shows the same, and of what the task was given nothing.
    let path = format!(
        "/services/{service}/environments/prod/deployments/{}",
        deployment.id
    );
    let answer = client.send(&Call::get(path))?;
    let shown: Value = serde_json::from_slice(&answer.body)?;
    assert_eq!(shown["evidence"], serde_json::to_value(evidence)?);
    for secret in [CANARY, "devops2-g4/crashing/key"] {
        assert!(!shown.to_string().contains(secret), "{secret}: {shown}");
    }

    let team = "crash".parse()?;
    let needy = client.all_services_in_need(Some(&team))?;
    assert_eq!(needy.len(), 1);
    let listed = &needy[0].environments[&prod()];
    assert_eq!(listed.phase, Phase::Failed);
    assert!(listed.advice.is_some(), "{listed:?}");

    // With an image that works, nobody is needed any more.
    patch(&client, &service, &json!({"image": "nginx:1.27"}))?;
    platform.ready(&service)?;
    assert!(client.all_services_in_need(Some(&team))?.is_empty());
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_health_check_that_fails_is_told_with_what_the_program_answered() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("unhealthy");
    register(&client, &manifest("unhealthy"))?;
    platform.ready(&service)?;
    let failure = TaskFailure::unhealthy(500, &["GET / 500"]);
    let deployment = fails_with(&platform, &service, &failure)?;
    let evidence = &deployment.evidence;
    let targets = evidence.targets.join("\n");
    assert!(targets.contains("codes: [500]"), "{evidence:#?}");
    let tasks = evidence.tasks.join("\n");
    assert!(tasks.contains("health checks"), "{evidence:#?}");
    assert_eq!(evidence.log, ["GET / 500"]);
    Ok(())
}
