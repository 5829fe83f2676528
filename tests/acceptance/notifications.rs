//! Whoever subscribes to the platform's topic is told of deployments, and outgoing webhooks are
//! signed with a key that nothing else shows.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use slipway_cli::client::Client;
use slipway_domain::ServiceName;
use slipway_local_cloud::TaskFailure;
use slipway_tests::aws::{Aws, text};
use slipway_tests::local_platform::{LocalPlatform, SOON, shared};
use slipway_tests::waiting::wait_for;

use crate::asking::{manifest, name, patch, register};

/// A queue that subscribes to what the topic says of one service.
struct Subscriber {
    aws: Aws,
    queue: String,
    heard: BTreeMap<String, Value>,
}

impl Subscriber {
    fn of(platform: &LocalPlatform, service: &ServiceName) -> Result<Self> {
        let aws = platform.aws();
        let topic = &platform.deployed.outputs["DeploymentsTopic"];
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": "*",
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }]});
        let made = aws.json(
            "sqs",
            "AmazonSQS.CreateQueue",
            &json!({"QueueName": format!("listens-{service}"), "Attributes": {"Policy": policy.to_string()}}),
        )?;
        let queue = made["QueueUrl"].as_str().context("a queue")?.to_owned();
        let ask = json!({"QueueUrl": queue, "AttributeNames": ["QueueArn"]});
        let attributes = aws.json("sqs", "AmazonSQS.GetQueueAttributes", &ask)?;
        let arn = attributes["Attributes"]["QueueArn"]
            .as_str()
            .context("its ARN")?;
        let filter = json!({"service": [service], "environment": ["prod"]}).to_string();
        let answer = aws.query(
            "sns",
            "Subscribe",
            &[
                ("TopicArn", topic),
                ("Protocol", "sqs"),
                ("Endpoint", arn),
                ("Attributes.entry.1.key", "FilterPolicy"),
                ("Attributes.entry.1.value", &filter),
            ],
        )?;
        text(&answer, "SubscriptionArn")?;
        Ok(Self {
            aws,
            queue,
            heard: BTreeMap::new(),
        })
    }

    /// Waits for a notice of this kind; the message of SNS with it.
    fn hears(&mut self, kind: &str) -> Result<Value> {
        wait_for(&format!("a notice of {kind}"), SOON, || {
            let ask =
                json!({"QueueUrl": self.queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1});
            let answer = self.aws.json("sqs", "AmazonSQS.ReceiveMessage", &ask)?;
            for message in answer["Messages"].as_array().into_iter().flatten() {
                let body = message["Body"].as_str().context("a body")?;
                let told: Value = serde_json::from_str(body)?;
                let kind = &told["MessageAttributes"]["kind"]["Value"];
                let kind = kind.as_str().context("a kind")?.to_owned();
                self.heard.insert(kind, told);
                let ask =
                    json!({"QueueUrl": self.queue, "ReceiptHandle": message["ReceiptHandle"]});
                self.aws.json("sqs", "AmazonSQS.DeleteMessage", &ask)?;
            }
            Ok(match self.heard.remove(kind) {
                Some(told) => Ok(told),
                None => Err(format!("{:?}", self.heard.keys())),
            })
        })
    }
}

/// What programs are told.
fn data(told: &Value) -> Result<Value> {
    let document: Value = serde_json::from_str(told["Message"].as_str().context("a message")?)?;
    Ok(document["data"].clone())
}

fn newest(client: &Client, service: &ServiceName) -> Result<String> {
    let view = client.service(service)?.value;
    let environment = view.environments.values().next().context("prod")?;
    Ok(environment.deployment.context("a deployment")?.to_string())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn subscribers_are_told_that_a_deployment_started_succeeded_and_failed_with_its_reason()
-> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("told");
    let mut subscriber = Subscriber::of(&platform, &service)?;
    let mut document = manifest("told");
    document["team"] = "shop".into();
    register(&client, &document)?;
    let first = newest(&client, &service)?;

    let started = subscriber.hears("started")?;
    assert_eq!(started["Subject"], "told (prod): deployment started");
    let told = data(&started)?;
    assert_eq!(told["deployment"], first);
    assert_eq!(
        (&told["team"], &told["actor"]),
        (&json!("shop"), &json!("AKIATEST"))
    );
    let succeeded = subscriber.hears("succeeded")?;
    assert_eq!(data(&succeeded)?["deployment"], first);
    let id = &succeeded["MessageAttributes"]["id"]["Value"];
    assert_eq!(id, &json!(format!("{first}-succeeded")));
    platform.ready(&service)?;

    let crash = TaskFailure::exits(3, &["starting", "no database at db.internal"]);
    platform.faults().tasks_fail(service.as_str(), crash, 1);
    patch(&client, &service, &json!({"image": "nginx:1.26.0"}))?;
    let failed = subscriber.hears("failed")?;
    assert_eq!(failed["Subject"], "told (prod): DEPLOYMENT FAILED");
    let told = data(&failed)?;
    assert_eq!(told["deployment"], newest(&client, &service)?);
    let reason = told["reason"].as_str().unwrap_or_default();
    assert!(!reason.is_empty(), "{told}");
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn an_outgoing_webhook_has_a_key_of_its_own_that_nothing_shows() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("posts");
    let mut document = manifest("posts");
    // No name below `invalid` is ever there (RFC 2606): it is tried, and comes again.
    document["notify"] = json!({"webhooks": [{"url": "https://hooks.invalid/posts"}]});
    register(&client, &document)?;
    let ask = json!({"Name": "/devops2-g4/_platform/notify/posts", "WithDecryption": true});
    let parameter = wait_for("a key is made", SOON, || {
        let answer = platform.aws().json("ssm", "AmazonSSM.GetParameter", &ask);
        Ok(answer.map_err(|error| format!("{error:#}")))
    })?;
    assert_eq!(parameter["Parameter"]["Type"], "SecureString");
    let value = parameter["Parameter"]["Value"]
        .as_str()
        .context("a value")?;
    let value: Value = serde_json::from_str(value)?;
    let secret = value["secret"].as_str().context("a secret")?.to_owned();
    assert!(
        secret.starts_with("whsec_"),
        "the form of Standard Webhooks"
    );
    let shown = client.signing_key(&service)?;
    assert_eq!(shown.secret, secret, "the API shows the one that signs");
    let rotated = client.rotate_signing_key(&service)?;
    assert_ne!(rotated.secret, secret);
    assert_eq!(client.signing_key(&service)?, rotated);

    wait_for("the receiver was tried", SOON, || {
        let lines = platform.logged()?;
        let tried = lines
            .iter()
            .any(|line| line.contains("hooks.invalid") && line.contains("not taken"));
        Ok(if tried {
            Ok(())
        } else {
            Err("no line".to_owned())
        })
    })?;
    let shown = platform.logged()?.join("\n");
    let registry = format!("{:?}", platform.registry()?);
    for secret in [&secret, &rotated.secret] {
        assert!(!shown.contains(secret), "the log shows the key");
        assert!(!registry.contains(secret), "the registry holds the key");
    }
    platform.ready(&service)?;
    Ok(())
}
