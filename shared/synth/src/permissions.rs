//! What the manifest's permissions are in IAM: statements of the role that a service's code has.
//!
//! Each capability is one statement of single actions on what the manifest names, in the
//! platform's account and region. The permissions boundary in `platform/service-roles.yaml` has the
//! same actions, and holds the names to the platform's prefixes: an action that is added here is
//! added there.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slipway_domain::permission::{Capability, Permission, Thing};

use crate::environment_stack::Site;
use crate::volumes;

/// What inference profiles that send requests to several regions begin with ("Supported Regions
/// and models for inference profiles", Amazon Bedrock user guide).
const GEOGRAPHIES: [&str; 7] = ["apac", "au", "eu", "global", "jp", "us", "us-gov"];

/// The statements of everything that the manifest permits.
pub(crate) fn statements(site: &Site<'_>) -> Vec<Value> {
    let permissions = &site.effective.settings.permissions;
    let mut statements: Vec<Value> = permissions
        .iter()
        .flat_map(|permission| of(site, permission))
        .collect();
    statements.extend(keys(site, permissions));
    statements.extend(unasked(site));
    statements.extend(volumes::statements(site));
    statements
}

/// What other fields of the manifest need. IAM knows no resource for any of it.
fn unasked(site: &Site<'_>) -> Vec<Value> {
    let settings = &site.effective.settings;
    let all: [(&str, bool, &[&str]); 2] = [
        (
            "Traces",
            settings.tracing,
            &[
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
                "xray:PutTelemetryRecords",
                "xray:PutTraceSegments",
            ],
        ),
        (
            "Sessions",
            settings.exec,
            &[
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
        ),
    ];
    all.into_iter()
        .filter(|(_, is_asked, _)| *is_asked)
        .map(|(sid, _, actions)| {
            json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*"})
        })
        .collect()
}

fn of(site: &Site<'_>, permission: &Permission) -> Vec<Value> {
    let (sid, actions) = actions(permission.allow);
    let allow = |resources: Vec<String>| json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources});
    match permission.allow.thing() {
        Thing::Model => models(site, &permission.on, sid, actions),
        Thing::Namespace => vec![json!({
            "Sid": sid,
            "Effect": "Allow",
            "Action": actions,
            // IAM knows no resource for this one.
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": permission.on}},
        })],
        Thing::Bucket => {
            let mut statement = allow(resources(site, permission));
            // Names of buckets are the world's: one of another account may bear it.
            statement["Condition"] =
                json!({"StringEquals": {"aws:ResourceAccount": site.platform.account}});
            vec![statement]
        }
        Thing::Bus | Thing::Queue | Thing::Table | Thing::Topic => {
            vec![allow(resources(site, permission))]
        }
    }
}

