//! Whether parameters and secrets are there. No value is ever read.
//!
//! Of parameters, `DescribeParameters` tells names and nothing that is secret, fifty in a call;
//! `GetParameters` would need the right to read the values. It follows a new parameter by a
//! moment, so one made just now may count as missing once. Of secrets, `DescribeSecret` tells
//! one in a call, and only those on which IAM lets it (a listing could not be limited).
//!
//! Whether a secret's JSON has the key that a reference names is in its value, and not asked.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client as SecretClient;
use aws_sdk_ssm::Client as ParameterClient;
use aws_sdk_ssm::types::ParameterStringFilter;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::future::{ready, try_join};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use slipway_control::ports::{PortResult, Rotation, RotationReader, SecretReader};
use slipway_domain::SecretReference;
use slipway_domain::secret::Location;

use crate::error::{port_error, unreadable};

/// The most values of a filter, and the largest page (`ParameterStringFilter` and `MaxResults` in
/// the API reference of Systems Manager).
const NAMES: usize = 50;

/// The label of the version that counts ("Secrets Manager User Guide", "What's in a secret").
const CURRENT: &str = "AWSCURRENT";

/// How many calls to one service are under way at once.
const AT_ONCE: usize = 8;

/// Looks parameters and secrets up by their names.
#[derive(Debug, Clone)]
pub struct Secrets {
    parameters: ParameterClient,
    secrets: SecretClient,
}

impl Secrets {
    /// Over Parameter Store and Secrets Manager.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            parameters: ParameterClient::new(config),
            secrets: SecretClient::new(config),
        }
    }

    /// Those of the parameters that are there.
    async fn parameters(&self, names: Vec<String>) -> PortResult<BTreeSet<String>> {
        let calls: Vec<_> = names.chunks(NAMES).map(<[String]>::to_vec).collect();
        stream::iter(calls)
            .map(|names| self.some_parameters(names))
            .buffer_unordered(AT_ONCE)
            .try_concat()
            .await
    }

    async fn some_parameters(&self, names: Vec<String>) -> PortResult<BTreeSet<String>> {
        let filter = ParameterStringFilter::builder()
            .key("Name")
            .option("Equals")
            .set_values(Some(names))
            .build()
            .map_err(|_| unreadable("ssm:DescribeParameters", "the request could not be made"))?;
        // A page may be empty with others behind it.
        let mut pages = self
            .parameters
            .describe_parameters()
            .parameter_filters(filter)
            .into_paginator()
            .page_size(i32::try_from(NAMES).unwrap_or(i32::MAX))
            .send();
        let mut found = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error("ssm:DescribeParameters", error))?;
            let parameters = page.parameters.into_iter().flatten();
            found.extend(parameters.filter_map(|parameter| parameter.name));
        }
        Ok(found)
    }

    /// Those of the secrets that are there.
    async fn secrets(&self, names: Vec<String>) -> PortResult<BTreeSet<String>> {
        stream::iter(names)
            .map(|name| self.secret(name))
            .buffer_unordered(AT_ONCE)
            .try_filter_map(|found| ready(Ok(found)))
            .try_collect()
            .await
    }

    /// The name again, of a secret that is there. One that waits for its deletion gives its value
    /// to nobody.
    async fn secret(&self, name: String) -> PortResult<Option<String>> {
        match self.secrets.describe_secret().secret_id(&name).send().await {
            Ok(secret) => Ok(secret.deleted_date.is_none().then_some(name)),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(port_error("secretsmanager:DescribeSecret", error)),
        }
    }
}

impl SecretReader for Secrets {
    async fn missing_secrets(
        &self,
        references: &[SecretReference],
    ) -> PortResult<Vec<SecretReference>> {
        let (parameters, secrets) = names(references);
        let (parameters, secrets) =
            try_join(self.parameters(parameters), self.secrets(secrets)).await?;
        let missing = |reference: &&SecretReference| match reference.location() {
            Location::Parameter(name) => !parameters.contains(name),
            Location::Secret(name, _) => !secrets.contains(name),
        };
        Ok(references.iter().filter(missing).cloned().collect())
    }
}

impl RotationReader for Secrets {
    async fn rotation(&self, secret: &str) -> PortResult<Option<Rotation>> {
        let call = self.secrets.describe_secret().secret_id(secret).send();
        let found = match call.await {
            Ok(found) => found,
            Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(None),
            Err(error) => return Err(port_error("secretsmanager:DescribeSecret", error)),
        };
        let is_current = |stages: &Vec<String>| stages.iter().any(|stage| stage == CURRENT);
        let versions = found.version_ids_to_stages.iter().flatten();
        let mut current = versions.filter(|(_, stages)| is_current(stages));
        let (Some((version, _)), Some(at)) = (current.next(), found.last_rotated_date) else {
            return Ok(None);
        };
        let at = Timestamp::from_nanosecond(at.as_nanos());
        Ok(at.ok().map(|at| Rotation {
            version: version.clone(),
            at,
        }))
    }
}

