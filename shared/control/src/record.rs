//! What the registry holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_domain::status::StackStatus;
use slipway_domain::{
    Artifact, DeploymentId, EnvironmentName, Evidence, Manifest, Place, RoutePath, Scope,
    ServiceName,
};
use ulid::Ulid;

use crate::databases::DatabaseUse;

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
    /// The places on the platform's load balancers that this stack holds; likewise.
    pub places: BTreeSet<Place>,
    /// The databases that this stack holds claims on; likewise.
    pub databases: BTreeSet<DatabaseUse>,
    /// When the sweep looks at the stack; never, when absent.
    pub attention: Option<Timestamp>,
    /// What is known of the stack; written by the reconciler alone.
    pub status: StackStatus,
    /// Where the reconciler is; written by the reconciler alone.
    pub progress: Progress,
}

/// What the reconciler must remember between two looks. Everything else it sees anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The deployment that the last look was about.
    pub deployment: Option<DeploymentId>,
    /// The generation that the counters and `failure` are about.
    pub generation: u64,
    /// How many operations were begun for `generation`: with it, each has a name of its own.
    pub serial: u32,
    /// How often the stack was to be created or updated for `generation`.
    pub attempt: u32,
    /// How often the stack was to be deleted, since it last was not.
    pub deletions: u32,
    /// How often a rollback was to be continued, or drift repaired, for `generation`.
    pub recoveries: u32,
    /// Whether the stack was deleted to be made anew, for `generation`.
    pub made_anew: bool,
    /// The last operation that was begun. It is written before CloudFormation is called, so
    /// that no call is ever made that the registry does not know of.
    pub operation: Option<Operation>,
    /// The template that CloudFormation called "no updates", so that it is not sent again.
    pub unchanged: Option<String>,
    /// Why the last attempt failed.
    pub failure: Option<Failure>,
    /// What was found around the failure, before CloudFormation removed it.
    #[serde(skip_serializing_if = "Evidence::is_empty")]
    pub evidence: Evidence,
    /// How often that was looked for, for `generation`.
    pub evidence_looks: u32,
    /// When ECS was first seen replacing tasks, once the stack was as wanted.
    pub rolling_since: Option<Timestamp>,
    /// What was as wanted last.
    pub settled: Option<Settled>,
    /// What the newest deployment's check came to, before anything was done for it.
    pub check: Option<Checked>,
    /// The deployment for which the tasks were last to be replaced although nothing changed.
    pub restart: Option<DeploymentId>,
    /// The fingerprint of the rendering that a wave of an upgrade has let through.
    pub permit: Option<String>,
    /// When a message of the wake queue is due that asks for the next look.
    pub wake_at: Option<Timestamp>,
    /// Whether a slot for a stack operation may be held.
    pub holds_slot: bool,
}

/// A deployment that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The deployment.
    pub deployment: DeploymentId,
    /// What its check came to.
    pub verdict: Verdict,
}

/// What a deployment's check came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// It may begin, with this: pinned, where that can be.
    Cleared {
        /// The image or archive.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// It cannot succeed: all the reasons, for people.
    Refused {
        /// The reasons.
        reasons: String,
    },
    /// It waits, and is checked again.
    Awaits {
        /// For what, for people.
        what: String,
        /// Until when; then it is refused.
        until: Timestamp,
    },
}

impl Verdict {
    /// Whether it will not change by itself.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Cleared { .. } | Self::Refused { .. } => true,
            Self::Awaits { .. } => false,
        }
    }
}

/// A stack operation that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// What it does.
    pub kind: OperationKind,
    /// The generation that it is for.
    pub generation: u64,
    /// Its number among those of the generation.
    pub serial: u32,
    /// The digest of the template that it applies, where it applies one.
    pub digest: Option<String>,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// When CloudFormation was to be called for it last; when it was begun, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_at: Option<Timestamp>,
    /// How often CloudFormation was to be called for it.
    pub calls: u32,
    /// Whether CloudFormation was seen working on it, or said that it knows it.
    pub seen: bool,
    /// Why it was to be cancelled, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Cancelled>,
}

/// What an operation does with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationKind {
    /// Prepares the change set that creates it.
    Prepare,
    /// Executes that change set.
    Execute,
    /// Updates it.
    Update,
    /// Deletes it.
    Delete,
    /// Goes on with a rollback that failed.
    Continue,
    /// Prepares the change set that undoes drift.
    PrepareRepair,
    /// Executes that change set.
    ExecuteRepair,
}

impl OperationKind {
    /// Whether a stack may look after it as it did before. A change set and the end of a review
    /// can be seen.
    pub fn leaves_no_trace(self) -> bool {
        match self {
            Self::Update | Self::Delete | Self::Continue | Self::ExecuteRepair => true,
            Self::Prepare | Self::Execute | Self::PrepareRepair => false,
        }
    }
}

/// Why an operation was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cancelled {
    /// Something newer is wanted.
    Superseded,
    /// It took longer than the platform allows.
    Overdue,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The reason, for people.
    pub reason: String,
    /// Whether another attempt may succeed by itself.
    pub transient: bool,
    /// When another attempt may begin; absent before that was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

/// What a stack was brought to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The generation.
    pub generation: u64,
    /// The digest of its template.
    pub digest: String,
    /// When that was found.
    pub at: Timestamp,
}

/// A service with its stacks, as one query reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceState {
    /// The service at its newest generation.
    pub service: ServiceRecord,
    /// Its stacks.
    pub stacks: BTreeMap<Scope, StackRecord>,
}

impl StackRecord {
    /// What the newest deployment's check came to; nothing when it was not checked yet.
    pub fn verdict(&self) -> Option<&Verdict> {
        let checked = self.progress.check.as_ref()?;
        (Some(checked.deployment) == self.deployment).then_some(&checked.verdict)
    }
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
    /// What: `register`, `replace`, `patch`, `deploy`, `redeploy`, `rollback`, `cancel`, `delete`;
    /// of scaling `pause-scaling`, `resume-scaling`, `hold-bounds`, `release-bounds`, `set-count`;
    /// or the control plane's own `leave-behind` and `rotation`.
    pub action: String,
    /// The generation that the change made.
    pub generation: u64,
    /// SHA-256 of the manifest before, absent at registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// SHA-256 of the manifest after.
    pub after: String,
    /// What there is to know beside, such as resources that a deletion had to leave behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
