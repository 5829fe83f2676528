//! What somebody deletes by hand is found, said, and put right unless the manifest forbids it.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use slipway_control::view::ServiceView;
use slipway_domain::status::{ConditionStatus, ConditionType};
use slipway_domain::{Cause, Condition, Deployment, Outcome, Phase, ServiceName};
use slipway_tests::local_platform::{LocalPlatform, SOON};
use slipway_tests::waiting::wait_for;

use crate::asking::{calls_of, manifest, name, patch, prod, register, stack_of};

/// Deletes the service in ECS past CloudFormation.
fn delete_in_ecs(platform: &LocalPlatform, service: &ServiceName) -> Result<()> {
    let ecs = service_in_ecs(platform, service)?;
    let target = "AmazonEC2ContainerServiceV20141113.DeleteService";
    let ask = json!({"cluster": ecs["clusterArn"], "service": ecs["serviceArn"], "force": true});
    platform.aws().json("ecs", target, &ask)?;
    Ok(())
}

/// The service as ECS describes it.
fn service_in_ecs(platform: &LocalPlatform, service: &ServiceName) -> Result<Value> {
    let view = platform.client().service(service)?.value;
    let outputs = &view.environments[&prod()].stack.outputs;
    let ask = json!({"cluster": outputs["Cluster"], "services": [outputs["ServiceName"]]});
    let target = "AmazonEC2ContainerServiceV20141113.DescribeServices";
    let answer = platform.aws().json("ecs", target, &ask)?;
    let found = answer["services"][0].clone();
    ensure!(!found.is_null(), "ECS does not know it: {answer}");
    Ok(found)
}

fn in_sync(service: &ServiceView) -> Result<Condition> {
    let conditions = &service.environments[&prod()].stack.conditions;
    let found = conditions
        .iter()
        .find(|condition| condition.r#type == ConditionType::InSync);
    found.cloned().context("the condition InSync")
}

/// Waits for a deployment that the control plane itself began to heal, and that is over.
fn healed(platform: &LocalPlatform, service: &ServiceName) -> Result<Deployment> {
    wait_for(&format!("{service} is healed"), SOON, || {
        let page = platform
            .client()
            .deployments(service, &prod(), None, None)?;
        let seen = format!("{:?}", page.items.first());
        let heals = |it: &Deployment| it.cause == Cause::Heal && it.outcome.is_some();
        Ok(page.items.into_iter().find(heals).ok_or(seen))
    })
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_service_deleted_in_ecs_is_found_by_the_round_and_made_again() -> Result<()> {
    let platform = LocalPlatform::start("healing")?;
    let client = platform.client();
    let service = name("healed");
    register(&client, &manifest("healed"))?;
    let before = platform.ready(&service)?;
    platform.quiet()?;
    delete_in_ecs(&platform, &service)?;

    platform.round()?;
    let deployment = healed(&platform, &service)?;
    assert!(
        matches!(deployment.outcome, Some(Outcome::Succeeded { .. })),
        "{deployment:#?}"
    );
    assert_eq!(deployment.actor, "slipway");
    let after = platform.ready(&service)?;
    assert_eq!(after.generation, before.generation, "nobody changed it");
    assert_eq!(in_sync(&after)?.status, ConditionStatus::True);
    assert_eq!(service_in_ecs(&platform, &service)?["status"], "ACTIVE");
    // The stack is the same, and CloudFormation put right what was missing in it.
    let stack = |view: &ServiceView| view.environments[&prod()].stack.stack_id.clone();
    assert_eq!(stack(&after), stack(&before));
    assert_eq!(calls_of(&platform, &service, "UpdateStack"), 0);
    assert!(calls_of(&platform, &service, "CreateChangeSet") >= 2);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn an_image_deployed_behind_a_deletion_in_ecs_comes_up() -> Result<()> {
    let platform = LocalPlatform::start("behind")?;
    let client = platform.client();
    let service = name("behind");
    register(&client, &manifest("behind"))?;
    platform.ready(&service)?;
    platform.quiet()?;
    // Nobody has found it yet, and CloudFormation cannot update what is not there.
    delete_in_ecs(&platform, &service)?;
    patch(&client, &service, &json!({"image": "nginx:1.27"}))?;
    platform.ready(&service)?;
    assert_eq!(service_in_ecs(&platform, &service)?["status"], "ACTIVE");
    platform.slots_given_back("")
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn what_may_not_be_repaired_is_only_said() -> Result<()> {
    let platform = LocalPlatform::start("unrepaired")?;
    let client = platform.client();
    let service = name("hands-off");
    let mut document = manifest("hands-off");
    document["repair"] = false.into();
    register(&client, &document)?;
    platform.ready(&service)?;
    platform.quiet()?;
    let before = calls_of(&platform, &service, "CreateChangeSet");
    delete_in_ecs(&platform, &service)?;

    platform.round()?;
    let view = wait_for("the loss is said", SOON, || {
        let view = client.service(&service)?.value;
        let condition = in_sync(&view)?;
        let found = condition.status == ConditionStatus::False;
        Ok(if found {
            Ok(view)
        } else {
            Err(format!("{condition:?}"))
        })
    })?;
    let condition = in_sync(&view)?;
    assert!(
        condition.message.contains("Somebody deleted"),
        "{}",
        condition.message
    );
    let stack = &view.environments[&prod()].stack;
    assert_eq!(stack.phase, Phase::Failed, "nothing runs");
    let advice = stack.advice.as_deref().unwrap_or_default();
    assert!(advice.contains("repair: true"), "{advice}");
    let needy = client.all_services_in_need(None)?;
    assert_eq!(needy.len(), 1);
    assert_eq!(needy[0].name, service);
    platform.quiet()?;
    assert_eq!(
        calls_of(&platform, &service, "CreateChangeSet"),
        before,
        "nothing was done"
    );

    // Whoever allows it later has it put right.
    patch(&client, &service, &json!({"repair": true}))?;
    let ready = platform.ready(&service)?;
    assert_eq!(in_sync(&ready)?.status, ConditionStatus::True);
    assert_eq!(service_in_ecs(&platform, &service)?["status"], "ACTIVE");
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_stack_deleted_by_hand_is_made_again() -> Result<()> {
    let platform = LocalPlatform::start("gone")?;
    let client = platform.client();
    let service = name("risen");
    register(&client, &manifest("risen"))?;
    let before = platform.ready(&service)?;
    platform.quiet()?;
    let stack = stack_of(&service);
    platform
        .aws()
        .query("cloudformation", "DeleteStack", &[("StackName", &stack)])?;

    let deployment = healed(&platform, &service)?;
    assert!(
        matches!(deployment.outcome, Some(Outcome::Succeeded { .. })),
        "{deployment:#?}"
    );
    let after = platform.ready(&service)?;
    assert_eq!(after.generation, before.generation);
    let id = |view: &ServiceView| view.environments[&prod()].stack.stack_id.clone();
    assert_ne!(id(&after), id(&before), "another stack");
    assert_eq!(service_in_ecs(&platform, &service)?["status"], "ACTIVE");
    platform.slots_given_back("")
}
