//! The two roles of a task: one that starts it, one that it is.
//!
//! Both lie under the platform's path and within its permissions boundary. The execution
//! role can pull the image, write its own log streams and read the secrets that the
//! manifest names; the task role can do what the manifest's permissions say, and without any,
//! nothing. A worker's may work off its queue, too.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slipway_domain::secret::Location;

use crate::database::client;
use crate::environment_stack::{Resources, Site};
use crate::{permissions, queue};

pub(crate) const EXECUTION: &str = "ExecutionRole";
pub(crate) const TASK: &str = "TaskRole";

/// The most bytes of secrets' ARNs. IAM takes 10,240 for all policies inside a role.
const MAX_ARN_BYTES: usize = 8_000;

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    to.add(
        EXECUTION,
        of_tasks(site, "Starts the tasks of", "start", &statements(site)),
    );
    to.add(TASK, task(site));
}

/// The role that the containers have.
fn task(site: &Site<'_>) -> Value {
    let mut statements = permissions::statements(site);
    if queue::is_there(site) {
        statements.push(queue::statement());
    }
    of_tasks(
        site,
        "What runs in the tasks of",
        "permissions",
        &statements,
    )
}

fn of_tasks(site: &Site<'_>, what: &str, policy: &str, statements: &[Value]) -> Value {
    Role {
        what,
        service: "ecs-tasks",
        source: site.arn("ecs", "*"),
        always_says: true,
        boundary: &site.platform.permissions_boundary,
    }
    .with(site, policy, statements)
}

/// A role that a service of AWS assumes, for what is at `source`, and for nobody else's things: the
/// confused deputy.
pub(crate) struct Role<'a> {
    /// What it is for, with the service's name to follow.
    pub(crate) what: &'a str,
    /// The service of AWS, as its principal begins.
    pub(crate) service: &'a str,
    /// The ARN, or its pattern, of that for which the service asks.
    pub(crate) source: String,
    /// Whether AWS documents that the service says so each time.
    pub(crate) always_says: bool,
    /// The most that it may.
    pub(crate) boundary: &'a str,
}

impl Role<'_> {
    /// The role, which may do what the statements say; nothing without any.
    pub(crate) fn with(self, site: &Site<'_>, policy: &str, statements: &[Value]) -> Value {
        let if_exists = if self.always_says { "" } else { "IfExists" };
        let mut role = json!({
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Description": format!("{} {}", self.what, site.family()),
                "Path": site.platform.role_path,
                "PermissionsBoundary": self.boundary,
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Effect": "Allow",
                        "Principal": {"Service": format!("{}.amazonaws.com", self.service)},
                        "Action": "sts:AssumeRole",
                        "Condition": {
                            (format!("StringEquals{if_exists}")): {
                                "aws:SourceAccount": site.platform.account,
                            },
                            (format!("ArnLike{if_exists}")): {"aws:SourceArn": self.source},
                        },
                    }],
                },
            },
        });
        if !statements.is_empty() {
            role["Properties"]["Policies"] = json!([{
                "PolicyName": policy,
                "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
            }]);
        }
        role
    }
}

/// Writing the streams of a log group.
pub(crate) fn logs(site: &Site<'_>, group: &str) -> Value {
    json!({
        "Sid": "Logs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": site.arn("logs", &format!("log-group:{group}:*")),
    })
}

fn statements(site: &Site<'_>) -> Vec<Value> {
    let mut statements = vec![logs(site, &site.log_group_name())];
    statements.extend(pull(site));
    statements.extend(secrets(site));
    statements.extend(client::statements(site));
    statements
}

/// What pulling from a private ECR registry needs; other registries ask no role.
fn pull(site: &Site<'_>) -> Vec<Value> {
    let settings = &site.effective.settings;
    let mut images: Vec<_> = site.artifact.image().into_iter().collect();
    images.extend(settings.sidecars.values().map(|it| &it.image));
    images.extend(settings.tracing.then_some(&site.platform.collector_image));
    let partition = &site.platform.partition;
    let repositories: BTreeSet<String> = images
        .iter()
        .filter_map(|image| image.ecr())
        .map(|it| {
            format!(
                "arn:{partition}:ecr:{}:{}:repository/{}",
                it.region, it.account, it.repository
            )
        })
        .collect();
    if repositories.is_empty() {
        return Vec::new();
    }
    let mut repositories: Vec<String> = repositories.into_iter().collect();
    let resource = match repositories.len() {
        1 => json!(repositories.remove(0)),
        _ => json!(repositories),
    };
    vec![
        json!({
            "Sid": "Login",
            "Effect": "Allow",
            "Action": "ecr:GetAuthorizationToken",
            // IAM knows no resource for this one action.
            "Resource": "*",
        }),
        json!({
            "Sid": "Pull",
            "Effect": "Allow",
            "Action": [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            "Resource": resource,
        }),
    ]
}

/// Reading the secrets that the manifest names, and nothing else. ECS and functions that read many
/// at once ask for `GetParameters`, AWS's own extension for functions for one.
pub(crate) fn secrets(site: &Site<'_>) -> Vec<Value> {
    let mut parameters = BTreeSet::new();
    let mut secrets = BTreeSet::new();
    for (_, reference) in site.effective.settings.all_secrets() {
        match reference.location() {
            Location::Parameter(name) => {
                parameters.insert(site.arn("ssm", &format!("parameter{name}")));
            }
            Location::Secret(name, _) => {
                let secret = site.arn("secretsmanager", &format!("secret:{name}"));
                // Secrets Manager puts a hyphen and six characters behind a name; a reference
                // may have them already.
                secrets.insert(format!("{secret}-??????"));
                if has_suffix(name) {
                    secrets.insert(secret);
                }
            }
        }
    }
    let bytes: usize = parameters.iter().chain(&secrets).map(String::len).sum();
    if bytes > MAX_ARN_BYTES {
        (parameters, secrets) = prefixes(site);
    }
    let read = if site.effective.settings.kind.has_tasks() {
        json!("ssm:GetParameters")
    } else {
        json!(["ssm:GetParameter", "ssm:GetParameters"])
    };
    let mut stores = Vec::new();
    let mut statements = Vec::new();
    for (sid, action, store, arns) in [
        ("Parameters", read, "ssm", parameters),
        (
            "Secrets",
            json!("secretsmanager:GetSecretValue"),
            "secretsmanager",
            secrets,
        ),
    ] {
        if !arns.is_empty() {
            statements
                .push(json!({"Sid": sid, "Effect": "Allow", "Action": action, "Resource": arns}));
            stores.push(site.endpoint(store));
        }
    }
    if !stores.is_empty() {
        // A secret may be encrypted with a key of the customer, and which is not known here.
        // Only on behalf of the stores, which hand out what is permitted above and no more.
        statements.push(json!({
            "Sid": "SecretKeys",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": site.arn("kms", "key/*"),
            "Condition": {"StringEquals": {"kms:ViaService": stores}},
        }));
    }
    statements
}

fn has_suffix(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(_, suffix)| {
        suffix.len() == 6 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Everything that the platform lets this service read, where naming each secret would pass
/// IAM's limit. The boundary says the same.
fn prefixes(site: &Site<'_>) -> (BTreeSet<String>, BTreeSet<String>) {
    let prefixes = site.platform.secret_prefixes_of(&site.effective.service);
    let parameters = prefixes
        .iter()
        .map(|prefix| site.arn("ssm", &format!("parameter{prefix}*")))
        .collect();
    let secrets = prefixes
        .iter()
        .map(|prefix| site.arn("secretsmanager", &format!("secret:{prefix}*")))
        .collect();
    (parameters, secrets)
}
