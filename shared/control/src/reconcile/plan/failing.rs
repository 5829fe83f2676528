//! What is done about failures: which pass, how long to rest, when to give up.

use std::ops::ControlFlow;
use std::time::Duration;

use jiff::SignedDuration;
use slipway_domain::Phase;

use super::super::Next;
use super::super::desired::Target;
use super::super::observed::{ObservedStack, StuckResource};
use super::decide::{Begin, Decide};
use super::{Action, End, Plan};
use crate::record::{Cancelled, Failure, OperationKind};

/// How often a generation is tried while it fails for reasons that pass.
pub const MAX_ATTEMPTS: u32 = 5;

/// How often a deletion is tried before what stands in its way is left behind, and how often
/// after that before a person is asked.
pub const MAX_DELETIONS: u32 = 3;

/// How often a rollback is continued, or drift repaired, before a person is asked.
pub const MAX_RECOVERIES: u32 = 3;

/// What to do about a service that does not come up.
pub(super) const TRY_AGAIN: &str =
    "Put the cause right, then change the service or start a deployment again.";

impl Decide<'_> {
    /// Notes a failure; what was noted first stays, for later events tell only of the clean-up.
    pub(super) fn note(&mut self, reason: String) -> Failure {
        let transient = is_transient(&reason);
        self.progress
            .failure
            .get_or_insert(Failure {
                reason,
                transient,
                not_before: None,
            })
            .clone()
    }

    /// A stack that never came to be is deleted; it can be nothing else.
    pub(super) fn clean_up(self, what: &str) -> Plan {
        // The newest generation was not tried yet: this failed for an older one.
        if self.progress.attempt == 0 {
            let message = "Removes what an older generation left behind.";
            return self.delete(message, Phase::Creating);
        }
        if self.progress.failure.is_none() && self.awaits_verdict() {
            return self.wait(
                Phase::Creating,
                "Creating the stack failed; the reason is to come.",
            );
        }
        let reason = self.reason(what);
        self.give_up(reason)
    }

    pub(super) fn give_up(mut self, reason: String) -> Plan {
        let failure = self.note(reason);
        let is_final = !failure.transient || self.progress.attempt >= MAX_ATTEMPTS;
        let then = if is_final {
            "."
        } else {
            ", and then made once more."
        };
        let message = format!(
            "{} · The failed stack is being removed{then}",
            failure.reason
        );
        let mut plan = self.delete(&message, Phase::Deleting);
        if is_final {
            plan.advice = Some(TRY_AGAIN.to_owned());
            plan.end = Some(End::Failed(failure.reason));
        }
        plan
    }

    pub(super) fn delete(self, message: &str, phase: Phase) -> Plan {
        self.begin(Begin {
            kind: OperationKind::Delete,
            digest: None,
            action: Action::Delete { retain: Vec::new() },
            phase,
            message: message.to_owned(),
            next: Next::AwaitChange,
        })
    }

    /// CloudFormation could not delete the stack. What stands in the way may go by itself, such
    /// as a network interface that is still in use; what does not is left behind and named.
    pub(super) fn delete_again(mut self) -> Plan {
        let is_open = self
            .progress
            .operation
            .as_ref()
            .is_some_and(|it| it.kind == OperationKind::Delete && it.is_open());
        let deletions = self.progress.deletions;
        if deletions >= 2 * MAX_DELETIONS && !is_open {
            let reason = self.reason("The stack could not be deleted");
            return self.failed(
                &reason,
                "Remove what stands in the way, then delete or change the service again.",
            );
        }
        if !is_open {
            let reason = self.reason("The stack could not be deleted");
            // It stands in the way of nothing once the stack is gone.
            self.progress.failure.get_or_insert(Failure {
                reason,
                transient: true,
                not_before: None,
            });
        }
        let mut decide = match self.rest(Phase::Deleting, deletions) {
            ControlFlow::Break(plan) => return plan,
            ControlFlow::Continue(decide) => decide,
        };
        if let Some(failure) = &mut decide.progress.failure {
            failure.not_before = None;
        }
        let stuck = &decide.observed.stuck;
        if deletions < MAX_DELETIONS || stuck.is_empty() {
            let message = "CloudFormation could not delete the stack; once more.";
            return decide.delete(message, Phase::Deleting);
        }
        let message = format!("Leaves behind what cannot be deleted: {}.", named(stuck));
        let retain = stuck.iter().map(|it| it.logical_id.clone()).collect();
        decide.begin(Begin {
            kind: OperationKind::Delete,
            digest: None,
            action: Action::Delete { retain },
            phase: Phase::Deleting,
            message,
            next: Next::AwaitChange,
        })
    }

    /// An update was taken back, so the stack is as it was. It is tried again only for a
    /// reason that passes, or for a newer generation.
    pub(super) fn rolled_back(mut self, target: &Target, stack: &ObservedStack) -> Plan {
        if stack.digest() == Some(&target.digest) {
            return self.complete(target, stack);
        }
        if self.progress.failure.is_none() {
            let ours = self.progress.operation.as_ref().filter(|it| {
                it.generation == self.progress.generation
                    && it.kind == OperationKind::Update
                    && it.cancelled != Some(Cancelled::Superseded)
                    && !it.is_open()
            });
            if ours.is_none() {
                return self.complete(target, stack);
            }
            if self.awaits_verdict() {
                return self.wait(Phase::Updating, "The update failed; the reason is to come.");
            }
            // The service was gone before: there is nothing that an update could change.
            if target.repair && self.may_be_made_anew(target) && self.fails_for_want_of_service() {
                return self.make_anew("The update failed, for the ECS service is gone.");
            }
            let reason =
                self.reason("The update failed and was taken back; what ran before runs on");
            self.note(reason);
        }
        let (attempt, failure) = (self.progress.attempt, self.progress.failure.clone());
        if let Some(failure) = failure
            && (!failure.transient || attempt >= MAX_ATTEMPTS)
        {
            return self.failed(&failure.reason, TRY_AGAIN);
        }
        match self.rest(Phase::Pending, attempt) {
            ControlFlow::Break(plan) => plan,
            ControlFlow::Continue(decide) => decide.update(target),
        }
    }

    /// Whether ECS refused an update because there is no such service, in the words of its
    /// `ServiceNotActiveException` and `ServiceNotFoundException`.
    fn fails_for_want_of_service(&self) -> bool {
        let reason = self.reason("");
        ["ServiceNotActive", "ServiceNotFound", "was not ACTIVE"]
            .iter()
            .any(|text| reason.contains(text))
    }

    /// Neither the update nor taking it back worked: CloudFormation is asked to go on.
    pub(super) fn continue_rollback(mut self) -> Plan {
        let recoveries = self.progress.recoveries;
        let is_open = self
            .progress
            .operation
            .as_ref()
            .is_some_and(|it| it.kind == OperationKind::Continue && it.is_open());
        let what = "The update failed, and so did taking it back";
        if recoveries >= MAX_RECOVERIES && !is_open {
            let reason = self.reason(what);
            return self.failed(
                &reason,
                "Continue the rollback in CloudFormation, skipping the resources that stand in the way; then change the service or start a deployment again.",
            );
        }
        // A generation that was not tried yet is not to blame.
        if self.progress.attempt > 0 && !is_open {
            let reason = self.reason(what);
            self.note(reason);
        }
        self.begin(Begin {
            kind: OperationKind::Continue,
            digest: None,
            action: Action::Continue,
            phase: Phase::Updating,
            message: "Taking the update back failed; CloudFormation goes on with it.".to_owned(),
            next: Next::AwaitChange,
        })
    }
}

/// The resources that a deletion leaves behind, for people.
pub(crate) fn named(stuck: &[StuckResource]) -> String {
    let names: Vec<String> = stuck
        .iter()
        .map(|it| format!("{} ({})", it.physical_id, it.resource_type))
        .collect();
    names.join(", ")
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

/// The time before another attempt: 4 s, doubled with each, two minutes at most; of that, the
/// second half by chance (`seed`), so that many that failed together do not come back together.
pub fn backoff(attempt: u32, seed: u64) -> SignedDuration {
    let longest = Duration::from_secs((2_u64 << attempt.clamp(1, 6)).min(120));
    // SplitMix64 (Steele, Lea, Flood 2014), for a number that looks like chance.
    let mut x = seed.wrapping_add(u64::from(attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let share = (x ^ (x >> 31)) % 501;
    let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    SignedDuration::from_millis(i64::try_from(millis * (500 + share) / 1000).unwrap_or(i64::MAX))
}
