//! What somebody changed or deleted by hand: saying so, and putting it right.

use std::ops::ControlFlow;

use jiff::SignedDuration;
use slipway_domain::{Cause, Phase};

use super::super::Next;
use super::super::desired::Target;
use super::super::observed::{ChangeSet, ResourceDrift, RolloutState};
use super::decide::{Begin, Decide};
use super::failing::MAX_RECOVERIES;
use super::present::SOON;
use super::{Action, End, Plan};
use crate::record::{OperationKind, Settled};

/// What the control plane itself changes outside the template, as type and the beginning of the
/// property's path. Neither an update nor a repair takes it back. Each has one owner:
/// docs/ARCHITECTURE.md.
const OWNED: [(&str, &str); 7] = [
    ("AWS::ECS::Service", "/DesiredCount"),
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "/MinCapacity",
    ),
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "/MaxCapacity",
    ),
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "/SuspendedState",
    ),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", "/Actions"),
    ("AWS::ElasticLoadBalancingV2::Listener", "/DefaultActions"),
    ("AWS::Scheduler::Schedule", "/State"),
];

/// The most resources that a sentence names.
const NAMED: usize = 5;

/// Whether the control plane itself changes this property.
fn is_owned(resource_type: &str, path: &str) -> bool {
    OWNED.iter().any(|(owned, prefix)| {
        *owned == resource_type
            && path
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The properties of a resource that somebody else changed.
fn foreign(drift: &ResourceDrift) -> Vec<&str> {
    let paths = drift.properties.iter().map(|it| &*it.path);
    paths
        .filter(|path| !is_owned(&drift.resource_type, path))
        .collect()
}

/// The resources that somebody else than the control plane changed.
pub fn significant(drift: &[ResourceDrift]) -> Vec<&ResourceDrift> {
    drift
        .iter()
        .filter(|it| it.deleted || !foreign(it).is_empty())
        .collect()
}

/// Whether a change set was refused because there is nothing to change: CloudFormation has no
/// code for this, only these texts.
fn finds_nothing(reason: &str) -> bool {
    ["didn't contain changes", "No updates are to be performed"]
        .iter()
        .any(|text| reason.contains(text))
}

/// The drift in a sentence, if there is any.
pub(super) fn told(drift: &[ResourceDrift]) -> Option<String> {
    let significant = significant(drift);
    let mut parts: Vec<String> = significant
        .iter()
        .take(NAMED)
        .map(|it| {
            if it.deleted {
                return format!("{} is gone", it.logical_id);
            }
            let mut paths = foreign(it);
            paths.truncate(NAMED);
            format!("{} differs in {}", it.logical_id, paths.join(", "))
        })
        .collect();
    match significant.len().saturating_sub(NAMED) {
        0 => {}
        more => parts.push(format!("and {more} more")),
    }
    (!parts.is_empty()).then(|| format!("Somebody changed what runs: {}.", parts.join("; ")))
}

impl Decide<'_> {
    /// Puts right what somebody changed, if the manifest lets the control plane do so.
    pub(super) fn repair(self, target: &Target, what: &str) -> Plan {
        let advice = if !target.repair {
            Some("Put it right by hand, or let the control plane do so: `repair: true`.".to_owned())
        } else if self.progress.recoveries >= MAX_RECOVERIES && !self.repair_is_open() {
            if self.may_be_made_anew(target) {
                return self.make_anew(what);
            }
            Some("Repairs did not help. Compare the stack with its template in CloudFormation (drift), and put it right by hand.".to_owned())
        } else {
            None
        };
        if let Some(advice) = advice {
            return self.leave_drifted(target, what, advice);
        }
        let begins = self.is_settled(target);
        let mut plan = self.prepare_repair(
            target,
            &format!("{what} CloudFormation prepares to put it right."),
        );
        if plan.action == Action::PrepareRepair {
            plan.progress.settled = None;
            plan.begins = begins.then_some(Cause::Heal);
        }
        plan.drift = Some(what.to_owned());
        plan
    }

    /// A repair is under way; gives itself back when it is over.
    pub(super) fn repairing(self, target: &Target) -> ControlFlow<Plan, Self> {
        let operation = self.progress.operation.as_ref();
        let Some(operation) = operation.filter(|it| it.generation == self.progress.generation)
        else {
            return ControlFlow::Continue(self);
        };
        let prepares = operation.kind == OperationKind::PrepareRepair;
        let is_open = operation.is_open();
        let message = "CloudFormation prepares to put right what somebody changed.";
        ControlFlow::Break(match &self.observed.change_set {
            Some(ChangeSet::Preparing) if !self.is_overdue(1) => {
                let soon = self.soon();
                self.answer(Action::Nothing, Phase::Updating, message, soon)
            }
            Some(ChangeSet::Ready) if prepares || is_open => self.begin(Begin {
                kind: OperationKind::ExecuteRepair,
                digest: Some(target.digest.clone()),
                action: Action::ExecuteRepair,
                phase: Phase::Updating,
                message: "CloudFormation puts right what somebody changed.".to_owned(),
                next: Next::AwaitChange,
            }),
            // Somebody was quicker and put it right; or the service is there, and only ECS does not
            // show it, which nothing is to be deleted for.
            Some(ChangeSet::Failed(reason)) if finds_nothing(reason) => {
                if !self.misses_service(target) {
                    return ControlFlow::Continue(self);
                }
                let what =
                    "ECS does not show the service, and CloudFormation finds nothing to repair.";
                let advice = "Look at the stack's service in ECS, then start a deployment.";
                self.leave_drifted(target, what, advice.to_owned())
            }
            Some(ChangeSet::Preparing) => {
                let what = "CloudFormation does not finish preparing a repair.";
                let advice = "Look at the stack's change sets in CloudFormation.";
                self.leave_drifted(target, what, advice.to_owned())
            }
            // ECS may be late: a minute is waited before a stack is made anew.
            Some(ChangeSet::Failed(_)) if self.may_be_made_anew(target) && self.is_young() => {
                self.answer(Action::Nothing, Phase::Updating, message, Next::AwaitChange)
            }
            Some(ChangeSet::Failed(reason)) => {
                let what = format!("Drift cannot be undone by CloudFormation: {reason}");
                if self.may_be_made_anew(target) {
                    self.make_anew(&what)
                } else {
                    let advice = "Compare the stack with its template in CloudFormation (drift), and put it right by hand.";
                    self.leave_drifted(target, &what, advice.to_owned())
                }
            }
            // The call that prepares it may be lost.
            None if prepares && is_open => self.prepare_repair(target, message),
            Some(ChangeSet::Ready | ChangeSet::Executed) | None => {
                return ControlFlow::Continue(self);
            }
        })
    }

    fn prepare_repair(self, target: &Target, message: &str) -> Plan {
        self.begin(Begin {
            kind: OperationKind::PrepareRepair,
            digest: Some(target.digest.clone()),
            action: Action::PrepareRepair,
            phase: Phase::Updating,
            message: message.to_owned(),
            next: SOON,
        })
    }

    fn repair_is_open(&self) -> bool {
        let operation = self.progress.operation.as_ref();
        operation.is_some_and(|it| it.kind == OperationKind::PrepareRepair && it.is_open())
    }

    /// Whether nothing runs that a new stack would interrupt. A service stack is never made
    /// anew: its repository holds images.
    pub(super) fn may_be_made_anew(&self, target: &Target) -> bool {
        self.misses_service(target) && !self.progress.made_anew
    }

    fn misses_service(&self, target: &Target) -> bool {
        target.rolls_out && self.observed.rollout.is_none()
    }

    fn is_young(&self) -> bool {
        let begun = self.progress.operation.as_ref().map(|it| it.begun_at);
        begun.is_some_and(|at| self.at.now.duration_since(at) < SignedDuration::from_mins(1))
    }

    /// Once for a generation: what is missing after that is no accident.
    pub(super) fn make_anew(mut self, what: &str) -> Plan {
        self.progress.settled = None;
        self.progress.made_anew = true;
        let mut plan = self.delete(
            &format!("{what} The stack is deleted and made anew."),
            Phase::Deleting,
        );
        plan.drift = Some(what.to_owned());
        plan
    }

    /// What runs is left as it is, and said.
    fn leave_drifted(mut self, target: &Target, what: &str, advice: String) -> Plan {
        let runs = !target.rolls_out
            || self.observed.rollout.as_ref().is_some_and(|it| {
                let ours = self
                    .observed
                    .stack
                    .as_ref()
                    .and_then(|stack| stack.outputs.get("TaskDefinition"));
                it.state == RolloutState::Completed
                    && ours.is_none_or(|ours| *ours == it.task_definition)
            });
        let mut plan = if runs {
            // A repair that did not help is over. What was found goes on to be said: the stack
            // counts as settled before it.
            self.progress.operation = None;
            let found = self.observed.stack.as_ref().and_then(|it| it.drifted_at);
            if let Some(found) = found.filter(|_| self.progress.settled.is_none()) {
                self.progress.settled = Some(Settled {
                    generation: target.generation,
                    digest: target.digest.clone(),
                    at: found - SignedDuration::from_secs(1),
                });
            }
            let mut plan = self.answer(Action::Nothing, Phase::Ready, what, Next::Done);
            // What was to be repaired was not; what was never to be is as its team wants it.
            plan.end = Some(if target.repair {
                End::Failed(what.to_owned())
            } else {
                End::Succeeded
            });
            plan
        } else {
            self.failed(what, &advice)
        };
        plan.advice = Some(advice);
        plan.drift = Some(what.to_owned());
        plan
    }
}
