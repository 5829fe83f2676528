//! The decision: pure and total over what is wanted, remembered and seen.
//!
//! Every status of CloudFormation is named; a new one would not compile. Nothing here waits,
//! calls or reads a clock: a plan says one action at most, what to tell people, and when to look
//! again. `docs/RECONCILER.md` has its table, which a test prints.

mod absent;
mod decide;
mod drift;
mod failing;
mod operation;
mod present;
mod rollout;

use jiff::{SignedDuration, Timestamp};
use slipway_domain::{Cause, Phase};

use super::Next;
use super::desired::Desired;
use super::observed::Observed;
use crate::record::Progress;

use decide::Decide;
pub use drift::significant;
pub(super) use failing::named;
pub use failing::{MAX_ATTEMPTS, MAX_DELETIONS, MAX_RECOVERIES, backoff, is_transient};
pub use operation::{LEASE, MAX_CALLS};

/// The one thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Prepare a change set that creates the stack.
    Prepare,
    /// Execute that change set.
    Execute,
    /// Update the stack.
    Update,
    /// Cancel the update that runs.
    Cancel,
    /// Go on with a rollback that failed.
    Continue,
    /// Prepare a change set that undoes drift.
    PrepareRepair,
    /// Execute that change set.
    ExecuteRepair,
    /// Delete the stack, by its id.
    Delete {
        /// Resources to leave behind, by their names in the template.
        retain: Vec<String>,
    },
    /// Remove the record: the stack is gone and not wanted.
    Forget,
}

impl Action {
    /// Whether the action is a part of undoing drift.
    pub fn repairs(&self) -> bool {
        match self {
            Self::PrepareRepair | Self::ExecuteRepair => true,
            Self::Nothing
            | Self::Prepare
            | Self::Execute
            | Self::Update
            | Self::Cancel
            | Self::Continue
            | Self::Delete { .. }
            | Self::Forget => false,
        }
    }

    /// Whether the action begins a stack operation, for which a slot is needed. Cancelling ends
    /// one.
    pub fn begins_operation(&self) -> bool {
        match self {
            Self::Prepare
            | Self::Execute
            | Self::Update
            | Self::Continue
            | Self::PrepareRepair
            | Self::ExecuteRepair
            | Self::Delete { .. } => true,
            Self::Nothing | Self::Cancel | Self::Forget => false,
        }
    }
}

/// How the attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Everything is as wanted.
    Succeeded,
    /// It is not, and is not tried again by itself.
    Failed(String),
}

/// What to do with a stack, and what to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The one thing to do.
    pub action: Action,
    /// Where the stack is on its way once that is done.
    pub phase: Phase,
    /// The same in a sentence.
    pub message: String,
    /// What a person should do, where one should.
    pub advice: Option<String>,
    /// What somebody changed by hand, in a sentence, where somebody did.
    pub drift: Option<String>,
    /// Whether a newer version of the control plane would render the stack differently.
    pub outdated: bool,
    /// What to remember.
    pub progress: Progress,
    /// A deployment that nobody asked for begins, for this cause.
    pub begins: Option<Cause>,
    /// Whether and how the attempt ended.
    pub end: Option<End>,
    /// When to look again.
    pub next: Next,
}

/// What else a decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// The time.
    pub now: Timestamp,
    /// How long an operation may take before it is cancelled.
    pub deadline: SignedDuration,
    /// Spreads the rests of different stacks: any number that is the stack's own.
    pub seed: u64,
    /// Whether the stack may be updated although nobody changed the service: its turn in an
    /// upgrade of the platform has come.
    pub permitted: bool,
}

/// Decides. The look must have been made for this `desired`.
pub fn plan(
    desired: &Desired,
    progress: &Progress,
    observed: &Observed,
    at: &Circumstances,
) -> Plan {
    let mut progress = current(progress, desired);
    operation::track(&mut progress, observed);
    let decide = Decide {
        progress,
        observed,
        at: *at,
    };
    match (desired, &observed.stack) {
        (Desired::Absent { .. }, stack) => decide.absent(stack.as_ref()),
        (Desired::Held, _) => decide.held(),
        (Desired::NoStack { .. }, _) => decide.no_stack(),
        (Desired::Waiting { .. }, _) => decide.waiting(),
        (Desired::Refused { .. } | Desired::Awaiting { .. }, Some(stack))
            if stack.status.is_in_progress() =>
        {
            decide.let_former_end(stack)
        }
        (Desired::Refused { reasons, .. }, _) => decide.refused(reasons),
        (Desired::Awaiting { what, until, .. }, _) => decide.awaiting(what, *until),
        (Desired::Present(target), None) => decide.create(target),
        (Desired::Present(target), Some(stack)) => decide.present(target, stack),
    }
}

/// What is remembered of the generation that is wanted: attempts at an older one do not count,
/// but what was begun for it may still run.
pub fn current(progress: &Progress, desired: &Desired) -> Progress {
    match desired.generation() {
        Some(generation) if generation != progress.generation => Progress {
            generation,
            deployment: progress.deployment,
            operation: progress.operation.clone(),
            settled: progress.settled.clone(),
            check: progress.check.clone(),
            restart: progress.restart,
            holds_slot: progress.holds_slot,
            wake_at: progress.wake_at,
            ..Progress::default()
        },
        Some(_) | None => progress.clone(),
    }
}
