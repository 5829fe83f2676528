//! A stack that is to be there.

use std::ops::ControlFlow;
use std::time::Duration;

use slipway_domain::{Cause, Phase};

use super::super::Next;
use super::super::desired::Target;
use super::super::observed::{ChangeSet, CloudFormationStatus, ObservedStack};
use super::decide::{Begin, Decide};
use super::failing::{MAX_ATTEMPTS, TRY_AGAIN};
use super::{Action, Plan};
use crate::record::{Cancelled, Operation, OperationKind};

/// When to look whether a change set is ready: CloudFormation says so with no event.
pub(super) const SOON: Next = Next::Requeue(Duration::from_secs(2));

impl Decide<'_> {
    pub(super) fn present(self, target: &Target, stack: &ObservedStack) -> Plan {
        use CloudFormationStatus as S;
        match stack.status {
            S::DeleteComplete => self.create(target),
            S::ReviewInProgress => self.review(target),
            S::CreateInProgress | S::ImportInProgress => self.creating(),
            S::UpdateInProgress => self.updating(target),
            S::UpdateCompleteCleanupInProgress => self.wait(
                Phase::Updating,
                "CloudFormation removes what the update replaced.",
            ),
            S::RollbackInProgress | S::ImportRollbackInProgress => self.wait(
                Phase::Creating,
                "Creating the stack failed; CloudFormation takes it back.",
            ),
            S::UpdateRollbackInProgress | S::UpdateRollbackCompleteCleanupInProgress => {
                let message = self.taking_back();
                self.wait(Phase::Updating, message)
            }
            S::DeleteInProgress => {
                self.wait(Phase::Creating, "Waits until the former stack is gone.")
            }
            S::DeleteFailed => self.delete_again(),
            S::CreateFailed | S::RollbackComplete | S::RollbackFailed => {
                self.clean_up("Creating the stack failed")
            }
            S::CreateComplete | S::UpdateComplete | S::ImportComplete => {
                self.complete(target, stack)
            }
            S::UpdateRollbackComplete | S::ImportRollbackComplete | S::UpdateFailed => {
                self.rolled_back(target, stack)
            }
            S::UpdateRollbackFailed => self.continue_rollback(),
            S::ImportRollbackFailed => {
                let reason = self.reason("An import failed, and so did taking it back");
                self.failed(
                    &reason,
                    "Delete the stack in CloudFormation, then start a deployment again.",
                )
            }
        }
    }

    /// There is no stack and one is wanted.
    pub(super) fn create(mut self, target: &Target) -> Plan {
        let attempt = self.progress.attempt;
        self.progress.deletions = 0;
        if let Some(failure) = &self.progress.failure
            && (!failure.transient || attempt >= MAX_ATTEMPTS)
        {
            let reason = failure.reason.clone();
            return self.failed(&reason, TRY_AGAIN);
        }
        let was_there = self
            .progress
            .settled
            .as_ref()
            .is_some_and(|it| it.generation == target.generation);
        if was_there && !target.repair {
            let what = "Somebody deleted the stack.";
            let mut plan = self.failed(
                what,
                "Start a deployment to have it made again, or let the control plane do so: `repair: true`.",
            );
            plan.drift = Some(what.to_owned());
            return plan;
        }
        let mut decide = match self.rest(Phase::Pending, attempt) {
            ControlFlow::Break(plan) => return plan,
            ControlFlow::Continue(decide) => decide,
        };
        decide.progress.failure = None;
        let mut plan = decide.prepare(target);
        if plan.action == Action::Prepare {
            plan.progress.settled = None;
        }
        if plan.action == Action::Prepare && was_there {
            "Somebody deleted the stack; CloudFormation makes it again."
                .clone_into(&mut plan.message);
            plan.begins = Some(Cause::Heal);
        }
        plan
    }

    fn prepare(self, target: &Target) -> Plan {
        self.begin(Begin {
            kind: OperationKind::Prepare,
            digest: Some(target.digest.clone()),
            action: Action::Prepare,
            phase: Phase::Creating,
            message: "CloudFormation prepares the stack.".to_owned(),
            next: SOON,
        })
    }

    /// The stack awaits the execution of the change set that creates it.
    fn review(self, target: &Target) -> Plan {
        let (generation, digest) = (self.progress.generation, Some(&*target.digest));
        let ours = self.progress.operation.as_ref().is_some_and(|it| {
            it.is(OperationKind::Prepare, generation, digest)
                || it.is(OperationKind::Execute, generation, digest)
        });
        match &self.observed.change_set {
            Some(ChangeSet::Preparing | ChangeSet::Executed) if ours && self.is_overdue(1) => {
                let reason = format!("Preparing the stack took longer than {}.", self.deadline());
                self.give_up(reason)
            }
            Some(ChangeSet::Preparing | ChangeSet::Executed) if ours => {
                let soon = self.soon();
                let message = "CloudFormation prepares the stack.";
                self.answer(Action::Nothing, Phase::Creating, message, soon)
            }
            Some(ChangeSet::Ready) if ours => self.begin(Begin {
                kind: OperationKind::Execute,
                digest: Some(target.digest.clone()),
                action: Action::Execute,
                phase: Phase::Creating,
                message: "CloudFormation creates the stack.".to_owned(),
                next: Next::AwaitChange,
            }),
            Some(ChangeSet::Failed(reason)) if ours => {
                let reason = format!("CloudFormation refuses the stack: {reason}");
                self.give_up(reason)
            }
            // None is there, or an older intent left one behind.
            Some(_) | None => self.prepare(target),
        }
    }

    fn creating(mut self) -> Plan {
        let executes = |kind| kind == OperationKind::Execute;
        let ours = self.progress.operation.as_ref();
        // It was to be removed, and whether that call was made nobody knows.
        if ours.is_some_and(|it| it.kind == OperationKind::Delete && it.is_open()) {
            let message = "The creation took too long; the stack is removed.";
            return self.delete(message, Phase::Creating);
        }
        if ours.is_some_and(|it| executes(it.kind)) && self.is_overdue(1) {
            let reason = format!("Creating the stack took longer than {}", self.deadline());
            // An older generation's delay is not the newest one's failure.
            if self.progress.attempt == 0 {
                return self.delete(&format!("{reason}; it is removed."), Phase::Creating);
            }
            self.progress.failure = None;
            return self.give_up(format!("{reason}."));
        }
        self.wait(Phase::Creating, "CloudFormation creates the stack.")
    }

    fn updating(mut self, target: &Target) -> Plan {
        let overdue = self.is_overdue(1);
        let deadline = self.deadline();
        let generation = self.progress.generation;
        let Some(operation) = self.progress.operation.as_mut().filter(|it| {
            matches!(
                it.kind,
                OperationKind::Update | OperationKind::ExecuteRepair
            )
        }) else {
            return self.wait(Phase::Updating, "CloudFormation updates the stack.");
        };
        // A newer version of the control plane, which renders the same generation differently,
        // supersedes nothing.
        let superseded = operation.generation != generation
            && operation.digest.as_deref() != Some(&*target.digest);
        if operation.cancelled.is_none() && !superseded && !overdue {
            let message = if self.observed.awaits_promotion {
                "The new tasks run, and wait to be promoted before they get traffic."
            } else {
                "CloudFormation updates the stack."
            };
            return self.wait(Phase::Updating, message);
        }
        let why = if superseded {
            Cancelled::Superseded
        } else {
            Cancelled::Overdue
        };
        let why = *operation.cancelled.get_or_insert(why);
        if why == Cancelled::Overdue && operation.generation == generation {
            let reason = format!(
                "The update took longer than {deadline} and was taken back; what ran before runs on."
            );
            self.note(reason);
        }
        let message = match why {
            Cancelled::Superseded => {
                "Something newer is wanted: CloudFormation takes the running update back."
            }
            Cancelled::Overdue => "The update takes too long: CloudFormation takes it back.",
        };
        self.answer(Action::Cancel, Phase::Updating, message, Next::AwaitChange)
    }

    fn taking_back(&self) -> &'static str {
        let cancelled = self.progress.operation.as_ref().and_then(|it| it.cancelled);
        match cancelled {
            Some(Cancelled::Superseded) => {
                "Something newer is wanted: CloudFormation takes the former update back."
            }
            Some(Cancelled::Overdue) => "The update took too long: CloudFormation takes it back.",
            None => "The update failed; CloudFormation takes it back.",
        }
    }

    /// CloudFormation's part is done. Is it the newest template's?
    pub(super) fn complete(self, target: &Target, stack: &ObservedStack) -> Plan {
        let is_applied = stack.digest() == Some(&target.digest)
            || self.progress.unchanged.as_ref() == Some(&target.digest);
        if is_applied {
            self.applied(target, stack)
        } else {
            self.outdated(target, stack)
        }
    }

    fn outdated(self, target: &Target, stack: &ObservedStack) -> Plan {
        if let Some(failure) = &self.progress.failure {
            let reason = failure.reason.clone();
            return self.failed(&reason, TRY_AGAIN);
        }
        if self.progress.attempt >= MAX_ATTEMPTS
            && !self
                .progress
                .operation
                .as_ref()
                .is_some_and(Operation::is_open)
        {
            return self.failed(
                "The stack does not take on the newest template, though its updates succeed.",
                "Look in CloudFormation whether somebody else updates it, then start a deployment again.",
            );
        }
        // Nobody changed the service, but it would be rendered differently now.
        let upgrade = self.progress.settled.as_ref().is_some_and(|it| {
            it.generation == target.generation && stack.digest() == Some(&it.digest)
        });
        if upgrade && !self.at.permitted {
            if target.rolls_out && self.observed.rollout.is_none() {
                return self.failed(
                    "ECS does not show the service.",
                    "Start a deployment: it puts this right.",
                );
            }
            let mut plan = self.answer(
                Action::Nothing,
                Phase::Ready,
                "Runs. A newer version of the platform renders it differently; its turn will come.",
                Next::Done,
            );
            plan.outdated = true;
            return plan;
        }
        let mut plan = self.update(target);
        plan.begins = upgrade.then_some(Cause::Upgrade);
        plan
    }

    pub(super) fn update(mut self, target: &Target) -> Plan {
        self.progress.failure = None;
        self.progress.rolling_since = None;
        self.begin(Begin {
            kind: OperationKind::Update,
            digest: Some(target.digest.clone()),
            action: Action::Update,
            phase: Phase::Updating,
            message: "CloudFormation updates the stack.".to_owned(),
            next: Next::AwaitChange,
        })
    }
}
