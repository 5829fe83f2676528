//! What a look says of a stack: its status with conditions, and its deployment's steps.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use slipway_domain::status::{ConditionStatus, ConditionType};
use slipway_domain::{Condition, Deployment, Evidence, Outcome, Phase};

use super::Next;
use super::desired::Desired;
use super::observed::Observed;
use super::plan::{Action, End, Plan};
use crate::error::{PortError, PortErrorKind};
use crate::record::{Failure, Progress, StackRecord};

/// How long a stack waits before it asks for a slot again, at first.
const QUEUE: Duration = Duration::from_secs(5);
/// The same, at the longest.
const LONGEST_QUEUE: Duration = Duration::from_secs(30);

/// Adds what the plan does to a deployment's steps, and its outcome with what was found around
/// it.
pub(super) fn advance(
    deployment: &mut Deployment,
    plan: &Plan,
    evidence: &Evidence,
    now: Timestamp,
) {
    let step = match plan.phase {
        Phase::Pending => "queued",
        Phase::Waiting => "waiting for an image",
        Phase::Creating => "creating the stack",
        Phase::Updating => "updating the stack",
        Phase::RollingOut => "starting tasks",
        Phase::Ready => "ready",
        Phase::Failed => "failed",
        Phase::Deleting => "removing the failed stack",
    };
    deployment.reach(step, now);
    if plan.end != Some(End::Succeeded) {
        deployment.evidence = evidence.clone();
    }
    match &plan.end {
        Some(End::Succeeded) => deployment.end(Outcome::Succeeded { at: now }),
        Some(End::Failed(reason)) => deployment.end(Outcome::Failed {
            at: now,
            reason: reason.clone(),
        }),
        None => {}
    }
}

/// All slots are taken: the plan waits for its turn. The longer it has waited, the longer it
/// goes on to wait, so that many that wait ask less often.
pub(super) fn queue(plan: &mut Plan, record: &StackRecord, now: Timestamp) {
    let waited = match record.status.phase {
        Phase::Pending => now.duration_since(record.status.since).unsigned_abs(),
        _ => Duration::ZERO,
    };
    plan.action = Action::Nothing;
    plan.phase = Phase::Pending;
    "Waits for its turn: the platform runs as many stack operations as it may."
        .clone_into(&mut plan.message);
    plan.end = None;
    plan.begins = None;
    plan.progress = Progress {
        holds_slot: false,
        ..record.progress.clone()
    };
    let delay = Duration::from_secs(waited.as_secs());
    plan.next = Next::Requeue(delay.clamp(QUEUE, LONGEST_QUEUE));
}

/// Asks for one message of the wake queue at a time. Without this every sweep would begin a
/// chain of looks beside those that run already.
pub(super) fn ask_once(next: &mut Next, record: &mut StackRecord, now: Timestamp) {
    // A message that is due within a second may be the one that brought this look: clocks
    // differ a little.
    let due = record
        .progress
        .wake_at
        .filter(|at| *at > now + SignedDuration::from_secs(1));
    record.progress.wake_at = match next {
        Next::Requeue(delay) => {
            let wanted = now + *delay;
            match due {
                Some(due) if due <= wanted => {
                    *next = Next::AwaitChange;
                    Some(due)
                }
                Some(_) | None => Some(wanted),
            }
        }
        Next::Done | Next::AwaitChange | Next::Then(_) => due,
    };
}

/// CloudFormation will not do it: the reason is the plan's outcome.
pub(super) fn refuse(plan: &mut Plan, error: &PortError) {
    debug_assert_eq!(error.kind, PortErrorKind::Refused);
    let reason = format!("CloudFormation refuses: {}", error.message);
    plan.phase = Phase::Failed;
    plan.message.clone_from(&reason);
    plan.end = Some(End::Failed(reason.clone()));
    plan.advice =
        Some("Change what CloudFormation refuses, or start a deployment to try again.".to_owned());
    plan.progress.failure = Some(Failure {
        reason,
        transient: false,
        not_before: None,
    });
    plan.progress.operation = None;
    plan.progress.holds_slot = false;
    plan.next = Next::Done;
}

