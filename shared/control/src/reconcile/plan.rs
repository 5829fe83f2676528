//! The decision: pure and total over what is wanted, remembered and seen.
//!
//! Every status of CloudFormation is named; a new one would not compile. Nothing here waits,
//! calls or knows the time: a plan says one action at most, what to tell people, and when to
//! look again.

use std::ops::ControlFlow;
use std::time::Duration;

use slipway_domain::Phase;

use super::Next;
use super::desired::{Desired, Target};
use super::observed::{ChangeSet, Observed, ObservedStack, Rollout, RolloutState, StackStatus};
use crate::record::{Failure, Progress};

/// How often a generation is tried while it fails for reasons that pass.
pub const MAX_ATTEMPTS: u32 = 5;

/// The one thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Prepare a change set that creates the stack.
    Prepare,
    /// Execute that change set.
    Execute,
    /// Update the stack.
    Update,
    /// Delete the stack, by its id.
    Delete,
    /// Remove the record: the stack is gone and not wanted.
    Forget,
}

impl Action {
    /// Whether the action begins a stack operation, for which a slot is needed.
    pub fn begins_operation(self) -> bool {
        match self {
            Self::Prepare | Self::Execute | Self::Update | Self::Delete => true,
            Self::Nothing | Self::Forget => false,
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
    /// What to remember.
    pub progress: Progress,
    /// Whether and how the attempt ended.
    pub end: Option<End>,
    /// When to look again.
    pub next: Next,
}

/// Decides. The look must have been made for this `desired`.
pub fn plan(desired: &Desired, progress: &Progress, observed: &Observed) -> Plan {
    let progress = current(progress, desired);
    let decide = Decide { progress, observed };
    match (desired, &observed.stack) {
        (Desired::Absent { .. }, stack) => decide.absent(stack.as_ref()),
        (Desired::Held, _) => decide.held(),
        (Desired::Waiting { .. }, _) => decide.waiting(),
        (Desired::Present(_), None) => decide.create(),
        (Desired::Present(target), Some(stack)) => decide.present(target, stack),
    }
}

/// What is remembered of the generation that is wanted: attempts at an older one do not count.
pub fn current(progress: &Progress, desired: &Desired) -> Progress {
    match desired.generation() {
        Some(generation) if generation != progress.generation => Progress {
            generation,
            deployment: progress.deployment,
            holds_slot: progress.holds_slot,
            wake_at: progress.wake_at,
            ..Progress::default()
        },
        Some(_) | None => progress.clone(),
    }
}

struct Decide<'a> {
    progress: Progress,
    observed: &'a Observed,
}

impl Decide<'_> {
    fn answer(self, action: Action, phase: Phase, message: impl Into<String>, next: Next) -> Plan {
        let mut progress = self.progress;
        // What CloudFormation is working on counts, even if the look that began it could not
        // write that down.
        progress.holds_slot = action.begins_operation()
            || matches!(phase, Phase::Creating | Phase::Updating | Phase::Deleting);
        Plan {
            action,
            phase,
            message: message.into(),
            progress,
            end: None,
            next,
        }
    }

    fn wait(self, phase: Phase, message: &str) -> Plan {
        self.answer(Action::Nothing, phase, message, Next::AwaitChange)
    }

    fn failed(self, reason: &str) -> Plan {
        let mut plan = self.answer(Action::Nothing, Phase::Failed, reason, Next::Done);
        plan.end = Some(End::Failed(reason.to_owned()));
        plan
    }

    fn held(self) -> Plan {
        let message = "Waits until the service's environments are gone.";
        let mut plan = self.wait(Phase::Deleting, message);
        plan.progress.holds_slot = false;
        plan
    }

    /// Rests before another attempt, once for each failure; gives itself back when that is
    /// done and the attempt may be made.
    fn rest(mut self, phase: Phase) -> ControlFlow<Plan, Self> {
        match &mut self.progress.failure {
            Some(failure) if !failure.rested => {
                failure.rested = true;
                let delay = backoff(self.progress.attempt);
                let message = format!("{} · Once more in {} s.", failure.reason, delay.as_secs());
                let mut plan = self.answer(Action::Nothing, phase, message, Next::Requeue(delay));
                plan.progress.holds_slot = false;
                ControlFlow::Break(plan)
            }
            Some(_) | None => ControlFlow::Continue(self),
        }
    }

