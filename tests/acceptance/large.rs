//! Templates that are too large for a call.

use anyhow::Result;
use serde_json::{Map, Value, json};
use slipway_tests::local_platform::LocalPlatform;

use crate::asking::{name, prod, register};

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_template_above_the_inline_limit_goes_through_the_bucket_and_becomes_ready() -> Result<()> {
    let platform = LocalPlatform::start("large")?;
    let client = platform.client();
    let environment: Map<String, Value> = (0..11)
        .map(|n| (format!("LARGE_{n}"), "x".repeat(4000).into()))
        .collect();
    let document = json!({"service": "large", "image": "nginx:alpine", "environment": environment});
    register(&client, &document)?;
    platform.ready(&name("large"))?;
    let template = client.template(&name("large"), Some(&prod()))?.to_string();
    assert!(template.len() > 51_200, "{}", template.len());
    let puts = || {
        let calls = platform.cloud().calls();
        let ours = |call: &&slipway_local_cloud::Call| {
            call.caller == "slipway-reconciler" && call.service == "s3"
        };
        calls.iter().filter(ours).count()
    };
    let first = puts();
    assert!(first >= 1);
    // An update takes the same way.
    client.patch(&name("large"), &json!({"memory": 1024}), "*")?;
    platform.ready(&name("large"))?;
    assert!(puts() > first);
    client.delete(&name("large"), "*")?;
    platform.gone(&name("large"))
}
