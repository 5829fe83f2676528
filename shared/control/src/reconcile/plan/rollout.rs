//! The stack is as wanted: ECS has the last word.

use std::ops::ControlFlow;

use jiff::SignedDuration;
use slipway_domain::{Evidence, Phase};

use super::super::Next;
use super::super::desired::Target;
use super::super::observed::{ObservedStack, Rollout, RolloutState};
use super::decide::Decide;
use super::failing::{MAX_ATTEMPTS, TRY_AGAIN};
use super::{Action, End, Plan};
use crate::record::{OperationKind, Settled};

/// How long ECS may take to show a service that CloudFormation has made.
const SHOWS: SignedDuration = SignedDuration::from_mins(2);

impl Decide<'_> {
    pub(super) fn applied(mut self, target: &Target, stack: &ObservedStack) -> Plan {
        let kind = self.progress.operation.as_ref().map(|it| it.kind);
        if matches!(
            kind,
            Some(OperationKind::PrepareRepair | OperationKind::ExecuteRepair)
        ) {
            match self.repairing(target) {
                ControlFlow::Break(plan) => return plan,
                ControlFlow::Continue(decide) => self = decide,
            }
        }
        if !target.rolls_out {
            return self.in_sync(target, "Everything is as the newest generation says.");
        }
        match self.observed.rollout.clone() {
            None => self.no_service(target),
            Some(rollout) => self.rolling(target, &rollout, stack),
        }
    }

    /// Whether the stack was brought to this template before, for whichever generation, so that
    /// what differs now was changed by somebody else.
    pub(super) fn was_settled(&self, target: &Target) -> bool {
        let settled = self.progress.settled.as_ref();
        settled.is_some_and(|it| it.digest == target.digest)
    }

    /// Whether it was brought to this template for this very generation: then no deployment is
    /// under way that what is done now could belong to.
    pub(super) fn is_settled(&self, target: &Target) -> bool {
        let settled = self.progress.settled.as_ref();
        settled.is_some_and(|it| it.generation == target.generation && it.digest == target.digest)
    }

    /// ECS does not show the service.
    fn no_service(self, target: &Target) -> Plan {
        let since = self.progress.rolling_since.unwrap_or(self.at.now);
        let is_late = self.at.now.duration_since(since) > SHOWS;
        if self.was_settled(target) || self.progress.recoveries > 0 || is_late {
            return self.repair(target, "Somebody deleted the ECS service.");
        }
        self.await_rollout("The stack is there; ECS does not show the service yet.")
    }

    fn rolling(self, target: &Target, rollout: &Rollout, stack: &ObservedStack) -> Plan {
        let (running, wanted) = rollout.tasks;
        let expected = stack.outputs.get("TaskDefinition");
        let runs_ours = expected.is_none_or(|expected| *expected == rollout.task_definition);
        match rollout.state {
            RolloutState::InProgress => {
                let failed = match rollout.failed_tasks {
                    0 => String::new(),
                    failed => format!(", {failed} failed"),
                };
                let message = format!("ECS replaces tasks: {running} of {wanted} run{failed}.");
                self.await_rollout(&message)
            }
            RolloutState::Completed if runs_ours => {
                self.in_sync(target, &format!("Runs with {running} of {wanted} tasks."))
            }
            // Right behind our own deployment it was ECS; otherwise it was somebody.
            RolloutState::Completed if self.was_settled(target) || self.progress.attempt == 0 => {
                self.repair(target, "ECS runs another task definition than the stack's.")
            }
            RolloutState::Completed => self.failed(
                "ECS went back to the former task definition: the new tasks did not become healthy.",
                "Look at the service's log group, then deploy an image that works.",
            ),
            RolloutState::Failed => {
                let reason = format!("ECS gave the new tasks up: {}", rollout.reason);
                self.failed(&reason, TRY_AGAIN)
            }
        }
    }

    fn await_rollout(mut self, message: &str) -> Plan {
        let since = *self.progress.rolling_since.get_or_insert(self.at.now);
        if self.is_past(since, 1) {
            let reason = format!(
                "ECS has not finished replacing tasks within {}. {message}",
                self.deadline()
            );
            return self.failed(&reason, TRY_AGAIN);
        }
        self.wait(Phase::RollingOut, message)
    }

    /// Everything is as wanted, unless a check for drift says otherwise.
    fn in_sync(self, target: &Target, message: &str) -> Plan {
        match super::drift::told(&self.observed.drift) {
            Some(what) => self.repair(target, &what),
            None if self.observed.has_moved() && self.progress.attempt < MAX_ATTEMPTS => {
                self.follow(target)
            }
            None => self.ready(target, message),
        }
    }

    /// ECS moved the traffic: the template follows, so that the next update's rollback leaves the
    /// traffic where it is. It writes what is there already, and touches nothing else.
    fn follow(self, target: &Target) -> Plan {
        let mut plan = self.update(target);
        if plan.action == Action::Update {
            "Runs; the stack's template follows the traffic.".clone_into(&mut plan.message);
        }
        plan
    }

    pub(super) fn ready(mut self, target: &Target, message: &str) -> Plan {
        let concluded = self.progress.operation.take().is_some();
        if concluded || !self.is_settled(target) {
            self.progress.settled = Some(Settled {
                generation: target.generation,
                digest: target.digest.clone(),
                at: self.at.now,
            });
        }
        self.progress.failure = None;
        self.progress.attempt = 0;
        self.progress.evidence = Evidence::default();
        self.progress.evidence_looks = 0;
        self.progress.recoveries = 0;
        self.progress.deletions = 0;
        self.progress.rolling_since = None;
        self.progress.permit = None;
        let mut plan = self.answer(Action::Nothing, Phase::Ready, message, Next::Done);
        plan.end = Some(End::Succeeded);
        plan
    }
}
