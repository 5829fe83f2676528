//! The events that AWS services put on the default bus and the emulator does not.
//!
//! The emulator refuses events with a source of AWS's. So the companion reads the rules that
//! the platform made, lets the emulator say whether an event matches one (`TestEventPattern`),
//! and invokes the rule's functions itself, asynchronously as EventBridge does. Queues as targets
//! get the event as a message; other targets are passed over, none is needed.
//!
//! AWS delivers at least once and in no order; [`Delivery`] makes this one as unreliable.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use crate::upstream::Upstream;

/// How reliably events arrive: probabilities between 0 and 1, drawn from a seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Never delivered.
    pub dropped: f64,
    /// Delivered twice.
    pub twice: f64,
    /// Delivered after `late_by`, and so after later events too: late and out of order.
    pub late: f64,
    /// How late a late event is.
    pub late_by: Duration,
    /// The same seed draws the same fates for the same sequence of events.
    pub seed: u64,
}

impl Default for Delivery {
    /// Every event once, at once.
    fn default() -> Self {
        Self {
            dropped: 0.0,
            twice: 0.0,
            late: 0.0,
            late_by: Duration::from_secs(1),
            seed: 1,
        }
    }
}

/// Delivers events to the rules' targets.
#[derive(Debug)]
pub(crate) struct Bus {
    delivery: Mutex<Delivery>,
    fates: Mutex<fastrand::Rng>,
}

impl Bus {
    pub(crate) fn new(delivery: Delivery) -> Self {
        let fates = Mutex::new(fastrand::Rng::with_seed(delivery.seed));
        Self {
            delivery: Mutex::new(delivery),
            fates,
        }
    }

    /// Changes how reliable it is from now on.
    pub(crate) fn set(&self, delivery: Delivery) {
        *lock(&self.fates) = fastrand::Rng::with_seed(delivery.seed);
        *lock(&self.delivery) = delivery;
    }