/// The names of parameters and of secrets, each once.
fn names(references: &[SecretReference]) -> (Vec<String>, Vec<String>) {
    let mut parameters = BTreeSet::new();
    let mut secrets = BTreeSet::new();
    for reference in references {
        match reference.location() {
            Location::Parameter(name) => parameters.insert(name),
            Location::Secret(name, _) => secrets.insert(name),
        };
    }
    let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
    (owned(parameters), owned(secrets))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::replay::{Asked, Replay, Reply};

    fn references(texts: &[&str]) -> Vec<SecretReference> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn aws(asked: &Asked) -> Reply {
        let ask = asked.json();
        match asked.operation.as_str() {
            "DescribeParameters" if ask["NextToken"].is_null() => {
                Reply::json(&json!({"Parameters": [], "NextToken": "more"}))
            }
            "DescribeParameters" => Reply::json(&json!({"Parameters": [{"Name": "/p/a/here"}]})),
            "DescribeSecret" => match ask["SecretId"].as_str().unwrap() {
                "/p/a/here" => Reply::json(&json!({"Name": "/p/a/here"})),
                "/p/a/going" => Reply::json(&json!({"Name": "/p/a/going", "DeletedDate": 1.0})),
                "/p/a/denied" => Reply::refused("AccessDeniedException", "not yours"),
                _ => Reply::refused("ResourceNotFoundException", "no such secret"),
            },
            other => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn what_is_not_there_or_waits_for_its_deletion_is_missing_in_the_order_asked() {
        let aws = Replay::new(aws);
        let asked = references(&[
            "secretsmanager:/p/a/none",
            "ssm:/p/a/here",
            "secretsmanager:/p/a/here#user",
            "secretsmanager:/p/a/here#password",
            "secretsmanager:/p/a/going",
            "ssm:/p/a/none",
        ]);
        let secrets = Secrets::new(&aws.config());
        let missing = secrets.missing_secrets(&asked).await.unwrap();
        assert_eq!(
            missing,
            references(&[
                "secretsmanager:/p/a/none",
                "secretsmanager:/p/a/going",
                "ssm:/p/a/none"
            ])
        );
        // Two pages of parameters, and each secret once, whatever keys of it are named.
        assert_eq!(aws.operations().len(), 5);
        let first = aws
            .asked()
            .into_iter()
            .find(|it| it.operation == "DescribeParameters");
        assert_eq!(
            first.unwrap().json()["ParameterFilters"],
            json!([{"Key": "Name", "Option": "Equals", "Values": ["/p/a/here", "/p/a/none"]}])
        );
    }

    #[tokio::test]
    async fn a_rotation_is_the_version_that_counts_and_when_it_began_to() {
        let aws = Replay::new(|asked| match asked.json()["SecretId"].as_str().unwrap() {
            "rotated" => Reply::json(&json!({
                "LastRotatedDate": 1_795_000_000.5,
                "LastChangedDate": 1_795_100_000.0,
                "VersionIdsToStages": {"old": ["AWSPREVIOUS"], "new": ["AWSCURRENT", "AWSPENDING"]},
            })),
            "young" => Reply::json(&json!({"VersionIdsToStages": {"first": ["AWSCURRENT"]}})),
            _ => Reply::refused("ResourceNotFoundException", "no such secret"),
        });
        let secrets = Secrets::new(&aws.config());
        let found = secrets.rotation("rotated").await.unwrap().unwrap();
        assert_eq!(found.version, "new");
        assert_eq!(found.at.as_millisecond(), 1_795_000_000_500);
        assert_eq!(secrets.rotation("young").await.unwrap(), None);
        assert_eq!(secrets.rotation("gone").await.unwrap(), None);
    }

    #[tokio::test]
    async fn nothing_is_asked_about_nothing() {
        let aws = Replay::new(aws);
        let missing = Secrets::new(&aws.config()).missing_secrets(&[]).await;
        assert_eq!(missing.unwrap(), []);
        assert_eq!(aws.operations(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_filter_takes_fifty_names() {
        let aws = Replay::new(|_| Reply::json(&json!({"Parameters": []})));
        let many: Vec<String> = (0..101).map(|n| format!("ssm:/p/a/{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let secrets = Secrets::new(&aws.config());
        let missing = secrets.missing_secrets(&references(&many)).await.unwrap();
        assert_eq!(missing, references(&many));
        assert_eq!(aws.operations().len(), 3);
    }

    #[tokio::test]
    async fn a_refusal_is_no_verdict() {
        let aws = Replay::new(aws);
        let asked = references(&["secretsmanager:/p/a/denied"]);
        let refused = Secrets::new(&aws.config()).missing_secrets(&asked).await;
        assert_eq!(
            refused.unwrap_err().operation,
            "secretsmanager:DescribeSecret"
        );
    }
}
