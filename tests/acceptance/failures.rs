//! What goes wrong on AWS's side, and what becomes of it.

use anyhow::{Context as _, Result};
use serde_json::json;
use slipway_cli::client::Call;
use slipway_domain::{Outcome, Phase, ServiceName};
use slipway_local_cloud::{Fault, Rule};
use slipway_tests::local_platform::{LocalPlatform, shared};

use crate::asking::{manifest, name, patch, post, problem, prod, register, rule};

const REASON: &str = "Resource handler returned message: \"The image cannot be pulled\"";

fn fails(operation: &str, service: &ServiceName, times: usize) -> Rule {
    let fault = Fault::FailResource {
        kind: "AWS::ECS::Service".to_owned(),
        message: REASON.to_owned(),
    };
    rule(service, operation, fault, times)
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_stack_that_fails_is_cleaned_up_with_its_reason_told_and_the_next_change_recovers() -> Result<()>
{
    let platform = shared()?;
    let client = platform.client();
    let service = name("unlucky");
    platform.faults().add(fails("CreateChangeSet", &service, 1));
    register(&client, &manifest("unlucky"))?;

    let failed = platform.settled(&service)?;
    let environment = &failed.environments[&prod()];
    assert_eq!(environment.stack.phase, Phase::Failed);
    assert!(
        environment.stack.message.contains("cannot be pulled"),
        "{}",
        environment.stack.message
    );
    let id = environment.deployment.context("a deployment")?;
    let deployment = client.deployment(&service, &prod(), id)?;
    let Some(Outcome::Failed { reason, .. }) = &deployment.outcome else {
        panic!("{deployment:#?}");
    };
    assert!(reason.contains("The image cannot be pulled"), "{reason}");
    assert!(reason.contains("Service"), "which resource: {reason}");
    let left = platform.resources()?;
    assert!(
        !left.names("stack").contains(&"devops2-g4--unlucky--prod"),
        "cleaned up"
    );
    assert!(!left.names("route").contains(&"ANY /unlucky"));
    platform.slots_given_back("unlucky")?;

    patch(&client, &service, &json!({"image": "nginx:1.27"}))?;
    let ready = platform.ready(&service)?;
    let id = ready.environments[&prod()]
        .deployment
        .context("a deployment")?;
    let next = client.deployment(&service, &prod(), id)?;
    assert!(
        matches!(next.outcome, Some(Outcome::Succeeded { .. })),
        "{next:#?}"
    );
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_deployment_repeated_after_a_failure_tries_again() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("retried");
    platform.faults().add(fails("CreateChangeSet", &service, 1));
    register(&client, &manifest("retried"))?;
    assert_eq!(
        platform.settled(&service)?.environments[&prod()]
            .stack
            .phase,
        Phase::Failed
    );
    let key = slipway_cli::client::new_key();
    client.deploy(&service, &prod(), &"nginx:alpine".parse()?, &key)?;
    platform.ready(&service)?;
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn an_update_that_fails_leaves_what_ran_and_says_so() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("rolled-back");
    register(&client, &manifest("rolled-back"))?;
    let before = platform.ready(&service)?.environments[&prod()]
        .stack
        .clone();
    platform.faults().add(fails("UpdateStack", &service, 1));
    patch(&client, &service, &json!({"memory": 1024}))?;
    let after = platform.settled(&service)?.environments[&prod()]
        .stack
        .clone();
    assert_eq!(after.phase, Phase::Failed);
    assert!(
        after.message.contains("cannot be pulled"),
        "{}",
        after.message
    );
    assert_eq!(after.stack_id, before.stack_id);
    patch(&client, &service, &json!({"memory": 2048}))?;
    platform.ready(&service)?;
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn throttled_calls_are_made_again_and_every_service_becomes_ready() -> Result<()> {
    let platform = LocalPlatform::start("throttled")?;
    let client = platform.client();
    for n in 0..3 {
        register(&client, &manifest(&format!("throttled-{n}")))?;
    }
    let faults = platform.faults();
    // More than the SDK's own three tries, so that looks fail and are made again.
    for (service, operation, times) in [
        ("cloudformation", "CreateChangeSet", 7),
        ("cloudformation", "DescribeChangeSet", 7),
        ("cloudformation", "ExecuteChangeSet", 7),
        ("cloudformation", "DescribeStacks", 10),
        ("dynamodb", "UpdateItem", 5),
        ("ecs", "DescribeServices", 5),
    ] {
        faults.throttle(service, operation, times);
    }
    for n in 0..3 {
        platform.ready(&name(&format!("throttled-{n}")))?;
    }
    assert_eq!(faults.pending(), 0);
    platform.slots_given_back("")
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_registry_that_is_throttled_is_a_problem_that_says_when_to_come_back() -> Result<()> {
    let platform = LocalPlatform::start("busy")?;
    let client = platform.client();
    let only = |rule: Rule| rule.only(|call| call.caller == "slipway-api");
    let refuse = |operation| {
        let fault = Fault::Refuse {
            status: 400,
            code: "ThrottlingException".to_owned(),
            message: "Rate exceeded".to_owned(),
        };
        only(Rule::new("dynamodb", operation, fault, 3))
    };
    platform.faults().add(refuse("TransactWriteItems"));
    let answer = client.send(&post("/services", &manifest("busy"))?)?;
    problem(&answer, 503)?;
    assert!(answer.header("retry-after").is_some());
    assert_eq!(platform.registry()?.len(), 0);
    platform.faults().add(refuse("Query"));
    platform.faults().add(refuse("GetItem"));
    let reading = client.send(&Call::get("/services/busy"))?;
    // The client itself asks again, as often as the header says; then the answer is the API's.
    assert!([404, 503].contains(&reading.status), "{}", reading.status);
    platform.faults().clear();
    register(&client, &manifest("busy"))?;
    platform.ready(&name("busy"))?;
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn an_answer_of_cloudformation_that_is_lost_makes_nothing_twice() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("lost");
    // The SDK asks again by itself: each answer is lost three times.
    for operation in [
        "CreateChangeSet",
        "ExecuteChangeSet",
        "UpdateStack",
        "DeleteStack",
    ] {
        platform
            .faults()
            .add(rule(&service, operation, Fault::LoseAnswer, 3));
    }
    register(&client, &manifest("lost"))?;
    let made = platform.ready(&service)?.environments[&prod()]
        .stack
        .stack_id
        .clone();
    patch(&client, &service, &json!({"memory": 1024}))?;
    let updated = platform.ready(&service)?.environments[&prod()]
        .stack
        .stack_id
        .clone();
    assert_eq!(made, updated);
    client.delete(&service, "*")?;
    platform.gone(&service)?;
    let left = platform.resources()?;
    assert!(
        !left.names("stack").iter().any(|it| it.contains("--lost")),
        "{left:#?}"
    );
    Ok(())
}
