//! AWS's own side: credentials and region from the standard chain, and the platform's stack.
//!
//! Everything that AWS's own tools find is found: the environment, profiles, single sign-on,
//! a credential process, web identity, containers and instances. Nothing is written.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use tokio::runtime::Runtime;

use crate::client::ClientError;
use crate::exit::{Exit, Failure};

/// How long credentials may take; a credential process may ask somebody something.
const PATIENCE: Duration = Duration::from_mins(1);

/// The way to AWS.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    runtime: Arc<Runtime>,
    config: SdkConfig,
}

impl Aws {
    /// Reads what there is; no credentials are fetched yet.
    pub(crate) fn load(region: Option<&str>, profile: Option<&str>) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Unreachable, error.to_string()))?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(30))
            .build();
        let http = Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut profile_region = ProfileFileRegionProvider::builder();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts);
        if let Ok(name) = AppName::new("slipway-cli") {
            loader = loader.app_name(name);
        }
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
            profile_region = profile_region.profile_name(profile);
        }
        // No instance metadata for the region: where there is none, it would cost seconds.
        let region =
            RegionProviderChain::first_try(region.map(|name| Region::new(name.to_owned())))
                .or_else(EnvironmentVariableRegionProvider::new())
                .or_else(profile_region.build());
        let config = runtime.block_on(loader.region(region).load());
        Ok(Self {
            runtime: Arc::new(runtime),
            config,
        })
    }

    /// The region of the chain.
    pub(crate) fn region(&self) -> Result<String, Failure> {
        self.config
            .region()
            .map(ToString::to_string)
            .ok_or_else(|| Failure::new(Exit::Usage, "no region: say --region, or set AWS_REGION"))
    }

    /// Credentials of the chain, fetched now.
    pub(crate) fn credentials(&self) -> Result<Credentials, ClientError> {
        let none = |reason: &str| {
            ClientError::Credentials(format!(
                "there are no AWS credentials: {reason}; sign in as for the aws command line, for example with `aws sso login`"
            ))
        };
        let provider = self
            .config
            .credentials_provider()
            .ok_or_else(|| none("no provider"))?;
        let fetched = self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, provider.provide_credentials()).await
        });
        match fetched {
            Ok(Ok(credentials)) => Ok(credentials),
            Ok(Err(error)) => Err(none(&chain(&error))),
            Err(_) => Err(none("their source does not answer")),
        }
    }

    /// The outputs of the stack `name`.
    pub(crate) fn outputs(&self, name: &str) -> Result<BTreeMap<String, String>, Failure> {
        let region = self.region()?;
        // First, so that what is missing is told as it is told everywhere.
        self.credentials()?;
        let client = aws_sdk_cloudformation::Client::new(&self.config);
        let described = self
            .runtime
            .block_on(client.describe_stacks().stack_name(name).send())
            .map_err(|error| {
                let reason = match (error.code(), error.message()) {
                    (Some(code), Some(message)) => format!("{message} ({code})"),
                    _ => chain(&error),
                };
                Failure::new(
                    Exit::Unreachable,
                    format!(
                        "the platform's stack `{name}` cannot be read in {region}: {reason}\n\
                         Name another with --platform-stack or --region, or the API itself with --endpoint."
                    ),
                )
            })?;
        let outputs = described
            .stacks()
            .first()
            .map(|stack| stack.outputs().to_vec())
            .unwrap_or_default();
        Ok(outputs
            .into_iter()
            .filter_map(|output| Some((output.output_key?, output.output_value?)))
            .collect())
    }
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
