//! What a service may do to things of the account: the manifest's `permissions`.
//!
//! A closed set of capabilities, each of which somebody has read through: what a team writes is
//! a capability and the names of what it is for, never a policy, never an ARN. What a name may
//! begin with is the platform's to say ([`Platform::allows_name`](crate::Platform::allows_name)),
//! and the permissions boundary of the roles says the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::Settings;
use crate::problem::Broken;
use crate::schema;

/// The most bytes of names and what stands around them in a policy. IAM takes 10,240 for all
/// policies inside a role, and what else a task's role may have takes some.
const MAX_BYTES: usize = 7_500;

/// What stands around a name in an ARN, at most: partition, service, region, account, type.
const ARN_BYTES: usize = 64;

/// Something that a service may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::closed)]
pub struct Permission {
    /// What it may do.
    pub allow: Capability,
    /// To what: names in the platform's account and region.
    #[schemars(schema_with = "schema::resource_names")]
    pub on: Vec<String>,
}

/// Something that a service can be allowed to do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Capability {
    /// Ask models of Bedrock.
    #[serde(rename = "bedrock:invoke")]
    BedrockInvoke,
    /// Publish metrics of its own, in these namespaces.
    #[serde(rename = "cloudwatch:put")]
    CloudwatchPut,
    /// Read items of tables and their indexes.
    #[serde(rename = "dynamodb:read")]
    DynamodbRead,
    /// Put, change and delete items of tables.
    #[serde(rename = "dynamodb:write")]
    DynamodbWrite,
    /// Put events on buses.
    #[serde(rename = "events:put")]
    EventsPut,
    /// List and read objects of buckets.
    #[serde(rename = "s3:read")]
    S3Read,
    /// Put and delete objects of buckets.
    #[serde(rename = "s3:write")]
    S3Write,
    /// Publish to topics.
    #[serde(rename = "sns:publish")]
    SnsPublish,
    /// Receive and delete messages of queues.
    #[serde(rename = "sqs:receive")]
    SqsReceive,
    /// Send messages to queues.
    #[serde(rename = "sqs:send")]
    SqsSend,
}

impl Capability {
    /// The kind of thing that it is about.
    pub fn thing(self) -> Thing {
        match self {
            Self::BedrockInvoke => Thing::Model,
            Self::CloudwatchPut => Thing::Namespace,
            Self::DynamodbRead | Self::DynamodbWrite => Thing::Table,
            Self::EventsPut => Thing::Bus,
            Self::S3Read | Self::S3Write => Thing::Bucket,
            Self::SnsPublish => Thing::Topic,
            Self::SqsReceive | Self::SqsSend => Thing::Queue,
        }
    }
}

/// A kind of thing that permissions are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A bucket of S3.
    Bucket,
    /// A bus of EventBridge.
    Bus,
    /// A model of Bedrock, or one of its inference profiles.
    Model,
    /// A namespace of metrics.
    Namespace,
    /// A queue of SQS.
    Queue,
    /// A table of DynamoDB.
    Table,
    /// A topic of SNS.
    Topic,
}

impl Thing {
    /// Whether its names must begin as the platform says. Models are Amazon's, and a namespace
    /// holds nothing that anybody could read.
    pub fn is_owned(self) -> bool {
        !matches!(self, Self::Model | Self::Namespace)
    }

    /// Whether `name` is of the form that AWS knows, and says nothing more than a name.
    fn is_name(self, name: &str) -> bool {
        let of = |most: usize, punctuation: &str| {
            (1..=most).contains(&name.len())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || punctuation.contains(c))
        };
        let fifo = |most: usize| {
            let base = name.strip_suffix(".fifo").unwrap_or(name);
            of(most, "-_.") && !base.is_empty() && !base.contains('.')
        };
        match self {
            Self::Bucket => {
                let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
                of(63, "-.")
                    && name.len() >= 3
                    && name.starts_with(edge)
                    && name.ends_with(edge)
                    && !name.contains("..")
                    && !name.contains(|c: char| c.is_ascii_uppercase())
            }
            Self::Bus => of(255, "._-"),
            Self::Model => {
                of(140, "._:-") && name.contains('.') && name.split('.').all(|it| !it.is_empty())
            }
            Self::Namespace => {
                of(255, "._/#:-") && !name.starts_with("AWS/") && !name.starts_with("Slipway")
            }
            Self::Queue => fifo(80),
            Self::Table => of(255, "._-") && name.len() >= 3,
            Self::Topic => fifo(255),
        }
    }

    /// What a name of it looks like.
    fn rule(self) -> &'static str {
        match self {
            Self::Bucket => "a bucket's name: lower-case letters, digits, `-` and `.`, 3 to 63",
            Self::Bus => "a bus's name: letters, digits and `._-`",
            Self::Model => {
                "a model's id, such as `amazon.titan-embed-text-v2:0`, or an inference profile's, such as `us.anthropic.claude-3-haiku-20240307-v1:0`"
            }
            Self::Namespace => {
                "a namespace of your own: letters, digits and `._/#:-`; `AWS/` and `Slipway` at the beginning are taken"
            }
            Self::Queue => {
                "a queue's name: letters, digits, `-` and `_`, with `.fifo` where it is one, at most 80"
            }
            Self::Table => "a table's name: letters, digits and `._-`, 3 to 255",
            Self::Topic => {
                "a topic's name: letters, digits, `-` and `_`, with `.fifo` where it is one"
            }
        }
    }

    /// How often a name stands in a policy, at most.
    fn times(self) -> usize {
        match self {
            Self::Bucket | Self::Table => 2,
            // An inference profile stands as itself, as a condition, and for its model.
            Self::Model => 3,
            Self::Bus | Self::Namespace | Self::Queue | Self::Topic => 1,
        }
    }
}

