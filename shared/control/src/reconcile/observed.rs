//! What is there: a stack, its change set, and what ECS says.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;
use slipway_domain::Evidence;
use slipway_synth::{PLACEMENT_OUTPUT, Template, WEIGHTS_OUTPUT, Weights};

/// A stack as CloudFormation describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedStack {
    /// Its id.
    pub id: String,
    /// Its status.
    pub status: CloudFormationStatus,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// When drift was found in it by the last check; absent where that found none.
    pub drifted_at: Option<Timestamp>,
}

/// The output that carries the digest of the template that was applied.
pub const DIGEST_OUTPUT: &str = slipway_synth::DIGEST_OUTPUT;

impl ObservedStack {
    /// The digest of the template that was applied last.
    pub fn digest(&self) -> Option<&str> {
        self.outputs.get(DIGEST_OUTPUT).map(String::as_str)
    }

    /// The weights that the template that was applied last says.
    pub fn weights(&self) -> Option<Weights> {
        self.outputs.get(WEIGHTS_OUTPUT)?.parse().ok()
    }
}

/// Everything that a look at a stack found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The stack; none that ever was, or one that is deleted, is nothing.
    pub stack: Option<ObservedStack>,
    /// The change set that is to create or repair it, where the stack awaits one.
    pub change_set: Option<ChangeSet>,
    /// How its last operation failed, as its events tell; nothing while they tell of none.
    pub failure: Option<OperationFailure>,
    /// The resources that could not be deleted, where the deletion failed.
    pub stuck: Vec<StuckResource>,
    /// What ECS says, where the stack is complete.
    pub rollout: Option<Rollout>,
    /// Whether its deployment waits to be promoted before it gets traffic.
    pub awaits_promotion: bool,
    /// Where the traffic of a stack with two target groups goes, while it rests.
    pub weights: Option<Weights>,
    /// The resources that are not as the template says, where a check found drift.
    pub drift: Vec<ResourceDrift>,
    /// What was found around a failure, where it was looked for.
    pub evidence: Option<Evidence>,
}

impl Observed {
    /// The weights to render into whatever is done to the stack next: those that are live, or that
    /// its template says where they cannot be read.
    pub fn live_weights(&self) -> Option<Weights> {
        let applied = self.stack.as_ref().and_then(ObservedStack::weights);
        self.weights.or(applied)
    }

    /// How many tasks a service has that `target` would replace, by one in another cluster or with
    /// another kind of capacity; nothing where it stays.
    pub fn count_to_keep(&self, target: &Template) -> Option<u32> {
        let applied = self.stack.as_ref()?.outputs.get(PLACEMENT_OUTPUT);
        let (_, wanted) = self.rollout.as_ref()?.tasks;
        (applied.map(String::as_str) != target.placement()).then_some(wanted)
    }

    /// Whether traffic goes elsewhere than the stack's template says.
    pub fn has_moved(&self) -> bool {
        let applied = self.stack.as_ref().and_then(ObservedStack::weights);
        self.weights.is_some_and(|live| applied != Some(live))
    }
}

/// How an operation failed, as a stack's events tell. A status may be older than they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationFailure {
    /// The token that the operation was begun with, where it had one.
    pub token: Option<String>,
    /// The first failed resources and their reasons, where any are told.
    pub reason: Option<String>,
}

/// A resource that CloudFormation could not delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckResource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its CloudFormation type.
    pub resource_type: String,
    /// Its name in the account.
    pub physical_id: String,
    /// CloudFormation's reason.
    pub reason: String,
}

/// A resource that somebody changed or deleted by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceDrift {
    /// Its name in the template.
    pub logical_id: String,
    /// Its CloudFormation type.
    pub resource_type: String,
    /// Whether it is gone; otherwise it was changed.
    pub deleted: bool,
    /// The properties that differ.
    pub properties: Vec<PropertyDrift>,
}

