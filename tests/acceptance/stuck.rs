//! Operations that do not come to their end by themselves, and how the control plane ends them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use slipway_control::view::ServiceView;
use slipway_domain::{Outcome, Phase, ServiceName};
use slipway_local_cloud::Fault;
use slipway_tests::local_platform::{LocalPlatform, SOON, describe, shared};
use slipway_tests::waiting::wait_for;

use crate::asking::{calls_of, manifest, name, patch, prod, register, rule};

const ECS_SERVICE: &str = "AWS::ECS::Service";

/// A rest before each deletion but the first, four to sixteen seconds, on a slow machine.
const DELETIONS: Duration = Duration::from_mins(3);

fn hangs() -> Fault {
    Fault::Hang {
        kind: ECS_SERVICE.to_owned(),
    }
}

/// Waits until the environment's update runs.
fn updating(platform: &LocalPlatform, service: &ServiceName) -> Result<ServiceView> {
    wait_for(&format!("{service} is being updated"), SOON, || {
        let view = platform.client().service(service)?.value;
        let runs = view.environments[&prod()].stack.phase == Phase::Updating
            && calls_of(platform, service, "UpdateStack") > 0;
        Ok(if runs { Ok(view) } else { Err(describe(&view)) })
    })
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_newer_image_takes_the_place_of_an_update_that_hangs() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("overtaken");
    register(&client, &manifest("overtaken"))?;
    platform.ready(&service)?;
    platform
        .faults()
        .add(rule(&service, "UpdateStack", hangs(), 1));
    patch(&client, &service, &json!({"image": "nginx:1.26"}))?;
    let hanging = updating(&platform, &service)?.environments[&prod()]
        .deployment
        .context("a deployment")?;

    // The deadline of 45 minutes is far away: nothing but what is newer ends the update.
    patch(&client, &service, &json!({"image": "nginx:1.27"}))?;
    let ready = platform.ready(&service)?;
    assert_eq!(
        ready.environments[&prod()].image,
        Some("nginx:1.27".parse()?)
    );
    let former = client.deployment(&service, &prod(), hanging)?;
    assert!(
        matches!(former.outcome, Some(Outcome::Superseded { .. })),
        "{former:#?}"
    );
    // Two looks at the same moment may both ask for it, and the SDK asks again by itself.
    assert!(calls_of(&platform, &service, "CancelUpdateStack") >= 1);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_rollback_that_failed_is_continued_by_itself() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("continued");
    register(&client, &manifest("continued"))?;
    platform.ready(&service)?;
    let fails = Fault::FailRollback {
        kind: ECS_SERVICE.to_owned(),
        message: "Exceeded attempts to wait".to_owned(),
    };
    platform
        .faults()
        .add(rule(&service, "UpdateStack", hangs(), 1));
    platform
        .faults()
        .add(rule(&service, "CancelUpdateStack", fails, 1));
    patch(&client, &service, &json!({"image": "nginx:1.26"}))?;
    updating(&platform, &service)?;
    patch(&client, &service, &json!({"image": "nginx:1.27"}))?;

    platform.ready(&service)?;
    assert!(calls_of(&platform, &service, "ContinueUpdateRollback") >= 1);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn what_cannot_be_deleted_is_left_behind_at_last_and_the_audit_log_names_it() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("sticky");
    register(&client, &manifest("sticky"))?;
    platform.ready(&service)?;
    let fails = Fault::FailDeletion {
        kinds: vec!["AWS::EC2::SecurityGroup".to_owned()],
        message: "resource sg-1 has a dependent object".to_owned(),
    };
    platform
        .faults()
        .add(rule(&service, "DeleteStack", fails, 100));
    client.delete(&service, "*")?;
    wait_for("the service goes", DELETIONS, || {
        Ok(match client.find_service(&service)? {
            None => Ok(()),
            Some(view) => Err(describe(&view.value)),
        })
    })?;

    let left = platform.resources()?;
    let stacks = left.names("stack");
    assert!(
        !stacks.iter().any(|stack| stack.contains("--sticky")),
        "{stacks:?}"
    );
    let entries = client.events(&service, None)?.items;
    let entry = entries
        .iter()
        .find(|entry| entry.action == "leave-behind")
        .context("an entry of what was left behind")?;
    assert_eq!(entry.actor, "slipway");
    let note = entry.note.as_deref().unwrap_or_default();
    assert!(note.contains("AWS::EC2::SecurityGroup"), "{note}");
    assert!(note.contains("devops2-g4--sticky--prod"), "{note}");
    // Three that fail, and one that leaves behind.
    assert!(calls_of(&platform, &service, "DeleteStack") >= 4);
    Ok(())
}