/// Everything that is wrong with the settings' `permissions`.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let mut broken = Vec::new();
    let permissions = &settings.permissions;
    for (place, permission) in permissions.iter().enumerate() {
        let at = format!("/permissions/{place}");
        let thing = permission.allow.thing();
        let is_same = |other: &Permission| other.allow == permission.allow;
        if let Some(first) = permissions[..place].iter().position(is_same) {
            let detail = format!(
                "is what `permissions[{first}]` allows already: name all that it is for in one entry"
            );
            broken.push(Broken::new(format!("{at}/allow"), &[], detail));
        }
        for (index, name) in permission.on.iter().enumerate() {
            let pointer = format!("{at}/on/{index}");
            if !thing.is_name(name) {
                let detail = format!("must be {}", thing.rule());
                broken.push(Broken::new(pointer, &[&format!("{at}/allow")], detail));
            } else if permission.on[..index].contains(name) {
                broken.push(Broken::new(pointer, &[], format!("names `{name}` twice")));
            }
        }
    }
    let bytes = permissions.iter().flat_map(|it| {
        let times = it.allow.thing().times();
        it.on
            .iter()
            .map(move |name| times * (name.len() + ARN_BYTES))
    });
    let bytes: usize = bytes.sum();
    if bytes > MAX_BYTES {
        let detail = format!(
            "take some {bytes} bytes of a role's policy, and there is room for {MAX_BYTES}: name fewer things"
        );
        broken.push(Broken::new("/permissions", &[], detail));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_the_form_that_aws_knows() {
        for (thing, good) in [
            (Thing::Bucket, "devops2-g4--orders--files.v2"),
            (Thing::Bus, "orders"),
            (Thing::Model, "anthropic.claude-3-haiku-20240307-v1:0"),
            (Thing::Model, "us.meta.llama3-1-70b-instruct-v1:0"),
            (Thing::Namespace, "Shop/Orders"),
            (Thing::Queue, "orders-in.fifo"),
            (Thing::Table, "Orders_v2.items"),
            (Thing::Topic, "orders"),
        ] {
            assert!(thing.is_name(good), "{good}");
        }
        for (thing, bad) in [
            (Thing::Bucket, "ab"),
            (Thing::Bucket, "-orders"),
            (Thing::Bucket, "Orders"),
            (Thing::Bucket, "a..b"),
            (Thing::Bus, "aws.partner/example.com"),
            (Thing::Model, "claude"),
            (Thing::Model, "anthropic."),
            (Thing::Namespace, "AWS/ECS"),
            (Thing::Namespace, "Slipway"),
            (Thing::Queue, "a.b"),
            (Thing::Queue, ".fifo"),
            (Thing::Table, "ab"),
            (Thing::Topic, "a.b"),
        ] {
            assert!(!thing.is_name(bad), "{bad}");
        }
    }

    #[test]
    fn no_name_says_more_than_a_name() {
        let things = [
            Thing::Bucket,
            Thing::Bus,
            Thing::Model,
            Thing::Namespace,
            Thing::Queue,
            Thing::Table,
            Thing::Topic,
        ];
        for thing in things {
            for name in [
                "",
                "orders.*",
                "orders.?",
                "${aws:username}.x",
                "a.b c",
                "a.b\"",
            ] {
                assert!(!thing.is_name(name), "{thing:?} {name:?}");
            }
        }
    }
}
