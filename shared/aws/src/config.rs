//! One SDK configuration for all clients of a function.
//!
//! Explicit rather than found: no profile files, no instance metadata, no chain of
//! credential providers. A Lambda function has its region and credentials in its environment,
//! and every file that is not read makes a cold start shorter.

use std::time::Duration;

use aws_config::environment::credentials::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// The configuration for all clients of the function `app`, which the SDK names in its user
/// agent (`app/slipway-api`) and CloudTrail shows. `endpoint` replaces AWS's own endpoints.
pub fn sdk_config(app: &str, region: &str, endpoint: Option<&str>) -> SdkConfig {
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        // An attempt that hangs leaves time for another within the shortest function's 15 s.
        .operation_attempt_timeout(Duration::from_secs(4))
        .operation_timeout(Duration::from_secs(10))
        .build();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .http_client(
            Builder::new()
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .build_https(),
        )
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts);
    if let Some(endpoint) = endpoint {
        config = config.endpoint_url(endpoint);
    }
    config.set_app_name(AppName::new(app.to_owned()).ok());
    config.build()
}

/// The same configuration with less patience, for what helps and need not be had: several calls
/// of four seconds leave half of a function's time to the one who asks.
pub(crate) fn with_less_patience(config: &SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(4))
        .build();
    config
        .to_builder()
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .build()
}
