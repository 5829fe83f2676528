//! What cannot be read stops only the service that it is about, and ends in the failure queue.

use anyhow::Result;
use serde_json::{Value, json};
use slipway_domain::ServiceName;
use slipway_tests::local_platform::{LocalPlatform, SOON};
use slipway_tests::waiting::wait_for;

use crate::asking::{manifest, name, patch, register};

/// Makes the service's newest generation unreadable, as no writer of ours does.
fn garble(platform: &LocalPlatform, service: &ServiceName) -> Result<()> {
    let ask = json!({
        "TableName": platform.resource("RegistryTable")?,
        "Key": {"PK": {"S": format!("SERVICE#{service}")}, "SK": {"S": "SPEC"}},
        "UpdateExpression": "SET body = :body",
        "ExpressionAttributeValues": {":body": {"S": "no document"}},
    });
    let target = "DynamoDB_20120810.UpdateItem";
    platform.aws().json("dynamodb", target, &ask)?;
    Ok(())
}

/// A message of the wake queue, as Lambda hands it over.
fn record(id: &str, body: &str) -> Value {
    json!({"eventSource": "aws:sqs", "messageId": id, "body": body})
}

fn wake(service: &ServiceName) -> String {
    json!({"service": service, "scope": "prod"}).to_string()
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_service_that_cannot_be_read_stops_no_other_and_its_message_ends_in_the_failure_queue()
-> Result<()> {
    let platform = LocalPlatform::start("poison")?;
    let client = platform.client();
    let (poisoned, healthy) = (name("poisoned"), name("healthy"));
    register(&client, &manifest("poisoned"))?;
    register(&client, &manifest("healthy"))?;
    platform.ready(&poisoned)?;
    platform.ready(&healthy)?;
    garble(&platform, &poisoned)?;

    // Of a batch, only what failed comes again; what is no message of ours never does.
    let batch = json!({"Records": [
        record("1", &wake(&poisoned)),
        record("2", &wake(&healthy)),
        record("3", "no message"),
    ]});
    let answer = platform.reconcile(&batch)?;
    let again = json!({"batchItemFailures": [{"itemIdentifier": "1"}]});
    assert_eq!(answer, again);

    // The others go on: by their events, by the sweep and by the round.
    register(&client, &manifest("newcomer"))?;
    patch(&client, &healthy, &json!({"memory": 1024}))?;
    platform.sweep()?;
    platform.ready(&name("newcomer"))?;
    platform.ready(&healthy)?;

    // A message that failed comes again after six minutes; here after a second.
    let queue = platform.resource("WakeQueue")?;
    let failures = platform.resource("FailureQueue")?;
    let aws = platform.aws();
    let ask = json!({"QueueUrl": queue, "Attributes": {"VisibilityTimeout": "1"}});
    aws.json("sqs", "AmazonSQS.SetQueueAttributes", &ask)?;
    let ask = json!({"QueueUrl": queue, "MessageBody": wake(&poisoned)});
    aws.json("sqs", "AmazonSQS.SendMessage", &ask)?;
    wait_for("the message is in the failure queue", SOON, || {
        let ask = json!({"QueueUrl": failures, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0});
        let answer = aws.json("sqs", "AmazonSQS.ReceiveMessage", &ask)?;
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        let found = messages.iter().any(|it| it["Body"] == wake(&poisoned));
        Ok(if found {
            Ok(())
        } else {
            Err(answer.to_string())
        })
    })?;
    // And the others still go on.
    patch(&client, &healthy, &json!({"memory": 2048}))?;
    platform.ready(&healthy)?;
    Ok(())
}