/// CloudFormation will not undo drift: what runs is left as it is.
pub(super) fn refuse_repair(plan: &mut Plan, error: &PortError, runs: bool) {
    let reason = format!("CloudFormation refuses to undo drift: {}", error.message);
    plan.phase = if runs { Phase::Ready } else { Phase::Failed };
    plan.message.clone_from(&reason);
    plan.advice =
        Some("Put it right by hand, or give the reconciler what it is refused for.".to_owned());
    plan.drift.get_or_insert_with(|| reason.clone());
    plan.end = Some(End::Failed(reason));
    plan.progress.operation = None;
    plan.progress.holds_slot = false;
    plan.next = Next::Done;
}

/// Writes the plan's words into the record's status, as seen at this generation of the service.
pub(super) fn describe(
    record: &mut StackRecord,
    desired: &Desired,
    observed: &Observed,
    plan: &Plan,
    (seen, now): (u64, Timestamp),
) {
    let generation = desired
        .generation()
        .map_or(record.status.observed_generation, |_| seen);
    let status = &mut record.status;
    status.enter(plan.phase, &*plan.message, now);
    status.advice.clone_from(&plan.advice);
    status.observed_generation = generation;
    match &observed.stack {
        Some(stack) => status.outputs.clone_from(&stack.outputs),
        None if desired.is_left_alone() => {}
        None => status.outputs.clear(),
    }
    // A stack that has outputs was made once, and answers while it is changed.
    let answers = plan.phase != Phase::Deleting;
    status.url = status.outputs.get("Url").filter(|_| answers).cloned();
    let mut set = |about, holds: Option<bool>, reason: &str, message: &str| {
        status.set(Condition {
            r#type: about,
            status: match holds {
                Some(true) => ConditionStatus::True,
                Some(false) => ConditionStatus::False,
                None => ConditionStatus::Unknown,
            },
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: generation,
            last_transition_time: now,
        });
    };
    let reason = match plan.phase {
        Phase::Pending => "Pending",
        Phase::Waiting => "NoImage",
        Phase::Creating => "Creating",
        Phase::Updating => "Updating",
        Phase::RollingOut => "RollingOut",
        Phase::Ready => "Ready",
        Phase::Failed => "Failed",
        Phase::Deleting => "Deleting",
    };
    let applied = matches!(plan.phase, Phase::RollingOut | Phase::Ready);
    set(
        ConditionType::StackApplied,
        Some(applied),
        reason,
        &plan.message,
    );
    if record.scope.environment().is_some() {
        let image = plan.phase != Phase::Waiting;
        set(
            ConditionType::ImageAvailable,
            Some(image),
            reason,
            &plan.message,
        );
        let complete = if applied {
            Some(plan.phase == Phase::Ready)
        } else {
            None
        };
        set(
            ConditionType::RolloutComplete,
            complete,
            reason,
            &plan.message,
        );
    }
    // What was found last holds until something else is found.
    let is_ready = plan.phase == Phase::Ready;
    if let Some(what) = &plan.drift {
        set(ConditionType::InSync, Some(false), "Drifted", what);
    } else if is_ready {
        set(ConditionType::InSync, Some(true), reason, &plan.message);
    }
    if plan.outdated {
        set(
            ConditionType::UpToDate,
            Some(false),
            "AwaitsWave",
            &plan.message,
        );
    } else if is_ready {
        set(ConditionType::UpToDate, Some(true), reason, &plan.message);
    }
    let stalled = plan.advice.as_ref();
    set(
        ConditionType::Stalled,
        Some(stalled.is_some()),
        reason,
        stalled.unwrap_or(&plan.message),
    );
    set(
        ConditionType::Ready,
        Some(plan.phase == Phase::Ready),
        reason,
        &plan.message,
    );
}