/// A capability's statement: its id and its actions.
fn actions(capability: Capability) -> (&'static str, &'static [&'static str]) {
    match capability {
        Capability::BedrockInvoke => (
            "AskModels",
            &[
                "bedrock:InvokeModel",
                "bedrock:InvokeModelWithResponseStream",
            ],
        ),
        Capability::CloudwatchPut => ("PutMetrics", &["cloudwatch:PutMetricData"]),
        Capability::DynamodbRead => (
            "ReadTables",
            &[
                "dynamodb:BatchGetItem",
                "dynamodb:ConditionCheckItem",
                "dynamodb:DescribeTable",
                "dynamodb:GetItem",
                "dynamodb:Query",
                "dynamodb:Scan",
            ],
        ),
        Capability::DynamodbWrite => (
            "WriteTables",
            &[
                "dynamodb:BatchWriteItem",
                "dynamodb:DeleteItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
            ],
        ),
        Capability::EventsPut => ("PutEvents", &["events:PutEvents"]),
        Capability::S3Read => ("ReadBuckets", &["s3:GetObject", "s3:ListBucket"]),
        Capability::S3Write => (
            "WriteBuckets",
            &[
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:ListMultipartUploadParts",
                "s3:PutObject",
            ],
        ),
        Capability::SnsPublish => ("PublishToTopics", &["sns:Publish"]),
        Capability::SqsReceive => (
            "ReceiveFromQueues",
            &[
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
            ],
        ),
        Capability::SqsSend => (
            "SendToQueues",
            &[
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:SendMessage",
            ],
        ),
    }
}

/// The ARNs of what a permission names.
fn resources(site: &Site<'_>, permission: &Permission) -> Vec<String> {
    let partition = &site.platform.partition;
    let of = |name: &String| -> Vec<String> {
        let bucket = format!("arn:{partition}:s3:::{name}");
        match permission.allow {
            Capability::S3Read => vec![bucket.clone(), format!("{bucket}/*")],
            Capability::S3Write => vec![format!("{bucket}/*")],
            Capability::DynamodbRead => {
                let table = site.arn("dynamodb", &format!("table/{name}"));
                vec![table.clone(), format!("{table}/index/*")]
            }
            Capability::DynamodbWrite => vec![site.arn("dynamodb", &format!("table/{name}"))],
            Capability::EventsPut => vec![site.arn("events", &format!("event-bus/{name}"))],
            Capability::SnsPublish => vec![site.arn("sns", name)],
            Capability::SqsReceive | Capability::SqsSend => vec![site.arn("sqs", name)],
            // These are no names of things of the account.
            Capability::BedrockInvoke | Capability::CloudwatchPut => Vec::new(),
        }
    };
    permission.on.iter().flat_map(of).collect()
}

/// Models of the region, inference profiles, and the models that are asked through these: in
/// whichever region the profile chooses, and only through it ("Prerequisites for inference
/// profiles", Amazon Bedrock user guide).
fn models(site: &Site<'_>, ids: &[String], sid: &str, actions: &[&str]) -> Vec<Value> {
    let partition = &site.platform.partition;
    let mut named = Vec::new();
    let (mut profiles, mut behind) = (Vec::new(), BTreeSet::new());
    for id in ids {
        match id.split_once('.') {
            Some((geography, model)) if GEOGRAPHIES.contains(&geography) => {
                profiles.push(site.arn("bedrock", &format!("inference-profile/{id}")));
                behind.insert(format!(
                    "arn:{partition}:bedrock:*::foundation-model/{model}"
                ));
            }
            _ => named.push(format!(
                "arn:{partition}:bedrock:{}::foundation-model/{id}",
                site.platform.region
            )),
        }
    }
    named.extend(profiles.iter().cloned());
    let mut statements =
        vec![json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": named})];
    if !profiles.is_empty() {
        statements.push(json!({
            "Sid": "ModelsOfProfiles",
            "Effect": "Allow",
            "Action": actions,
            "Resource": behind,
            "Condition": {"ArnEquals": {"bedrock:InferenceProfileArn": profiles}},
        }));
    }
    statements
}

/// What is named may be encrypted with a key of the customer, and which is not known here. Only
/// on behalf of the services, which do what is permitted above and no more.
fn keys(site: &Site<'_>, permissions: &[Permission]) -> Vec<Value> {
    let (mut read, mut written) = (BTreeSet::new(), BTreeSet::new());
    for permission in permissions {
        let (service, writes) = match permission.allow {
            Capability::DynamodbRead | Capability::DynamodbWrite => ("dynamodb", false),
            Capability::S3Read => ("s3", false),
            Capability::S3Write => ("s3", true),
            Capability::SnsPublish => ("sns", true),
            Capability::SqsReceive => ("sqs", false),
            Capability::SqsSend => ("sqs", true),
            Capability::BedrockInvoke | Capability::CloudwatchPut | Capability::EventsPut => {
                continue;
            }
        };
        let service = site.endpoint(service);
        if writes {
            written.insert(service.clone());
        }
        // Who writes reads the data key again, as for the parts of a large object.
        read.insert(service);
    }
    [
        ("Keys", "kms:Decrypt", read),
        ("DataKeys", "kms:GenerateDataKey", written),
    ]
    .into_iter()
    .filter(|(_, _, services)| !services.is_empty())
    .map(|(sid, action, services)| {
        json!({
            "Sid": sid,
            "Effect": "Allow",
            "Action": action,
            "Resource": site.arn("kms", "key/*"),
            "Condition": {"StringEquals": {"kms:ViaService": services}},
        })
    })
    .collect()
}
