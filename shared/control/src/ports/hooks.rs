//! The secrets of webhooks.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_domain::ServiceName;
use ulid::Ulid;

use super::PortResult;

/// Who may tell of pushes.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// GitHub, and its container registry.
    Github,
    /// GitLab.
    Gitlab,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Azure DevOps service hooks.
    AzureDevops,
    /// Docker Hub.
    DockerHub,
    /// Whoever signs by Standard Webhooks.
    Standard,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Github,
        Self::Gitlab,
        Self::Bitbucket,
        Self::AzureDevops,
        Self::DockerHub,
        Self::Standard,
    ];

    /// The name in paths and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Bitbucket => "bitbucket",
            Self::AzureDevops => "azure-devops",
            Self::DockerHub => "docker-hub",
            Self::Standard => "standard",
        }
    }
}

/// The secrets of one service's webhook of one provider: the newest first, and behind it those
/// that count for a while yet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookSecrets {
    /// The incarnation of the service that they are for: a secret of an earlier life counts for
    /// nothing.
    pub uid: Ulid,
    /// The secrets.
    pub secrets: Vec<HookSecret>,
}

/// One secret of a webhook.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookSecret {
    /// The secret itself.
    pub value: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it counts; for good, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl HookSecrets {
    /// The secrets that count at `now`.
    pub fn valid(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        self.secrets
            .iter()
            .filter(move |it| it.until.is_none_or(|until| now < until))
            .map(|it| &*it.value)
    }
}

impl std::fmt::Debug for HookSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.secrets).finish()
    }
}

impl std::fmt::Debug for HookSecret {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "secret of {}", self.made_at)
    }
}

/// Reads the secrets of webhooks.
pub trait HookReader: Send + Sync {
    /// The secrets, or nothing where none was made.
    fn hook(
        &self,
        service: &ServiceName,
        provider: Provider,
    ) -> impl Future<Output = PortResult<Option<HookSecrets>>> + Send;
}

/// Makes and removes the secrets of webhooks.
pub trait HookWriter: Send + Sync {
    /// Writes the secrets over those that were there.
    fn put_hook(
        &self,
        service: &ServiceName,
        provider: Provider,
        secrets: &HookSecrets,
    ) -> impl Future<Output = PortResult<()>> + Send;

    /// The providers for which secrets are there.
    fn hooks(
        &self,
        service: &ServiceName,
    ) -> impl Future<Output = PortResult<Vec<Provider>>> + Send;

    /// Removes the secrets of these providers. Nothing happens where there are none.
    fn remove_hooks(
        &self,
        service: &ServiceName,
        providers: &[Provider],
    ) -> impl Future<Output = PortResult<()>> + Send;
}
