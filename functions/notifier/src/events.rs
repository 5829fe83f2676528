//! What an event of Lambda holds: changes of deployments, or parcels.

use serde_json::Value;
use slipway_domain::{Deployment, DeploymentId};

use crate::parcel::Parcel;

/// What an event holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard {
    /// Deployments that changed, in the order of their first record.
    Changes(Vec<Change>),
    /// Parcels to be posted.
    Parcels(Vec<Message>),
    /// Nothing for this function.
    Nothing,
}

/// A deployment that changed, from before the first record of a batch to behind the last. So a
/// burst of pushes in which each takes the place of the one before is told of once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// The sequence number of its first record: the batch is to come again from there on if
    /// nobody could be told.
    pub sequence: String,
    /// As it was, if it was there.
    pub old: Option<Deployment>,
    /// As it is.
    pub new: Deployment,
}

/// A parcel as the queue gave it out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    /// The message's id.
    pub id: String,
    /// The handle under which it was given out.
    pub handle: String,
    /// How often it was given out, this time included.
    pub tries: u32,
    /// The parcel.
    pub parcel: Parcel,
}

/// Reads an event. What cannot be read is left out: it would be no other the next time.
pub(crate) fn heard(event: &Value) -> Heard {
    let Some(records) = event["Records"].as_array() else {
        return Heard::Nothing;
    };
    let source = records
        .first()
        .and_then(|record| record["eventSource"].as_str());
    match source {
        Some("aws:dynamodb") => Heard::Changes(changes(records)),
        Some("aws:sqs") => Heard::Parcels(records.iter().filter_map(message).collect()),
        _ => Heard::Nothing,
    }
}

fn changes(records: &[Value]) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for record in records {
        let Some(change) = change(&record["dynamodb"]) else {
            continue;
        };
        let id = |it: &Change| -> DeploymentId { it.new.id };
        match changes.iter_mut().find(|it| id(it) == id(&change)) {
            Some(known) => known.new = change.new,
            None => changes.push(change),
        }
    }
    changes
}

fn change(record: &Value) -> Option<Change> {
    let key = record["Keys"]["SK"]["S"].as_str()?;
    if !key.starts_with("DEPLOYMENT#") {
        return None;
    }
    let sequence = record["SequenceNumber"].as_str()?.to_owned();
    let old = match record.get("OldImage") {
        Some(image) => Some(deployment(image, &sequence)?),
        None => None,
    };
    let new = deployment(record.get("NewImage")?, &sequence)?;
    Some(Change { sequence, old, new })
}

/// The deployment of an item's image.
fn deployment(image: &Value, sequence: &str) -> Option<Deployment> {
    let body = image["body"]["S"].as_str().unwrap_or_default();
    serde_json::from_str(body)
        .inspect_err(|error| {
            tracing::error!(%error, sequence, "a deployment cannot be read, and nobody is told of it");
        })
        .ok()
}

fn message(record: &Value) -> Option<Message> {
    let id = record["messageId"].as_str()?.to_owned();
    let parcel = serde_json::from_str(record["body"].as_str()?)
        .inspect_err(|error| tracing::error!(%error, id, "a parcel cannot be read"))
        .ok()?;
    let tries = record["attributes"]["ApproximateReceiveCount"].as_str();
    Some(Message {
        handle: record["receiptHandle"].as_str()?.to_owned(),
        tries: tries.and_then(|tries| tries.parse().ok()).unwrap_or(1),
        id,
        parcel,
    })
}
