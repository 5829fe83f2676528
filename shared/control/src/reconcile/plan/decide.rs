//! The parts that every decision is put together from.

use std::ops::ControlFlow;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use slipway_domain::Phase;

use super::super::Next;
use super::super::observed::{CloudFormationStatus, Observed, ObservedStack};
use super::failing::backoff;
use super::{Action, Circumstances, End, Plan};
use crate::record::{Operation, OperationKind, Progress};

/// When what a deployment waits for is looked at again, at the latest.
const CHECK_AGAIN: Duration = Duration::from_mins(1);

pub(super) struct Decide<'a> {
    pub(super) progress: Progress,
    pub(super) observed: &'a Observed,
    pub(super) at: Circumstances,
}

/// What an operation is begun with.
pub(super) struct Begin {
    pub(super) kind: OperationKind,
    /// The digest of the template that it applies.
    pub(super) digest: Option<String>,
    pub(super) action: Action,
    pub(super) phase: Phase,
    pub(super) message: String,
    pub(super) next: Next,
}

impl Decide<'_> {
    pub(super) fn answer(
        self,
        action: Action,
        phase: Phase,
        message: impl Into<String>,
        next: Next,
    ) -> Plan {
        let mut progress = self.progress;
        // What CloudFormation is working on counts, even if the look that began it could not
        // write that down.
        progress.holds_slot = action.begins_operation()
            || matches!(phase, Phase::Creating | Phase::Updating | Phase::Deleting);
        Plan {
            action,
            phase,
            message: message.into(),
            advice: None,
            drift: None,
            outdated: false,
            progress,
            begins: None,
            end: None,
            next,
        }
    }

    /// CloudFormation or ECS is at work. What takes far too long wants a person's eye, though
    /// nobody but AWS can end it.
    pub(super) fn wait(self, phase: Phase, message: &str) -> Plan {
        let stuck = self.is_overdue(2);
        let mut plan = self.answer(Action::Nothing, phase, message, Next::AwaitChange);
        if stuck {
            plan.advice = Some(
                "This takes far longer than it should. Look at the stack's events in CloudFormation."
                    .to_owned(),
            );
        }
        plan
    }

    pub(super) fn failed(self, reason: &str, advice: &str) -> Plan {
        let mut plan = self.answer(Action::Nothing, Phase::Failed, reason, Next::Done);
        plan.advice = Some(advice.to_owned());
        plan.end = Some(End::Failed(reason.to_owned()));
        plan
    }

    pub(super) fn held(self) -> Plan {
        let message = "Waits until the service's environments are gone.";
        let mut plan = self.answer(Action::Nothing, Phase::Deleting, message, Next::AwaitChange);
        plan.progress.holds_slot = false;
        plan
    }

    pub(super) fn no_stack(self) -> Plan {
        let message = "Its environments share nothing, so there is no stack.";
        self.answer(Action::Nothing, Phase::Ready, message, Next::Done)
    }

    pub(super) fn waiting(self) -> Plan {
        self.answer(
            Action::Nothing,
            Phase::Waiting,
            "Waits for its first image: start a deployment with one.",
            Next::Done,
        )
    }

    /// The newest deployment cannot succeed, and was not begun.
    pub(super) fn refused(self, reasons: &str) -> Plan {
        self.failed(
            &format!("Not begun: {reasons}"),
            "Put this right and start a deployment again. What ran before was not touched.",
        )
    }

    /// The deployment before the one that waits or was refused is at work: it ends first.
    pub(super) fn let_former_end(self, stack: &ObservedStack) -> Plan {
        let phase = match stack.status {
            CloudFormationStatus::CreateInProgress => Phase::Creating,
            CloudFormationStatus::DeleteInProgress => Phase::Deleting,
            _ => Phase::Updating,
        };
        self.wait(phase, "The deployment before ends first.")
    }

    /// The newest deployment waits for something that is not ours to make.
    pub(super) fn awaiting(self, what: &str, until: Timestamp) -> Plan {
        let rest = until.duration_since(self.at.now).unsigned_abs();
        let next = Next::Requeue(rest.clamp(Duration::from_secs(1), CHECK_AGAIN));
        let message = format!("Waits for {what}, until {until:.0}.");
        self.answer(Action::Nothing, Phase::Pending, message, next)
    }

    /// Begins an operation, or repeats the same one while nobody has seen it.
    pub(super) fn begin(mut self, begin: Begin) -> Plan {
        let generation = self.progress.generation;
        match &mut self.progress.operation {
            Some(open)
                if open.is_open() && open.is(begin.kind, generation, begin.digest.as_deref()) =>
            {
                open.calls += 1;
                open.called_at = Some(self.at.now);
            }
            last => {
                if let Some(until) = last.as_ref().and_then(Operation::blocks_until)
                    && self.at.now < until
                {
                    return self.pause(
                        until,
                        begin.phase,
                        "Waits for an earlier operation to show.",
                    );
                }
                // A change set's execution bears the number of its preparation.
                let executes = matches!(
                    begin.kind,
                    OperationKind::Execute | OperationKind::ExecuteRepair
                );
                if !executes {
                    self.progress.serial += 1;
                }
                match begin.kind {
                    OperationKind::Prepare | OperationKind::Update => self.progress.attempt += 1,
                    OperationKind::Delete => self.progress.deletions += 1,
                    OperationKind::Continue | OperationKind::PrepareRepair => {
                        self.progress.recoveries += 1;
                    }
                    OperationKind::Execute | OperationKind::ExecuteRepair => {}
                }
                self.progress.operation = Some(Operation {
                    kind: begin.kind,
                    generation,
                    serial: self.progress.serial,
                    digest: begin.digest,
                    begun_at: self.at.now,
                    called_at: None,
                    calls: 1,
                    seen: false,
                    cancelled: None,
                });
            }
        }
        self.answer(begin.action, begin.phase, begin.message, begin.next)
    }

    /// Rests before another attempt, once for each failure; gives itself back when that is
    /// done and the attempt may be made.
    pub(super) fn rest(mut self, phase: Phase, attempt: u32) -> ControlFlow<Plan, Self> {
        let Some(failure) = &mut self.progress.failure else {
            return ControlFlow::Continue(self);
        };
        let rest = backoff(attempt, self.at.seed);
        let until = *failure.not_before.get_or_insert(self.at.now + rest);
        if self.at.now >= until {
            return ControlFlow::Continue(self);
        }
        let message = format!("{} · Once more at {until:.0}.", failure.reason);
        ControlFlow::Break(self.pause(until, phase, &message))
    }

    fn pause(self, until: Timestamp, phase: Phase, message: &str) -> Plan {
        let rest = until.duration_since(self.at.now).unsigned_abs();
        let next = Next::Requeue(rest.max(Duration::from_secs(1)));
        let mut plan = self.answer(Action::Nothing, phase, message, next);
        plan.progress.holds_slot = false;
        plan
    }

    /// When to look again at what is told by no event: soon at first, then less often.
    pub(super) fn soon(&self) -> Next {
        let begun = self.progress.operation.as_ref().map(|it| it.begun_at);
        let age = begun.map_or(SignedDuration::ZERO, |at| self.at.now.duration_since(at));
        let rest = age.unsigned_abs() / 4;
        Next::Requeue(rest.clamp(Duration::from_secs(2), Duration::from_mins(1)))
    }

    /// Whether the operation that was begun last takes longer than `times` the time it may.
    pub(super) fn is_overdue(&self, times: i32) -> bool {
        let begun = self.progress.operation.as_ref().map(|it| it.begun_at);
        begun.is_some_and(|at| self.is_past(at, times))
    }

    pub(super) fn is_past(&self, begun: Timestamp, times: i32) -> bool {
        let longest = self
            .at
            .deadline
            .checked_mul(times)
            .unwrap_or(SignedDuration::MAX);
        self.at.now.duration_since(begun) > longest
    }

    /// The time that an operation may take, for people.
    pub(super) fn deadline(&self) -> String {
        format!("{} minutes", self.at.deadline.as_mins())
    }

    pub(super) fn reason(&self, what: &str) -> String {
        let failure = self.observed.failure.as_ref();
        match failure.and_then(|failure| failure.reason.as_ref()) {
            Some(reason) => format!("{what}: {reason}"),
            None => format!("{what}."),
        }
    }

    /// The stack's status tells of a failure that its events do not tell of yet: one of the two
    /// is late, and nothing is decided on it. Events that never come are not waited for.
    pub(super) fn awaits_verdict(&self) -> bool {
        self.observed.failure.is_none() && !self.is_overdue(1)
    }
}
