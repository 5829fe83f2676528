//! What is secret, and what might be: nothing of it is told where it need not be.

use anyhow::Result;
use serde_json::json;
use slipway_tests::local_platform::LocalPlatform;

use crate::asking::{name, prod, register};

const CANARY: &str = "canary-7f3c1e0b";

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_secret_is_a_reference_everywhere_and_no_log_holds_an_environments_values() -> Result<()> {
    let platform = LocalPlatform::start("secrets")?;
    let client = platform.client();
    let document = json!({
        "service": "discreet",
        "image": "nginx:alpine",
        "environment": {"PLAIN": CANARY},
        "command": ["serve", format!("--token={CANARY}")],
        "secrets": {"KEY": "ssm:/devops2-g4/discreet/key"},
    });
    platform.aws().make_parameter("/devops2-g4/discreet/key")?;
    register(&client, &document)?;
    platform.ready(&name("discreet"))?;
    client.patch(&name("discreet"), &json!({"memory": 1024}), "*")?;
    platform.ready(&name("discreet"))?;
    // Refusals are told to the caller, and not to the log either.
    let refused = json!({"service": "Discreet", "environment": {"PLAIN": format!("{{{{resolve:{CANARY}}}}}")}});
    assert!(register(&client, &refused).is_err());

    let template = client.template(&name("discreet"), Some(&prod()))?;
    let container =
        &template["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"][0];
    let secret = &container["Secrets"][0];
    assert_eq!(secret["Name"], "KEY");
    let from = secret["ValueFrom"].to_string();
    assert!(from.contains("parameter/devops2-g4/discreet/key"), "{from}");
    assert!(!from.contains("resolve"), "{from}");

    let events = serde_json::to_string(&client.events(&name("discreet"), None)?)?;
    assert!(!events.contains(CANARY), "the audit log has hashes");
    let lines = platform.logged()?;
    assert!(
        lines.iter().any(|line| line.contains("\"registered\"")),
        "the functions' lines are in it"
    );
    assert!(lines.iter().any(|line| line.contains("\"looked\"")));
    let told: Vec<&String> = lines.iter().filter(|line| line.contains(CANARY)).collect();
    assert_eq!(told, Vec::<&String>::new());
    Ok(())
}
