//! Scaling steered through the API: a pause, bounds for a time, a number by hand, as AWS has them.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use slipway_control::scaling::{Bounds, Paused};
use slipway_tests::local_platform::{LocalPlatform, shared};

use crate::asking::{manifest, name, prod, register};

/// The desired count, and the scalable target.
fn of_aws(platform: &LocalPlatform, cluster: &str, service: &str) -> Result<(Value, Value)> {
    let ask = json!({"cluster": cluster, "services": [service]});
    let target = "AmazonEC2ContainerServiceV20141113.DescribeServices";
    let found = platform.aws().json("ecs", target, &ask)?;
    let resource = format!("service/{cluster}/{service}");
    let ask = json!({"ServiceNamespace": "ecs", "ResourceIds": [resource]});
    let target = "AnyScaleFrontendService.DescribeScalableTargets";
    let targets = platform
        .aws()
        .json("application-autoscaling", target, &ask)?;
    Ok((
        found["services"][0]["desiredCount"].clone(),
        targets["ScalableTargets"][0].clone(),
    ))
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_caller_pauses_bounds_and_sets_the_number_and_the_audit_log_says_so() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("steered");
    register(&client, &manifest("steered"))?;
    let early = client.scaling(&service, &prod())?;
    assert!(!early.summary.is_empty());
    let view = platform.ready(&service)?;
    let outputs = &view.environments[&prod()].stack.outputs;
    let (cluster, ecs) = (&outputs["Cluster"], &outputs["ServiceName"]);
    let own = client.scaling(&service, &prod())?;
    let own = own.live.context("it runs")?;

    let inwards = Paused {
        out: false,
        inwards: true,
    };
    client.pause_scaling(&service, &prod(), inwards)?;
    let (_, target) = of_aws(&platform, cluster, ecs)?;
    let suspended = &target["SuspendedState"];
    assert_eq!(suspended["DynamicScalingInSuspended"], true, "{target}");
    assert_ne!(suspended["DynamicScalingOutSuspended"], true, "{target}");
    client.resume_scaling(&service, &prod(), inwards)?;

    let bounds = Bounds { min: 3, max: 6 };
    let held = client.hold_bounds(&service, &prod(), bounds, 60)?;
    assert!(held.held.is_some());
    let (desired, target) = of_aws(&platform, cluster, ecs)?;
    assert_eq!(desired, 3, "the number moves into the bounds");
    assert_eq!(
        (&target["MinCapacity"], &target["MaxCapacity"]),
        (&json!(3), &json!(6))
    );

    let set = client.set_count(&service, &prod(), 5)?;
    assert_eq!(set.live.map(|live| live.desired), Some(5));
    assert_eq!(of_aws(&platform, cluster, ecs)?.0, 5);
    assert!(client.set_count(&service, &prod(), 7).is_err());
    let decisions = client.decisions(&service, &prod(), None, None)?.items;
    let mine = decisions
        .iter()
        .find(|it| it.reasons[0].signal == "by-hand");
    assert_eq!(mine.map(|it| it.to), Some(5), "{decisions:#?}");

    let back = client.release_bounds(&service, &prod())?;
    assert_eq!(
        back.live.map(|it| (it.min, it.max)),
        Some((own.min, own.max))
    );
    let actions: Vec<String> = client
        .events(&service, None)?
        .items
        .into_iter()
        .map(|entry| entry.action)
        .collect();
    assert_eq!(
        actions,
        [
            "release-bounds",
            "set-count",
            "hold-bounds",
            "resume-scaling",
            "pause-scaling",
            "register"
        ]
    );
    Ok(())
}