    fn waiting(self) -> Plan {
        self.answer(
            Action::Nothing,
            Phase::Waiting,
            "Waits for its first image: start a deployment with one.",
            Next::Done,
        )
    }

    fn absent(self, stack: Option<&ObservedStack>) -> Plan {
        let Some(stack) = stack else {
            return self.answer(
                Action::Forget,
                Phase::Deleting,
                "The stack is gone.",
                Next::Done,
            );
        };
        match stack.status {
            StackStatus::DeleteComplete => self.answer(
                Action::Forget,
                Phase::Deleting,
                "The stack is gone.",
                Next::Done,
            ),
            StackStatus::DeleteInProgress => {
                self.wait(Phase::Deleting, "CloudFormation deletes the stack.")
            }
            StackStatus::CreateInProgress
            | StackStatus::RollbackInProgress
            | StackStatus::UpdateInProgress
            | StackStatus::UpdateCompleteCleanupInProgress
            | StackStatus::UpdateRollbackInProgress
            | StackStatus::UpdateRollbackCompleteCleanupInProgress
            | StackStatus::ImportInProgress
            | StackStatus::ImportRollbackInProgress => self.wait(
                Phase::Deleting,
                "Waits for the running operation to end, then deletes the stack.",
            ),
            StackStatus::DeleteFailed => self.delete_again(),
            StackStatus::CreateFailed
            | StackStatus::CreateComplete
            | StackStatus::RollbackFailed
            | StackStatus::RollbackComplete
            | StackStatus::UpdateComplete
            | StackStatus::UpdateFailed
            | StackStatus::UpdateRollbackFailed
            | StackStatus::UpdateRollbackComplete
            | StackStatus::ReviewInProgress
            | StackStatus::ImportComplete
            | StackStatus::ImportRollbackFailed
            | StackStatus::ImportRollbackComplete => {
                self.delete("CloudFormation deletes the stack.")
            }
        }
    }

    fn delete(mut self, message: &str) -> Plan {
        self.progress.attempt += 1;
        if let Some(failure) = &mut self.progress.failure {
            failure.rested = false;
        }
        self.answer(Action::Delete, Phase::Deleting, message, Next::AwaitChange)
    }

    /// CloudFormation could not delete the stack. What stands in the way may go by itself, such
    /// as a network interface that is still in use.
    fn delete_again(mut self) -> Plan {
        let reason = self.reason("The stack could not be deleted");
        if self.progress.attempt >= MAX_ATTEMPTS {
            return self.failed(&format!(
                "{reason} · Remove what stands in the way, then delete the service again."
            ));
        }
        self.progress.failure.get_or_insert(Failure {
            reason,
            transient: true,
            rested: false,
        });
        match self.rest(Phase::Deleting) {
            ControlFlow::Break(plan) => plan,
            ControlFlow::Continue(decide) => {
                decide.delete("CloudFormation could not delete the stack; once more.")
            }
        }
    }

    /// There is no stack and one is wanted.
    fn create(self) -> Plan {
        if let Some(failure) = &self.progress.failure
            && (!failure.transient || self.progress.attempt >= MAX_ATTEMPTS)
        {
            let reason = failure.reason.clone();
            return self.failed(&reason);
        }
        let mut decide = match self.rest(Phase::Pending) {
            ControlFlow::Break(plan) => return plan,
            ControlFlow::Continue(decide) => decide,
        };
        decide.progress.failure = None;
        decide.progress.attempt += 1;
        decide.answer(
            Action::Prepare,
            Phase::Creating,
            "CloudFormation prepares the stack.",
            Next::Requeue(Duration::from_secs(2)),
        )
    }

