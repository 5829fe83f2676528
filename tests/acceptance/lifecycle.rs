//! A service's life: its first image, changes, deletion, and its name used again.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::json;
use slipway_cli::client::new_key;
use slipway_domain::{Cause, Outcome, Phase};
use slipway_tests::local_platform::{LocalPlatform, shared};
use slipway_tests::registry;

use crate::asking::{manifest, name, patch, prod, register};

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn g1_a_name_alone_is_registered_and_its_first_image_starts_it() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("first-image");
    register(&client, &json!({"service": "first-image"}))?;
    let waiting = platform.settled(&service)?;
    let stack = &waiting.environments[&prod()].stack;
    assert_eq!(stack.phase, Phase::Waiting);
    assert_eq!(
        stack.stack_id, None,
        "what waits has no stack, and costs nothing"
    );
    assert!(stack.message.contains("image"), "{}", stack.message);

    let image = "nginx:1.27".parse()?;
    let started = client.deploy(&service, &prod(), &image, &new_key())?;
    assert_eq!(started.generation, 2);
    let ready = platform.ready(&service)?;
    assert_eq!(ready.environments[&prod()].image.as_ref(), image.image());
    let deployment = client.deployment(&service, &prod(), started.deployment.id)?;
    assert_eq!(deployment.cause, Cause::Deploy);
    assert!(
        matches!(deployment.outcome, Some(Outcome::Succeeded { .. })),
        "{deployment:#?}"
    );
    let steps: Vec<&str> = deployment.steps.iter().map(|step| &*step.name).collect();
    assert_eq!(steps.first(), Some(&"accepted"));
    assert_eq!(steps.last(), Some(&"ready"));
    assert!(
        deployment.steps.is_sorted_by_key(|step| step.at),
        "{deployment:#?}"
    );
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_change_reaches_what_runs_and_keeps_the_stack() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("changes");
    register(&client, &manifest("changes"))?;
    let before = platform.ready(&service)?;
    patch(
        &client,
        &service,
        &json!({"memory": 1024, "environment": {"COLOUR": "blue"}}),
    )?;
    let after = platform.ready(&service)?;
    let (old, new) = (
        &before.environments[&prod()].stack,
        &after.environments[&prod()].stack,
    );
    assert_eq!(old.stack_id, new.stack_id);
    assert_ne!(old.outputs["TaskDefinition"], new.outputs["TaskDefinition"]);
    let ask = json!({"cluster": new.outputs["Cluster"], "services": [new.outputs["ServiceName"]]});
    let target = "AmazonEC2ContainerServiceV20141113.DescribeServices";
    let running = platform.aws().json("ecs", target, &ask)?;
    assert_eq!(
        running["services"][0]["taskDefinition"],
        new.outputs["TaskDefinition"].as_str()
    );
    let ask = json!({"taskDefinition": new.outputs["TaskDefinition"]});
    let target = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
    let definition = platform.aws().json("ecs", target, &ask)?;
    assert_eq!(definition["taskDefinition"]["memory"], "1024");
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_service_that_moves_to_another_path_gives_the_former_one_free() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let (mover, follower) = (name("mover"), name("follower"));
    register(&client, &manifest("mover"))?;
    platform.ready(&mover)?;
    patch(&client, &mover, &json!({"path": "/moved/away"}))?;
    let after = platform.ready(&mover)?;
    let url = after.environments[&prod()]
        .stack
        .url
        .clone()
        .context("an address")?;
    assert!(url.ends_with("/moved/away"), "{url}");
    let paths = registry::paths(&platform.registry()?);
    assert_eq!(
        paths.get("/moved/away").map(String::as_str),
        Some("mover/prod")
    );
    assert_eq!(paths.get("/mover"), None);

    let mut document = manifest("follower");
    document["path"] = "/mover".into();
    register(&client, &document)?;
    platform.ready(&follower)?;
    let routes = platform.resources()?;
    for route in [
        "ANY /mover",
        "ANY /mover/{proxy+}",
        "ANY /moved/away",
        "ANY /moved/away/{proxy+}",
    ] {
        assert!(routes.names("route").contains(&route), "{route}");
    }
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_deleted_service_leaves_what_the_answer_named_and_its_name_can_be_used_again() -> Result<()> {
    let platform = LocalPlatform::start("again")?;
    let client = platform.client();
    let service = name("phoenix");
    let before = platform.resources()?;
    register(&client, &manifest("phoenix"))?;
    let first = platform.ready(&service)?;
    let made = platform.resources()?.since(&before);

    let deletion = client.delete(&service, "*")?;
    platform.gone(&service)?;
    let kept: BTreeSet<String> = deletion.kept.iter().map(|it| it.name.clone()).collect();
    let left = platform.resources()?.since(&before);
    assert_eq!(
        left.by_kind
            .values()
            .flatten()
            .cloned()
            .collect::<BTreeSet<_>>(),
        kept
    );
    // Everything else is counted in the answer: the stacks themselves are no resources of theirs.
    let removed: u32 = deletion.removed.values().sum();
    assert!(
        made.count() <= removed as usize + kept.len() + 2,
        "{made:#?} {deletion:#?}"
    );

    let again = register(&client, &manifest("phoenix"))?.value;
    assert_eq!(again.generation, 1);
    assert_ne!(again.uid, first.uid, "another incarnation");
    platform.ready(&service)?;
    let now = platform.resources()?.since(&before);
    assert_eq!(now.names("repository"), ["devops2-g4-phoenix-prod"]);
    assert_eq!(
        now.names("log group").len(),
        2,
        "taken in again, not made beside"
    );

    client.delete(&service, "*")?;
    platform.gone(&service)?;
    let actions: Vec<String> = client
        .events(&service, None)?
        .items
        .into_iter()
        .map(|entry| entry.action)
        .collect();
    assert_eq!(actions, ["delete", "register", "delete", "register"]);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_service_deleted_while_it_is_being_made_goes_all_the_same() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("changed-mind");
    register(&client, &manifest("changed-mind"))?;
    client.delete(&service, "*")?;
    platform.gone(&service)?;
    let paths = registry::paths(&platform.registry()?);
    assert_eq!(paths.get("/changed-mind"), None);
    let left = platform.resources()?;
    let stacks = left.names("stack");
    assert!(
        !stacks.iter().any(|stack| stack.contains("changed-mind")),
        "{stacks:?}"
    );
    Ok(())
}
