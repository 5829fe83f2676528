//! Beginning operations so that each is made once.
//!
//! An operation is written down before CloudFormation is called. Until a look has seen it at
//! work, the call may be lost, or another process may be about to make it: the same intent is
//! repeated under its old token, and another one waits until that process cannot live any more.

use jiff::{SignedDuration, Timestamp};

use super::super::observed::{CloudFormationStatus, Observed, ObservedStack};
use crate::record::{Operation, OperationKind, Progress};

/// How long an operation that was not seen keeps another one waiting. A look ends within the
/// minute that its function may run (`template.yaml`); after that nobody is about to call.
pub const LEASE: SignedDuration = SignedDuration::from_secs(90);

/// How often CloudFormation is called under one token before the operation counts as done: it
/// may have ended before anybody looked.
pub const MAX_CALLS: u32 = 8;

impl Operation {
    /// Whether this is an operation of `kind` for the same end.
    pub(super) fn is(&self, kind: OperationKind, generation: u64, digest: Option<&str>) -> bool {
        self.kind == kind && self.generation == generation && self.digest.as_deref() == digest
    }

    /// Whether the call may still be lost, or still to come.
    pub(super) fn is_open(&self) -> bool {
        !self.seen && self.calls < MAX_CALLS
    }

    /// Until when another operation must wait for this one to show, if it must.
    pub(super) fn blocks_until(&self) -> Option<Timestamp> {
        // A change set that nobody executes harms nobody.
        let harmless = matches!(
            self.kind,
            OperationKind::Prepare | OperationKind::PrepareRepair
        );
        let called_at = self.called_at.unwrap_or(self.begun_at);
        (!self.seen && !harmless).then(|| called_at + LEASE)
    }
}

/// Marks the last operation as seen, where its work shows.
pub(super) fn track(progress: &mut Progress, observed: &Observed) {
    if let Some(operation) = &mut progress.operation {
        operation.seen |= shows(operation, observed.stack.as_ref(), observed);
    }
}

fn shows(operation: &Operation, stack: Option<&ObservedStack>, observed: &Observed) -> bool {
    use CloudFormationStatus as S;
    let status = stack.map(|stack| stack.status);
    match operation.kind {
        OperationKind::Prepare | OperationKind::PrepareRepair => observed.change_set.is_some(),
        OperationKind::Execute => !matches!(status, None | Some(S::ReviewInProgress)),
        OperationKind::Update => {
            works_on_update(status)
                || stack.is_some_and(|stack| stack.digest() == operation.digest.as_deref())
        }
        OperationKind::ExecuteRepair => works_on_update(status),
        OperationKind::Delete => matches!(status, None | Some(S::DeleteInProgress)),
        OperationKind::Continue => matches!(
            status,
            Some(
                S::UpdateRollbackInProgress
                    | S::UpdateRollbackCompleteCleanupInProgress
                    | S::UpdateRollbackComplete
            )
        ),
    }
}

fn works_on_update(status: Option<CloudFormationStatus>) -> bool {
    use CloudFormationStatus as S;
    matches!(
        status,
        Some(
            S::UpdateInProgress
                | S::UpdateCompleteCleanupInProgress
                | S::UpdateFailed
                | S::UpdateRollbackInProgress
                | S::UpdateRollbackCompleteCleanupInProgress
                | S::UpdateRollbackFailed
        )
    )
}