    fn present(self, target: &Target, stack: &ObservedStack) -> Plan {
        match stack.status {
            StackStatus::DeleteComplete => self.create(),
            StackStatus::ReviewInProgress => self.review(),
            StackStatus::CreateInProgress | StackStatus::ImportInProgress => {
                self.wait(Phase::Creating, "CloudFormation creates the stack.")
            }
            StackStatus::UpdateInProgress => {
                self.wait(Phase::Updating, "CloudFormation updates the stack.")
            }
            StackStatus::UpdateCompleteCleanupInProgress => self.wait(
                Phase::Updating,
                "CloudFormation removes what the update replaced.",
            ),
            StackStatus::RollbackInProgress | StackStatus::ImportRollbackInProgress => self.wait(
                Phase::Creating,
                "Creating the stack failed; CloudFormation takes it back.",
            ),
            StackStatus::UpdateRollbackInProgress
            | StackStatus::UpdateRollbackCompleteCleanupInProgress => self.wait(
                Phase::Updating,
                "The update failed; CloudFormation takes it back.",
            ),
            StackStatus::DeleteInProgress => {
                self.wait(Phase::Creating, "Waits until the former stack is gone.")
            }
            StackStatus::DeleteFailed => self.delete_again(),
            StackStatus::CreateFailed
            | StackStatus::RollbackComplete
            | StackStatus::RollbackFailed => self.clean_up("Creating the stack failed"),
            StackStatus::CreateComplete
            | StackStatus::UpdateComplete
            | StackStatus::ImportComplete => self.complete(target, stack),
            StackStatus::UpdateRollbackComplete
            | StackStatus::ImportRollbackComplete
            | StackStatus::UpdateFailed => self.rolled_back(target, stack),
            StackStatus::UpdateRollbackFailed | StackStatus::ImportRollbackFailed => {
                let reason = self.reason("The update failed, and so did taking it back");
                self.failed(&format!(
                    "{reason} · Continue the rollback in CloudFormation, then change the service again."
                ))
            }
        }
    }

    /// The stack awaits the execution of the change set that creates it.
    fn review(mut self) -> Plan {
        match &self.observed.change_set {
            // None bears this attempt's name: an older intent left the stack like this.
            None if self.progress.attempt == 0 => self.create(),
            None => {
                self.progress.attempt -= 1;
                self.create()
            }
            Some(ChangeSet::Preparing) => {
                let delay = Duration::from_secs(2);
                self.answer(
                    Action::Nothing,
                    Phase::Creating,
                    "CloudFormation prepares the stack.",
                    Next::Requeue(delay),
                )
            }
            Some(ChangeSet::Ready) => self.answer(
                Action::Execute,
                Phase::Creating,
                "CloudFormation creates the stack.",
                Next::AwaitChange,
            ),
            Some(ChangeSet::Failed(reason)) => {
                let reason = format!("CloudFormation refuses the stack: {reason}");
                self.give_up(reason)
            }
        }
    }

    /// A stack that never came to be is deleted; it can be nothing else.
    fn clean_up(self, what: &str) -> Plan {
        let reason = self.reason(what);
        self.give_up(reason)
    }

    fn give_up(mut self, reason: String) -> Plan {
        let transient = is_transient(&reason);
        let final_word = !transient || self.progress.attempt >= MAX_ATTEMPTS;
        // The reason of the first look stays: after a failed clean-up the events tell only of that.
        let failure = self
            .progress
            .failure
            .get_or_insert(Failure {
                reason,
                transient,
                rested: false,
            })
            .clone();
        let then = if final_word {
            "."
        } else {
            ", and then made once more."
        };
        let message = format!(
            "{} · The failed stack is being removed{then}",
            failure.reason
        );
        let mut plan = self.answer(Action::Delete, Phase::Deleting, message, Next::AwaitChange);
        if final_word {
            plan.end = Some(End::Failed(failure.reason));
        }
        plan
    }

