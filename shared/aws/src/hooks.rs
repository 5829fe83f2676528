//! The secrets of webhooks, in Parameter Store: a `SecureString` for each service and provider,
//! encrypted with the key that AWS manages for it, as JSON.
//!
//! Their values are seen here and nowhere else. What can hold one is not handed on: an answer of
//! AWS, which the SDK's errors carry; what the SDK says of it, but for the refusal of a right;
//! what serde says of a text that it cannot read.

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::operation::put_parameter::{PutParameterError, PutParameterOutput};
use aws_sdk_ssm::types::{ParameterTier, ParameterType, Tag};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::ports::{HookReader, HookSecrets, HookWriter, PortResult, Provider};
use slipway_domain::ServiceName;

use crate::error::{bare, unreadable};

/// The largest value of a parameter of the standard tier, in bytes (`PutParameter` in the API
/// reference of Systems Manager).
const LARGEST: usize = 4096;

/// Reads and writes the secrets of the platform's webhooks.
#[derive(Debug, Clone)]
pub struct Hooks {
    client: Client,
    platform: String,
}

impl Hooks {
    /// Over Parameter Store; `platform` is the platform's name, under which they lie.
    pub fn new(config: &SdkConfig, platform: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            platform: platform.into(),
        }
    }

    /// The parameter of one webhook.
    fn name(&self, service: &ServiceName, provider: Provider) -> String {
        format!(
            "/{}/_platform/webhooks/{service}/{}",
            self.platform,
            provider.name()
        )
    }

    /// The parameters of these webhooks: ten at most, as calls take them.
    fn names(&self, service: &ServiceName, providers: &[Provider]) -> Vec<String> {
        let names = providers.iter();
        names
            .map(|&provider| self.name(service, provider))
            .collect()
    }

    /// Writes a parameter: a new one with its tags, or over one that is there, without. A call
    /// cannot do both: "tags and overwrite can't be used together" (aws/aws-cli#5162).
    async fn put(
        &self,
        name: &str,
        value: &str,
        tags: Option<Vec<Tag>>,
    ) -> Result<PutParameterOutput, SdkError<PutParameterError, HttpResponse>> {
        self.client
            .put_parameter()
            .name(name)
            .value(value)
            .r#type(ParameterType::SecureString)
            .tier(ParameterTier::Standard)
            .overwrite(tags.is_none())
            .set_tags(tags)
            .send()
            .await
    }

    fn tags(&self, service: &ServiceName) -> PortResult<Vec<Tag>> {
        let tag = |key: &str, value: &str| {
            let tag = Tag::builder().key(key).value(value).build();
            tag.map_err(|_| unreadable(PUT, "the request could not be made"))
        };
        Ok(vec![
            tag("slipway:platform", &self.platform)?,
            tag("slipway:service", service.as_str())?,
        ])
    }
}

const GET: &str = "ssm:GetParameter";
const PUT: &str = "ssm:PutParameter";

impl HookReader for Hooks {
    async fn hook(
        &self,
        service: &ServiceName,
        provider: Provider,
    ) -> PortResult<Option<HookSecrets>> {
        let answer = self
            .client
            .get_parameter()
            .name(self.name(service, provider))
            .with_decryption(true)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("ParameterNotFound") => return Ok(None),
            Err(error) => return Err(bare(GET, error)),
        };
        let text = answer.parameter.and_then(|parameter| parameter.value);
        let secrets = text.and_then(|text| serde_json::from_str(&text).ok());
        let message = "the parameter does not hold the secrets of a webhook";
        secrets.map(Some).ok_or_else(|| unreadable(GET, message))
    }
}

impl HookWriter for Hooks {
    async fn put_hook(
        &self,
        service: &ServiceName,
        provider: Provider,
        secrets: &HookSecrets,
    ) -> PortResult<()> {
        let name = self.name(service, provider);
        let value = serde_json::to_string(secrets)
            .map_err(|_| unreadable(PUT, "the secrets could not be written down"))?;
        if value.len() > LARGEST {
            let message = format!("the secrets take more than {LARGEST} bytes");
            return Err(unreadable(PUT, message));
        }
        match self.put(&name, &value, Some(self.tags(service)?)).await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ParameterAlreadyExists") => {
                let over = self.put(&name, &value, None).await;
                over.map(drop).map_err(|error| bare(PUT, error))
            }
            Err(error) => Err(bare(PUT, error)),
        }
    }

    async fn hooks(&self, service: &ServiceName) -> PortResult<Vec<Provider>> {
        // By their names and not by their path: one call, which sees what was written just now.
        // Not decrypted, the values are of no use to anybody.
        let answer = self
            .client
            .get_parameters()
            .set_names(Some(self.names(service, &Provider::ALL)))
            .with_decryption(false)
            .send()
            .await
            .map_err(|error| bare("ssm:GetParameters", error))?;
        let there = |provider: &Provider| {
            let name = self.name(service, *provider);
            let mut found = answer.parameters().iter();
            found.any(|parameter| parameter.name() == Some(&name))
        };
        Ok(Provider::ALL.into_iter().filter(there).collect())
    }

    async fn remove_hooks(&self, service: &ServiceName, providers: &[Provider]) -> PortResult<()> {
        if providers.is_empty() {
            return Ok(());
        }
        // Names that are not there are in the answer, and no error.
        self.client
            .delete_parameters()
            .set_names(Some(self.names(service, providers)))
            .send()
            .await
            .map_err(|error| bare("ssm:DeleteParameters", error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
