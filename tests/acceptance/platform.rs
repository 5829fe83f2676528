//! The platform itself.

use anyhow::{Context as _, Result};
use serde_json::Value;
use slipway_domain::Platform;
use slipway_tests::local_platform::LocalPlatform;

use crate::asking::{manifest, name, register};

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn f5_a_platform_is_not_deleted_under_a_living_service_and_is_after_it() -> Result<()> {
    let platform = LocalPlatform::start("platform")?;
    let client = platform.client();
    register(&client, &manifest("tenant"))?;
    platform.ready(&name("tenant"))?;
    let refused = platform.delete().err().context("it was deleted")?;
    let reason = format!("{refused:#}");
    assert!(
        reason.contains("devops2-g4-name"),
        "the export is named: {reason}"
    );
    assert!(client.health().is_ok(), "and nothing of it went");
    assert_eq!(client.all_services(None)?.len(), 1);

    client.delete(&name("tenant"), "*")?;
    platform.gone(&name("tenant"))?;
    let left = platform.delete()?;
    assert_eq!(left.names("stack"), Vec::<&str>::new());
    assert_eq!(left.names("function"), Vec::<&str>::new());
    assert_eq!(left.names("http api"), Vec::<&str>::new());
    // What holds data is kept, as the outputs say.
    assert_eq!(left.names("table").len(), 1);
    assert_eq!(left.names("bucket").len(), 1);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn the_outputs_tell_a_person_what_comes_next_and_the_command_line_where_it_is() -> Result<()> {
    let platform = slipway_tests::local_platform::shared()?;
    let outputs = &platform.deployed.outputs;
    assert!(
        outputs["ApiUrl"].ends_with("/platform/v1"),
        "{}",
        outputs["ApiUrl"]
    );
    assert!(outputs["NextStep"].contains("--aws-sigv4"));
    assert!(outputs["IdleCostPerMonth"].contains("USD"));
    let values: Platform = serde_json::from_str(&outputs["PlatformValues"])?;
    assert_eq!(values.name.as_str(), "devops2-g4");
    let document: Value = platform.client().openapi()?;
    assert_eq!(document["openapi"], "3.1.0");
    Ok(())
}
