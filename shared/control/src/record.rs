//! What the registry holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_domain::status::StackStatus;
use slipway_domain::{DeploymentId, EnvironmentName, Manifest, RoutePath, Scope, ServiceName};
use ulid::Ulid;

/// A service at one generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceRecord {
    /// The incarnation: a service that is deleted and registered again has another. Tokens
    /// are made from it, so that nothing of an earlier life answers for a later one.
    pub uid: Ulid,
    /// Grows by one with every change.
    pub generation: u64,
    /// What the team wants, defaults filled in.
    pub manifest: Manifest,
    /// When the service was registered.
    pub created_at: Timestamp,
    /// When this generation was made.
    pub updated_at: Timestamp,
    /// Who made this generation: the caller's ARN.
    pub updated_by: String,
    /// Whether the service is being deleted.
    #[serde(default)]
    pub deleting: bool,
}

impl ServiceRecord {
    /// The service's name.
    pub fn name(&self) -> &ServiceName {
        &self.manifest.service
    }
}

/// One stack of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct StackRecord {
    /// Which stack.
    pub scope: Scope,
    /// Grows with every write, whoever writes: the reconciler's writes are conditional on it.
    pub version: u64,
    /// The newest deployment; written by the API.
    pub deployment: Option<DeploymentId>,
    /// The paths that this stack holds claims on; the API adds, the reconciler takes away.
    pub paths: BTreeSet<RoutePath>,
    /// When the sweep looks at the stack; never, when absent.
    pub attention: Option<Timestamp>,
    /// What is known of the stack; written by the reconciler alone.
    pub status: StackStatus,
    /// Where the reconciler is; written by the reconciler alone.
    pub progress: Progress,
}

/// What the reconciler must remember between two looks. Everything else it sees anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The deployment that the last look was about.
    pub deployment: Option<DeploymentId>,
    /// How often an operation was started for `generation`.
    pub attempt: u32,
    /// The generation that `attempt` and `failure` are about.
    pub generation: u64,
    /// The template that CloudFormation called "no updates", so that it is not sent again.
    pub unchanged: Option<String>,
    /// Why the last attempt failed.
    pub failure: Option<Failure>,
    /// When a message of the wake queue is due that asks for the next look.
    #[serde(default)]
    pub wake_at: Option<Timestamp>,
    /// Whether a slot for a stack operation may be held.
    pub holds_slot: bool,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The reason, for people.
    pub reason: String,
    /// Whether another attempt may succeed by itself.
    pub transient: bool,
    /// Whether the time before another attempt was waited for.
    pub rested: bool,
}

/// A service with its stacks, as one query reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceState {
    /// The service at its newest generation.
    pub service: ServiceRecord,
    /// Its stacks.
    pub stacks: BTreeMap<Scope, StackRecord>,
}

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AuditEntry {
    /// The entry's id, a ULID.
    #[schemars(with = "String")]
    pub id: Ulid,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Who: the caller's ARN.
    pub actor: String,
    /// What: `register`, `replace`, `patch`, `deploy` or `delete`.
    pub action: String,
    /// The generation that the change made.
    pub generation: u64,
    /// SHA-256 of the manifest before, absent at registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// SHA-256 of the manifest after.
    pub after: String,
}

/// An answer that was given under an idempotency key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The key, as the caller sent it.
    pub key: String,
    /// SHA-256 of the request.
    pub request: String,
    /// The answer's body.
    pub response: serde_json::Value,
    /// Until when the key is remembered.
    pub expires_at: Timestamp,
}

/// Who holds a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathOwner {
    /// The service.
    pub service: ServiceName,
    /// Its environment.
    pub environment: EnvironmentName,
}

impl std::fmt::Display for PathOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.service, self.environment)
    }
}
