//! Kinds of services beside `web`: each is registered, is ready, and goes as any other.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use slipway_tests::aws::Aws;
use slipway_tests::local_platform::shared;
use slipway_tests::registry;

use crate::asking::{name, prod, register};

/// What a queue is, by its address.
fn attributes(aws: &Aws, queue: &str) -> Result<Value> {
    let ask = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
    let answer = aws.json("sqs", "AmazonSQS.GetQueueAttributes", &ask)?;
    Ok(answer["Attributes"].clone())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_worker_has_a_queue_that_its_tasks_find_and_nothing_leads_to_it() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("kind-worker");
    let queue = json!({"visibility": 120, "attempts": 3});
    let manifest = json!({
        "service": "kind-worker", "kind": "worker", "image": "nginx:alpine", "queue": queue,
        "scaling": {"min": 0}, "alarms": {"on": ["dead_letters"]},
    });
    register(&client, &manifest)?;
    let ready = platform.ready(&service)?;
    let environment = &ready.environments[&prod()];
    assert_eq!(environment.path, None);
    assert_eq!(environment.stack.url, None);
    let outputs: &BTreeMap<String, String> = &environment.stack.outputs;

    let aws = platform.aws();
    let (live, dead) = (&outputs["QueueUrl"], &outputs["DeadLettersUrl"]);
    let found = attributes(&aws, live)?;
    assert_eq!(found["VisibilityTimeout"], "120", "{found}");
    let redrive = found["RedrivePolicy"]
        .as_str()
        .context("a redrive policy")?;
    let redrive: Value = serde_json::from_str(redrive)?;
    assert_eq!(
        redrive["deadLetterTargetArn"],
        attributes(&aws, dead)?["QueueArn"]
    );
    assert_eq!(
        redrive["maxReceiveCount"].to_string().trim_matches('"'),
        "3"
    );

    let ask = json!({"taskDefinition": outputs["TaskDefinition"]});
    let target = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
    let definition = aws.json("ecs", target, &ask)?;
    let variables = &definition["taskDefinition"]["containerDefinitions"][0]["environment"];
    let all = variables.as_array().context("variables")?;
    assert!(
        all.contains(&json!({"name": "QUEUE_URL", "value": live})),
        "{variables}"
    );
    assert!(!registry::paths(&platform.registry()?).contains_key("/kind-worker"));

    client.delete(&service, &client.service(&service)?.etag)?;
    platform.gone(&service)?;
    for queue in [live, dead] {
        assert!(attributes(&aws, queue).is_err(), "{queue} is still there");
    }
    Ok(())
}
