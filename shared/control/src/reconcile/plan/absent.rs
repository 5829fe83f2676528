//! A stack that is to go.

use slipway_domain::Phase;

use super::super::Next;
use super::super::observed::{CloudFormationStatus, ObservedStack};
use super::decide::Decide;
use super::{Action, Plan};

impl Decide<'_> {
    pub(super) fn absent(self, stack: Option<&ObservedStack>) -> Plan {
        use CloudFormationStatus as S;
        let Some(stack) = stack else {
            return self.forget();
        };
        match stack.status {
            S::DeleteComplete => self.forget(),
            S::DeleteInProgress => self.wait(Phase::Deleting, "CloudFormation deletes the stack."),
            S::UpdateInProgress => self.cancel_to_delete(),
            S::RollbackInProgress
            | S::UpdateCompleteCleanupInProgress
            | S::UpdateRollbackInProgress
            | S::UpdateRollbackCompleteCleanupInProgress
            | S::ImportInProgress
            | S::ImportRollbackInProgress => self.wait(
                Phase::Deleting,
                "Waits for the running operation to end, then deletes the stack.",
            ),
            S::DeleteFailed => self.delete_again(),
            // A stack may be deleted while it is created, unlike in every other operation.
            S::CreateInProgress
            | S::CreateFailed
            | S::CreateComplete
            | S::RollbackFailed
            | S::RollbackComplete
            | S::UpdateComplete
            | S::UpdateFailed
            | S::UpdateRollbackFailed
            | S::UpdateRollbackComplete
            | S::ReviewInProgress
            | S::ImportComplete
            | S::ImportRollbackFailed
            | S::ImportRollbackComplete => {
                self.delete("CloudFormation deletes the stack.", Phase::Deleting)
            }
        }
    }

    fn forget(self) -> Plan {
        self.answer(
            Action::Forget,
            Phase::Deleting,
            "The stack is gone.",
            Next::Done,
        )
    }

    fn cancel_to_delete(self) -> Plan {
        self.answer(
            Action::Cancel,
            Phase::Deleting,
            "CloudFormation takes the running update back; then the stack is deleted.",
            Next::AwaitChange,
        )
    }
}