    fn complete(self, target: &Target, stack: &ObservedStack) -> Plan {
        let applied = stack.digest() == Some(&target.digest)
            || self.progress.unchanged.as_ref() == Some(&target.digest);
        if !applied {
            return self.update();
        }
        if !target.rolls_out {
            return self.ready("Everything is as the newest generation says.");
        }
        match &self.observed.rollout {
            None => self.wait(
                Phase::RollingOut,
                "The stack is there; ECS does not show the service yet.",
            ),
            Some(rollout) => self.rolling(&rollout.clone(), stack),
        }
    }

    /// The stack is as wanted: ECS has the last word.
    fn rolling(self, rollout: &Rollout, stack: &ObservedStack) -> Plan {
        let (running, wanted) = rollout.tasks;
        let expected = stack.outputs.get("TaskDefinition");
        let runs_ours = expected.is_none_or(|expected| *expected == rollout.task_definition);
        match rollout.state {
            RolloutState::InProgress => {
                let message = format!("ECS replaces tasks: {running} of {wanted} run.");
                self.wait(Phase::RollingOut, &message)
            }
            RolloutState::Completed if runs_ours => self.ready(&format!("Runs with {running} of {wanted} tasks.")),
            RolloutState::Completed => self.failed(
                "ECS went back to the former task definition: the new tasks did not become healthy. Look at the service's log group, then deploy an image that works.",
            ),
            RolloutState::Failed => {
                let reason = format!("ECS gave the new tasks up: {}", rollout.reason);
                self.failed(&reason)
            }
        }
    }

    fn ready(mut self, message: &str) -> Plan {
        self.progress.failure = None;
        let mut plan = self.answer(Action::Nothing, Phase::Ready, message, Next::Done);
        plan.end = Some(End::Succeeded);
        plan
    }

    fn update(mut self) -> Plan {
        self.progress.failure = None;
        self.progress.attempt += 1;
        self.answer(
            Action::Update,
            Phase::Updating,
            "CloudFormation updates the stack.",
            Next::AwaitChange,
        )
    }

    /// An update was taken back, so the stack is as it was. It is tried again only for a
    /// reason that passes, or for a newer generation.
    fn rolled_back(mut self, target: &Target, stack: &ObservedStack) -> Plan {
        if stack.digest() == Some(&target.digest) {
            return self.complete(target, stack);
        }
        if self.progress.attempt == 0 {
            return self.update();
        }
        let reason = self.reason("The update failed and was taken back; what ran before runs on");
        let transient = is_transient(&reason);
        if !transient || self.progress.attempt >= MAX_ATTEMPTS {
            return self.failed(&reason);
        }
        self.progress.failure.get_or_insert(Failure {
            reason,
            transient,
            rested: false,
        });
        match self.rest(Phase::Pending) {
            ControlFlow::Break(plan) => plan,
            ControlFlow::Continue(decide) => decide.update(),
        }
    }

    fn reason(&self, what: &str) -> String {
        match &self.observed.failure {
            Some(reason) => format!("{what}: {reason}"),
            None => format!("{what}."),
        }
    }
}

/// Whether a failure passes by itself: another stack changed the shared HTTP API at the same
/// moment (API Gateway answers `ConflictException`), a call was throttled, AWS failed
/// inside, or a service-linked role of a fresh account was not there yet.
///
/// API Gateway says `ConflictException` also of what is there already or contradicts itself,
/// which does not pass.
pub fn is_transient(reason: &str) -> bool {
    const PASSING: [&str; 10] = [
        "ConflictException",
        "concurrent modification",
        "Throttling",
        "Rate exceeded",
        "TooManyRequests",
        "Internal Failure",
        "InternalFailure",
        "service linked role",
        "service-linked role",
        "ServiceUnavailable",
    ];
    const LASTING: [&str; 2] = ["already exists", "conflicting"];
    PASSING.iter().any(|mark| reason.contains(mark))
        && !LASTING.iter().any(|mark| reason.contains(mark))
}

/// The time before another attempt: 4 s, doubled with each, a minute at most.
pub fn backoff(attempt: u32) -> Duration {
    Duration::from_secs((2_u64 << attempt.clamp(1, 5)).min(60))
}
