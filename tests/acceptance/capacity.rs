//! What tasks run on: Fargate Spot, the shared cluster, and the platform's instances.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use slipway_cli::client::new_key;
use slipway_tests::local_platform::LocalPlatform;

use crate::asking::{manifest, name, post, problem, prod, register, with};

fn on(service: &str, capacity: &Value) -> Value {
    let mut document = manifest(service);
    for (field, value) in capacity.as_object().into_iter().flatten() {
        document[field] = value.clone();
    }
    document
}

/// The outputs of the service's stack, and what ECS says of the service in it.
fn running(platform: &LocalPlatform, service: &str) -> Result<(BTreeMap<String, String>, Value)> {
    let ready = platform.ready(&name(service))?;
    let outputs = ready.environments[&prod()].stack.outputs.clone();
    let ask = json!({"cluster": outputs["Cluster"], "services": [outputs["ServiceName"]]});
    let target = "AmazonEC2ContainerServiceV20141113.DescribeServices";
    let found = platform.aws().json("ecs", target, &ask)?["services"][0].clone();
    Ok((outputs.into_iter().collect(), found))
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn c4_services_run_on_spot_in_the_shared_cluster_and_on_instances_once_there_are_some() -> Result<()>
{
    let platform = LocalPlatform::start("capacity")?;
    let client = platform.client();

    register(
        &client,
        &on("spotted", &json!({"capacity": "fargate-spot"})),
    )?;
    register(&client, &on("sharer", &json!({"cluster": "shared"})))?;
    let (outputs, _) = running(&platform, "spotted")?;
    assert_eq!(outputs["Cluster"], "devops2-g4-spotted-cluster-prod");
    let stack = "devops2-g4--spotted--prod";
    platform.resource_of(stack, "CapacityProviders")?;

    let (outputs, found) = running(&platform, "sharer")?;
    assert_eq!(outputs["Cluster"], "devops2-g4-shared");
    assert_eq!(found["status"], "ACTIVE");
    assert!(
        platform
            .resource_of("devops2-g4--sharer--prod", "Cluster")
            .is_err(),
        "no cluster of its own"
    );

    let on_instances = json!({"cluster": "shared", "capacity": "ec2"});
    let call = post("/services", &on("instanced", &on_instances))?;
    let refused = problem(
        &client.send(&with(call, "idempotency-key", &new_key())?)?,
        422,
    )?;
    let pointers: Vec<&str> = refused.errors.iter().map(|it| &*it.pointer).collect();
    assert_eq!(pointers, ["/capacity"], "{refused}");
    assert!(
        refused.errors[0].detail.contains("`Ec2InstanceType`"),
        "{refused}"
    );
    platform.deploy_again(&[("Ec2InstanceType", "m5.large")])?;
    register(&client, &on("instanced", &on_instances))?;
    let (outputs, found) = running(&platform, "instanced")?;
    assert_eq!(outputs["InstanceType"], "m5.large");
    let ask = json!({"taskDefinition": found["taskDefinition"]});
    let target = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
    let definition = platform.aws().json("ecs", target, &ask)?;
    let compatible = &definition["taskDefinition"]["requiresCompatibilities"];
    assert_eq!(*compatible, json!(["EC2"]));

    // Moving to another cluster is a new ECS service, which the emulator does not make: it changes
    // the old one in place. `shared/control` has a test of it over the fakes.

    for service in ["spotted", "sharer", "instanced"] {
        client.delete(&name(service), "*")?;
    }
    for service in ["spotted", "sharer", "instanced"] {
        platform
            .gone(&name(service))
            .with_context(|| service.to_owned())?;
    }
    platform.delete()?;
    Ok(())
}