/// A property that somebody changed by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyDrift {
    /// Where it is, a JSON pointer into the resource's properties.
    pub path: String,
    /// What the template says, as JSON text.
    pub expected: String,
    /// What is there, as JSON text.
    pub actual: String,
}

/// A change set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSet {
    /// CloudFormation works it out.
    Preparing,
    /// It can be executed.
    Ready,
    /// It cannot: the reason.
    Failed(String),
    /// It is or was executed; the stack's status tells how that goes.
    Executed,
}

/// What ECS says of a service's deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// The task definition of the PRIMARY deployment.
    pub task_definition: String,
    /// Where that deployment is.
    pub state: RolloutState,
    /// What ECS says about it.
    pub reason: String,
    /// Tasks that run, and that are to run.
    pub tasks: (u32, u32),
    /// Tasks of the deployment that failed so far.
    pub failed_tasks: u32,
}

/// Where a deployment of an ECS service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutState {
    /// Tasks are being replaced.
    InProgress,
    /// All tasks are of it.
    Completed,
    /// The circuit breaker has given up.
    Failed,
}

/// CloudFormation's stack statuses, all of them (`StackStatus` of the API reference).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are CloudFormation's own names")]
pub enum CloudFormationStatus {
    CreateInProgress,
    CreateFailed,
    CreateComplete,
    RollbackInProgress,
    RollbackFailed,
    RollbackComplete,
    DeleteInProgress,
    DeleteFailed,
    DeleteComplete,
    UpdateInProgress,
    UpdateCompleteCleanupInProgress,
    UpdateComplete,
    UpdateFailed,
    UpdateRollbackInProgress,
    UpdateRollbackFailed,
    UpdateRollbackCompleteCleanupInProgress,
    UpdateRollbackComplete,
    ReviewInProgress,
    ImportInProgress,
    ImportComplete,
    ImportRollbackInProgress,
    ImportRollbackFailed,
    ImportRollbackComplete,
}