    /// When the copies of the next event arrive: none, one or two delays.
    pub(crate) fn draw(&self) -> Vec<Duration> {
        let delivery = lock(&self.delivery).clone();
        let mut fates = lock(&self.fates);
        let mut happens = |probability: f64| fates.f64() < probability;
        let (dropped, late, twice) = (
            happens(delivery.dropped),
            happens(delivery.late),
            happens(delivery.twice),
        );
        if dropped {
            return Vec::new();
        }
        let mut copies = vec![if late {
            delivery.late_by
        } else {
            Duration::ZERO
        }];
        if twice {
            copies.push(delivery.late_by);
        }
        copies
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The event of a stack's new status, as CloudFormation's documentation shows it.
pub(crate) fn stack_status(
    stack: &str,
    status: &str,
    reason: &str,
    region: &str,
    account: &str,
) -> Value {
    let detail = json!({
        "stack-id": stack,
        "status-details": { "status": status, "status-reason": reason },
        "client-request-token": "",
    });
    let kind = "CloudFormation Stack Status Change";
    envelope("aws.cloudformation", kind, stack, &detail, region, account)
}

/// The event of a stack's check for drift that is over, as CloudFormation's documentation shows it.
pub(crate) fn drift_detected(
    stack: &str,
    detection: &str,
    drifted: usize,
    region: &str,
    account: &str,
) -> Value {
    let status = if drifted == 0 { "IN_SYNC" } else { "DRIFTED" };
    let detail = json!({
        "stack-id": stack,
        "stack-drift-detection-id": detection,
        "status-details": {
            "stack-drift-status": status,
            "detection-status": "DETECTION_COMPLETE",
        },
        "drift-detection-details": { "drifted-stack-resource-count": drifted },
        "client-request-token": "",
    });
    let kind = "CloudFormation Drift Detection Status Change";
    envelope("aws.cloudformation", kind, stack, &detail, region, account)
}

/// The event of an ECS deployment that is complete, as ECS's documentation shows it.
pub(crate) fn deployment_completed(service: &str, region: &str, account: &str) -> Value {
    let digits: String = (0..19).map(|_| fastrand::digit(10)).collect();
    let deployment = format!("ecs-svc/{digits}");
    let detail = json!({
        "eventType": "INFO",
        "eventName": "SERVICE_DEPLOYMENT_COMPLETED",
        "deploymentId": deployment,
        "updatedAt": crate::clock::now().to_string(),
        "reason": format!("ECS deployment {deployment} completed."),
    });
    envelope(
        "aws.ecs",
        "ECS Deployment State Change",
        service,
        &detail,
        region,
        account,
    )
}

/// The event of an ECS deployment that the circuit breaker has ended.
pub(crate) fn deployment_failed(
    service: &str,
    deployment: &str,
    region: &str,
    account: &str,
) -> Value {
    let detail = json!({
        "eventType": "ERROR",
        "eventName": "SERVICE_DEPLOYMENT_FAILED",
        "deploymentId": deployment,
        "updatedAt": crate::clock::now().to_string(),
        "reason": "ECS deployment circuit breaker: task failed to start.",
    });
    let kind = "ECS Deployment State Change";
    envelope("aws.ecs", kind, service, &detail, region, account)
}

/// The event of an image that was pushed, as ECR's documentation shows it. It names no resource.
pub(crate) fn image_pushed(
    repository: &str,
    tag: Option<&str>,
    digest: &str,
    region: &str,
    account: &str,
) -> Value {
    let mut detail = json!({
        "result": "SUCCESS",
        "repository-name": repository,
        "image-digest": digest,
        "action-type": "PUSH",
    });
    if let Some(tag) = tag {
        detail["image-tag"] = json!(tag);
    }
    let mut event = envelope("aws.ecr", "ECR Image Action", "", &detail, region, account);
    event["resources"] = json!([]);
    event
}

/// The event of an alarm's new state, as CloudWatch's documentation shows it.
pub(crate) fn alarm_changed(arn: &str, detail: &Value, region: &str, account: &str) -> Value {
    let kind = "CloudWatch Alarm State Change";
    envelope("aws.cloudwatch", kind, arn, detail, region, account)
}

fn envelope(
    source: &str,
    kind: &str,
    resource: &str,
    detail: &Value,
    region: &str,
    account: &str,
) -> Value {
    json!({
        "version": "0",
        "id": crate::python::hex(&fastrand::u128(..).to_be_bytes()),
        "detail-type": kind,
        "source": source,
        "account": account,
        // EventBridge's times have whole seconds.
        "time": crate::clock::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": region,
        "resources": [resource],
        "detail": detail,
    })
}

/// Hands an event to every target of every rule that matches it.
pub(crate) async fn deliver(upstream: &Upstream, event: &Value) -> Result<()> {
    let rules = upstream
        .json("events", "AWSEvents.ListRules", &json!({}))
        .await?;
    for rule in rules["Rules"].as_array().into_iter().flatten() {
        let Some(pattern) = rule["EventPattern"]
            .as_str()
            .filter(|pattern| !pattern.is_empty())
        else {
            continue;
        };
        if rule["State"] == "DISABLED" || !matches(upstream, pattern, event).await? {
            continue;
        }
        let request = json!({ "Rule": rule["Name"] });
        let targets = upstream
            .json("events", "AWSEvents.ListTargetsByRule", &request)
            .await?;
        for target in targets["Targets"].as_array().into_iter().flatten() {
            hand_over(upstream, target, event).await?;
        }
    }
    Ok(())
}

async fn matches(upstream: &Upstream, pattern: &str, event: &Value) -> Result<bool> {
    let request = json!({ "EventPattern": pattern, "Event": event.to_string() });
    let answer = upstream
        .json("events", "AWSEvents.TestEventPattern", &request)
        .await?;
    Ok(answer["Result"] == true)
}

async fn hand_over(upstream: &Upstream, target: &Value, event: &Value) -> Result<()> {
    let arn = target["Arn"].as_str().unwrap_or_default();
    let input = target["Input"]
        .as_str()
        .map_or_else(|| event.to_string(), str::to_owned);
    match arn.split(':').nth(2) {
        Some("lambda") => {
            let path = format!(
                "/2015-03-31/functions/{}/invocations",
                crate::wire::encode(arn)
            );
            let kind = [("x-amz-invocation-type", "Event")];
            upstream
                .rest("lambda", Method::POST, &path, &kind, input.into())
                .await?
                .success()?;
        }
        Some("sqs") => {
            let name = arn.rsplit(':').next().unwrap_or_default();
            let request = json!({ "QueueName": name });
            let queue = upstream
                .json("sqs", "AmazonSQS.GetQueueUrl", &request)
                .await?;
            let request = json!({ "QueueUrl": queue["QueueUrl"], "MessageBody": input });
            upstream
                .json("sqs", "AmazonSQS.SendMessage", &request)
                .await?;
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reliable_bus_delivers_every_event_once_and_at_once() {
        let bus = Bus::new(Delivery::default());
        assert!((0..100).all(|_| bus.draw() == [Duration::ZERO]));
    }

    #[test]
    fn the_same_seed_draws_the_same_fates() {
        let delivery = Delivery {
            dropped: 0.3,
            twice: 0.3,
            late: 0.3,
            seed: 7,
            ..Delivery::default()
        };
        let (one, two) = (Bus::new(delivery.clone()), Bus::new(delivery));
        let fates: Vec<_> = (0..50).map(|_| one.draw()).collect();
        assert_eq!(fates, (0..50).map(|_| two.draw()).collect::<Vec<_>>());
        assert!(fates.iter().any(Vec::is_empty) && fates.iter().any(|copies| copies.len() == 2));
    }

    #[test]
    fn a_stack_event_has_the_documented_shape() {
        let event = stack_status("arn:s", "CREATE_COMPLETE", "", "us-east-1", "000000000000");
        assert_eq!(event["source"], "aws.cloudformation");
        assert_eq!(
            event["detail"]["status-details"]["status"],
            "CREATE_COMPLETE"
        );
        assert_eq!(event["detail"]["stack-id"], "arn:s");
    }
}
