//! The two roles of a task: one that starts it, one that it is.
//!
//! Both lie under the platform's path and within its permissions boundary. The execution
//! role can pull the image, write its own log streams and read exactly the secrets that the
//! manifest names; the task role can do nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slipway_domain::secret::Location;

use crate::environment_stack::{Resources, Site};

pub(crate) const EXECUTION: &str = "ExecutionRole";
pub(crate) const TASK: &str = "TaskRole";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let mut execution = role(site, "Starts the tasks");
    execution["Properties"]["Policies"] = json!([{
        "PolicyName": "start",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": statements(site)},
    }]);
    to.add(EXECUTION, execution);
    to.add(TASK, role(site, "What the tasks may do"));
}

fn role(site: &Site<'_>, what: &str) -> Value {
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Description": format!("{what} of {}", site.family()),
            "Path": site.platform.role_path,
            "PermissionsBoundary": site.platform.permissions_boundary,
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    // Nobody else's tasks: the confused deputy.
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": site.platform.account},
                        "ArnLike": {"aws:SourceArn": site.arn("ecs", "*")},
                    },
                }],
            },
        },
    })
}

fn statements(site: &Site<'_>) -> Vec<Value> {
    let streams = format!("log-group:{}:*", site.log_group_name());
    let mut statements = vec![json!({
        "Sid": "Logs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": site.arn("logs", &streams),
    })];
    statements.extend(pull(site));
    statements.extend(secrets(site));
    statements
}

/// What pulling from a private ECR registry needs; other registries ask no role.
fn pull(site: &Site<'_>) -> Vec<Value> {
    let Some(image) = site.image.ecr() else {
        return Vec::new();
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
            "Resource": format!(
                "arn:{}:ecr:{}:{}:repository/{}",
                site.platform.partition, image.region, image.account, image.repository
            ),
        }),
    ]
}

fn secrets(site: &Site<'_>) -> Vec<Value> {
    let mut parameters = BTreeSet::new();
    let mut secrets = BTreeSet::new();
    for reference in site.effective.settings.secrets.values() {
        match reference.location() {
            Location::Parameter(name) => {
                parameters.insert(site.arn("ssm", &format!("parameter{name}")));
            }
            Location::Secret(name, _) => {
                let secret = site.arn("secretsmanager", &format!("secret:{name}"));
                // Secrets Manager puts a hyphen and six characters behind the name, unless
                // the reference has them already.
                secrets.insert(format!("{secret}-??????"));
                secrets.insert(secret);
            }
        }
    }
    let mut statements = Vec::new();
    if !parameters.is_empty() {
        statements.push(json!({
            "Sid": "Parameters",
            "Effect": "Allow",
            "Action": "ssm:GetParameters",
            "Resource": parameters,
        }));
        statements.push(decrypt(
            site,
            "ParameterKeys",
            "ssm",
            "PARAMETER_ARN",
            &parameters,
        ));
    }
    if !secrets.is_empty() {
        statements.push(json!({
            "Sid": "Secrets",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": secrets,
        }));
        statements.push(decrypt(
            site,
            "SecretKeys",
            "secretsmanager",
            "SecretARN",
            &secrets,
        ));
    }
    statements
}

/// A secret may be encrypted with a key of the customer. Which one is not known here; that
/// it decrypts nothing but these secrets is said by the encryption context, which holds
/// their ARNs.
fn decrypt(
    site: &Site<'_>,
    sid: &str,
    store: &str,
    context: &str,
    arns: &BTreeSet<String>,
) -> Value {
    // China's endpoints have a suffix of their own.
    let suffix = match site.platform.partition.as_str() {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    let via = format!("{store}.{}.{suffix}", site.platform.region);
    json!({
        "Sid": sid,
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": site.arn("kms", "key/*"),
        "Condition": {
            "StringEquals": {"kms:ViaService": via},
            "StringLike": {(format!("kms:EncryptionContext:{context}")): arns},
        },
    })
}
