//! Environments beside the default one.

use anyhow::{Context as _, Result};
use serde_json::json;
use slipway_domain::Phase;
use slipway_tests::local_platform::shared;
use slipway_tests::registry;
use slipway_tests::waiting::wait_for;

use crate::asking::{manifest, name, patch, register};

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn an_environment_that_is_added_is_a_stack_of_its_own_and_goes_when_it_is_taken_out() -> Result<()>
{
    let platform = shared()?;
    let client = platform.client();
    let service = name("staged");
    let staging = "staging".parse()?;
    register(&client, &manifest("staged"))?;
    platform.ready(&service)?;

    patch(
        &client,
        &service,
        &json!({"environments": {"staging": {"scaling": {"min": 1}}}}),
    )?;
    let both = platform.ready(&service)?;
    let view = &both.environments[&staging];
    let url = view.stack.url.as_deref().context("an address")?;
    assert!(url.ends_with("/staging/staged"), "{url}");
    let stacks = platform.resources()?;
    for stack in [
        "devops2-g4--staged",
        "devops2-g4--staged--prod",
        "devops2-g4--staged--staging",
    ] {
        assert!(stacks.names("stack").contains(&stack), "{stack}");
    }
    assert!(
        stacks
            .names("route")
            .contains(&"ANY /staging/staged/{proxy+}")
    );
    let live = client
        .environment(&service, &staging)?
        .live
        .context("what runs")?;
    assert_eq!((live.desired, live.min), (1, Some(1)));

    patch(&client, &service, &json!({"environments": null}))?;
    wait_for("staging goes", slipway_tests::local_platform::SOON, || {
        let now = client.service(&service)?.value;
        Ok(match now.environments.get(&staging) {
            None => Ok(()),
            Some(view) => Err(view.stack.message.clone()),
        })
    })?;
    let left = platform.resources()?;
    assert!(!left.names("stack").contains(&"devops2-g4--staged--staging"));
    assert!(!left.names("route").contains(&"ANY /staging/staged"));
    assert!(left.names("repository").contains(&"devops2-g4-staged-prod"));
    let paths = registry::paths(&platform.registry()?);
    assert_eq!(paths.get("/staging/staged"), None);
    assert_eq!(
        paths.get("/staged").map(String::as_str),
        Some("staged/prod")
    );
    assert_eq!(platform.ready(&service)?.environments.len(), 1);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn an_image_is_deployed_to_one_environment_and_not_to_the_others() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("two-images");
    let staging = "staging".parse()?;
    let document = json!({"service": "two-images", "environments": {"staging": {}}});
    register(&client, &document)?;
    platform.settled(&service)?;
    client.deploy(
        &service,
        &staging,
        &"nginx:1.27".parse()?,
        &slipway_cli::client::new_key(),
    )?;
    let service = platform.settled(&service)?;
    assert_eq!(service.environments[&staging].stack.phase, Phase::Ready);
    assert_eq!(
        service.environments[&crate::asking::prod()].stack.phase,
        Phase::Waiting
    );
    Ok(())
}