impl CloudFormationStatus {
    /// Every status with CloudFormation's name of it.
    pub const ALL: [(Self, &'static str); 23] = [
        (Self::CreateInProgress, "CREATE_IN_PROGRESS"),
        (Self::CreateFailed, "CREATE_FAILED"),
        (Self::CreateComplete, "CREATE_COMPLETE"),
        (Self::RollbackInProgress, "ROLLBACK_IN_PROGRESS"),
        (Self::RollbackFailed, "ROLLBACK_FAILED"),
        (Self::RollbackComplete, "ROLLBACK_COMPLETE"),
        (Self::DeleteInProgress, "DELETE_IN_PROGRESS"),
        (Self::DeleteFailed, "DELETE_FAILED"),
        (Self::DeleteComplete, "DELETE_COMPLETE"),
        (Self::UpdateInProgress, "UPDATE_IN_PROGRESS"),
        (
            Self::UpdateCompleteCleanupInProgress,
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        ),
        (Self::UpdateComplete, "UPDATE_COMPLETE"),
        (Self::UpdateFailed, "UPDATE_FAILED"),
        (
            Self::UpdateRollbackInProgress,
            "UPDATE_ROLLBACK_IN_PROGRESS",
        ),
        (Self::UpdateRollbackFailed, "UPDATE_ROLLBACK_FAILED"),
        (
            Self::UpdateRollbackCompleteCleanupInProgress,
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        ),
        (Self::UpdateRollbackComplete, "UPDATE_ROLLBACK_COMPLETE"),
        (Self::ReviewInProgress, "REVIEW_IN_PROGRESS"),
        (Self::ImportInProgress, "IMPORT_IN_PROGRESS"),
        (Self::ImportComplete, "IMPORT_COMPLETE"),
        (
            Self::ImportRollbackInProgress,
            "IMPORT_ROLLBACK_IN_PROGRESS",
        ),
        (Self::ImportRollbackFailed, "IMPORT_ROLLBACK_FAILED"),
        (Self::ImportRollbackComplete, "IMPORT_ROLLBACK_COMPLETE"),
    ];

    /// Whether the stack is there and nothing works on it, so that what runs in it counts.
    pub fn rests(self) -> bool {
        match self {
            Self::CreateComplete
            | Self::UpdateComplete
            | Self::UpdateFailed
            | Self::UpdateRollbackComplete
            | Self::ImportComplete
            | Self::ImportRollbackComplete => true,
            Self::CreateInProgress
            | Self::CreateFailed
            | Self::RollbackInProgress
            | Self::RollbackFailed
            | Self::RollbackComplete
            | Self::DeleteInProgress
            | Self::DeleteFailed
            | Self::DeleteComplete
            | Self::UpdateInProgress
            | Self::UpdateCompleteCleanupInProgress
            | Self::UpdateRollbackInProgress
            | Self::UpdateRollbackFailed
            | Self::UpdateRollbackCompleteCleanupInProgress
            | Self::ReviewInProgress
            | Self::ImportInProgress
            | Self::ImportRollbackInProgress
            | Self::ImportRollbackFailed => false,
        }
    }

    /// Whether CloudFormation works on the stack.
    pub fn is_in_progress(self) -> bool {
        match self {
            Self::CreateInProgress
            | Self::RollbackInProgress
            | Self::DeleteInProgress
            | Self::UpdateInProgress
            | Self::UpdateCompleteCleanupInProgress
            | Self::UpdateRollbackInProgress
            | Self::UpdateRollbackCompleteCleanupInProgress
            | Self::ImportInProgress
            | Self::ImportRollbackInProgress => true,
            Self::CreateFailed
            | Self::CreateComplete
            | Self::RollbackFailed
            | Self::RollbackComplete
            | Self::DeleteFailed
            | Self::DeleteComplete
            | Self::UpdateComplete
            | Self::UpdateFailed
            | Self::UpdateRollbackFailed
            | Self::UpdateRollbackComplete
            | Self::ReviewInProgress
            | Self::ImportComplete
            | Self::ImportRollbackFailed
            | Self::ImportRollbackComplete => false,
        }
    }

    /// Whether a creation or an update fails or has failed.
    pub fn goes_wrong(self) -> bool {
        let rolls_back = matches!(
            self,
            Self::RollbackInProgress
                | Self::UpdateRollbackInProgress
                | Self::ImportRollbackInProgress
        );
        rolls_back || self.tells_a_failure() && self != Self::DeleteFailed
    }

    /// Whether the last operation failed, so that its reason is worth asking for.
    pub fn tells_a_failure(self) -> bool {
        match self {
            Self::CreateFailed
            | Self::RollbackFailed
            | Self::RollbackComplete
            | Self::DeleteFailed
            | Self::UpdateFailed
            | Self::UpdateRollbackFailed
            | Self::UpdateRollbackComplete
            | Self::ImportRollbackFailed
            | Self::ImportRollbackComplete => true,
            Self::CreateInProgress
            | Self::CreateComplete
            | Self::RollbackInProgress
            | Self::DeleteInProgress
            | Self::DeleteComplete
            | Self::UpdateInProgress
            | Self::UpdateCompleteCleanupInProgress
            | Self::UpdateComplete
            | Self::UpdateRollbackInProgress
            | Self::UpdateRollbackCompleteCleanupInProgress
            | Self::ReviewInProgress
            | Self::ImportInProgress
            | Self::ImportComplete
            | Self::ImportRollbackInProgress => false,
        }
    }
}

impl std::fmt::Display for CloudFormationStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = Self::ALL
            .iter()
            .find(|(status, _)| status == self)
            .map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

/// CloudFormation named a status that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("CloudFormation named a stack status that is not known: {0}")]
pub struct UnknownStatus(pub String);

impl FromStr for CloudFormationStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(status, _)| *status)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}
