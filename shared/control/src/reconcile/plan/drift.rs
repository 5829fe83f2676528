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
use super::{Action, Plan};
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

/// The resources that somebody else than the control plane changed.
pub fn significant(drift: &[ResourceDrift]) -> Vec<&ResourceDrift> {
    let is_owned = |resource_type: &str, path: &str| {
        OWNED.iter().any(|(owned, prefix)| {
            *owned == resource_type
                && path
                    .strip_prefix(prefix)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    drift
        .iter()
        .filter(|it| {
            it.deleted
                || it
                    .properties
                    .iter()
                    .any(|property| !is_owned(&it.resource_type, &property.path))
        })
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
    let parts: Vec<String> = significant(drift)
        .into_iter()
        .map(|it| {
            if it.deleted {
                format!("{} is gone", it.logical_id)
            } else {
                let paths: Vec<&str> = it.properties.iter().map(|it| &*it.path).collect();
                format!("{} differs in {}", it.logical_id, paths.join(", "))
            }
        })
        .collect();
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
        let begins = self.was_settled(target);
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
            Some(ChangeSet::Preparing) => {
                self.answer(Action::Nothing, Phase::Updating, message, SOON)
            }
            Some(ChangeSet::Ready) if prepares || is_open => self.begin(Begin {
                kind: OperationKind::ExecuteRepair,
                digest: Some(target.digest.clone()),
                action: Action::ExecuteRepair,
                phase: Phase::Updating,
                message: "CloudFormation puts right what somebody changed.".to_owned(),
                next: Next::AwaitChange,
            }),
            // Somebody was quicker and put it right.
            Some(ChangeSet::Failed(reason)) if finds_nothing(reason) => {
                return ControlFlow::Continue(self);
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
    fn may_be_made_anew(&self, target: &Target) -> bool {
        target.rolls_out && self.observed.rollout.is_none()
    }

    fn make_anew(mut self, what: &str) -> Plan {
        self.progress.settled = None;
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
            self.answer(Action::Nothing, Phase::Ready, what, Next::Done)
        } else {
            self.failed(what, &advice)
        };
        plan.advice = Some(advice);
        plan.drift = Some(what.to_owned());
        plan
    }
}
