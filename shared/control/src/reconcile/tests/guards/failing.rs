//! Failures: so many tries, at what passes by itself, and each told of its own generation.

use super::super::super::observed::{OperationFailure, StuckResource};
use super::super::super::plan::{End, MAX_ATTEMPTS, MAX_DELETIONS, MAX_RECOVERIES};
use super::*;

#[expect(clippy::unnecessary_wraps, reason = "as what was observed has it")]
fn told() -> Option<OperationFailure> {
    Some(OperationFailure {
        token: None,
        reason: Some("R".to_owned()),
    })
}

fn stuck() -> Vec<StuckResource> {
    vec![StuckResource {
        logical_id: "Group".to_owned(),
        resource_type: "AWS::EC2::SecurityGroup".to_owned(),
        physical_id: "sg-1".to_owned(),
        reason: "it is in use".to_owned(),
    }]
}

#[test]
fn a_creation_that_fails_for_a_reason_that_passes_is_made_so_often() {
    let mut case = case(S::DeleteComplete, "");
    case.observed.stack = None;
    case.progress.failure = failure(true);
    case.progress.attempt = MAX_ATTEMPTS;
    let plan = case.plan();
    assert_eq!((plan.action, plan.phase), (Action::Nothing, Phase::Failed));
    case.progress.attempt = MAX_ATTEMPTS - 1;
    let until = case.plan().progress.failure.unwrap().not_before;
    case.progress.failure.as_mut().unwrap().not_before = until;
    assert_eq!(case.after(HOUR).plan().action, Action::Prepare);
}

#[test]
fn a_creation_that_fails_for_a_reason_that_lasts_is_made_once() {
    let mut case = case(S::DeleteComplete, "");
    case.observed.stack = None;
    case.progress.failure = failure(false);
    case.progress.attempt = 1;
    assert_eq!(case.plan().phase, Phase::Failed);
}

#[test]
fn an_update_that_fails_for_a_reason_that_passes_is_made_so_often() {
    let mut case = case(S::UpdateRollbackComplete, "old").behind(operation(OperationKind::Update));
    case.progress.failure = failure(true);
    case.progress.attempt = MAX_ATTEMPTS;
    assert_eq!(case.plan().phase, Phase::Failed);
    case.progress.attempt = MAX_ATTEMPTS - 1;
    assert_eq!(case.plan().phase, Phase::Pending);
}

#[test]
fn an_update_that_fails_for_a_reason_that_lasts_is_made_once() {
    let mut case = case(S::UpdateRollbackComplete, "old").behind(operation(OperationKind::Update));
    case.progress.failure = failure(false);
    assert_eq!(case.plan().phase, Phase::Failed);
}

#[test]
fn updates_that_succeed_and_change_nothing_come_to_an_end() {
    let mut case = case(S::UpdateComplete, "old").behind(operation(OperationKind::Update));
    case.progress.attempt = MAX_ATTEMPTS;
    assert_eq!(case.plan().phase, Phase::Failed);
}

#[test]
fn a_template_that_failed_is_not_applied_again() {
    let mut case = case(S::UpdateComplete, "old").behind(operation(OperationKind::Update));
    case.progress.failure = failure(true);
    assert_eq!(case.plan().phase, Phase::Failed);
}

#[test]
fn a_rest_is_decided_once_and_kept() {
    let mut case = case(S::UpdateRollbackComplete, "old").behind(operation(OperationKind::Update));
    case.progress.failure = failure(true);
    let first = case.plan();
    let until = first.progress.failure.as_ref().unwrap().not_before.unwrap();
    assert!(until > now());
    case.progress = first.progress;
    case.at.now = until - SignedDuration::from_millis(1);
    let second = case.plan();
    assert_eq!(second.phase, Phase::Pending);
    assert_eq!(second.progress.failure.unwrap().not_before, Some(until));
    case.at.now = until;
    assert_eq!(case.plan().action, Action::Update);
}

#[test]
fn a_deletion_leaves_behind_what_is_stuck_and_only_after_some_tries() {
    let mut case = case(S::DeleteFailed, "old").behind(operation(OperationKind::Delete));
    case.observed.stuck = stuck();
    case.progress.failure = failure(true);
    case.progress.failure.as_mut().unwrap().not_before = Some(now());
    case.progress.deletions = MAX_DELETIONS - 1;
    let retain = Vec::new();
    assert_eq!(case.plan().action, Action::Delete { retain });
    case.progress.deletions = MAX_DELETIONS;
    let retain = vec!["Group".to_owned()];
    assert_eq!(case.plan().action, Action::Delete { retain });
    case.progress.deletions = 2 * MAX_DELETIONS;
    let plan = case.plan();
    assert_eq!((plan.action, plan.phase), (Action::Nothing, Phase::Failed));
}

#[test]
fn a_rollback_is_continued_so_often() {
    let mut case = case(S::UpdateRollbackFailed, "old").behind(operation(OperationKind::Continue));
    case.progress.recoveries = MAX_RECOVERIES - 1;
    assert_eq!(case.plan().action, Action::Continue);
    case.progress.recoveries = MAX_RECOVERIES;
    assert_eq!(case.plan().phase, Phase::Failed);
}

#[test]
fn a_creation_that_takes_too_long_is_removed_and_counts_only_for_its_own_generation() {
    let mut case = case(S::CreateInProgress, "").behind(operation(OperationKind::Execute));
    assert_eq!(case.plan().action, Action::Nothing);
    case = case.after(HOUR);
    let plan = case.plan();
    assert!(matches!(plan.action, Action::Delete { .. }));
    assert!(matches!(plan.end, Some(End::Failed(_))));
    case.progress.attempt = 0;
    let plan = case.plan();
    assert!(matches!(plan.action, Action::Delete { .. }));
    assert_eq!((plan.end, plan.progress.failure), (None, None));
}

#[test]
fn what_failed_for_an_older_generation_is_removed_and_not_held_against_the_newest() {
    let mut case = case(S::RollbackComplete, "");
    case.observed.failure = told();
    let plan = case.plan();
    assert!(matches!(plan.action, Action::Delete { .. }));
    assert_eq!((plan.end, plan.progress.failure), (None, None));
}

#[test]
fn an_update_that_was_taken_back_is_judged_by_its_own_generation() {
    let mut older = operation(OperationKind::Update);
    (older.generation, older.digest) = (1, Some("between".to_owned()));
    let mut case = case(S::UpdateRollbackComplete, "old").behind(older);
    case.observed.failure = told();
    assert_eq!(case.plan().action, Action::Update);
}

#[test]
fn an_update_whose_call_may_be_lost_is_not_judged_by_what_failed_before() {
    let lost = unseen(operation(OperationKind::Update));
    let mut case = case(S::UpdateRollbackComplete, "old").behind(lost);
    case.observed.failure = told();
    assert_eq!(case.plan().action, Action::Update);
    assert_eq!(case.made(), Some((3, 2)));
}

#[test]
fn nothing_is_decided_on_a_status_that_the_events_do_not_bear_out_yet() {
    let case = case(S::UpdateRollbackComplete, "old").behind(operation(OperationKind::Update));
    assert_eq!(case.plan().phase, Phase::Updating);
    assert_eq!(case.plan().action, Action::Nothing);
    // Events that never come are not waited for.
    let plan = case.after(HOUR).plan();
    assert_eq!((plan.action, plan.phase), (Action::Nothing, Phase::Failed));
}

#[test]
fn what_takes_far_too_long_is_shown_to_a_person() {
    let mut case =
        case(S::UpdateRollbackInProgress, "old").behind(operation(OperationKind::Update));
    assert_eq!(case.plan().advice, None);
    case.at.now += HOUR * 2;
    assert!(case.plan().advice.is_some());
}

#[test]
fn the_first_reason_of_a_failure_stays() {
    let mut case = case(S::RollbackComplete, "").behind(operation(OperationKind::Execute));
    case.progress.failure = failure(false);
    case.observed.failure = told();
    case.observed.failure.as_mut().unwrap().reason = Some("of the clean-up".to_owned());
    assert_eq!(case.plan().progress.failure.unwrap().reason, "R");
}

#[test]
fn a_conflict_with_what_is_there_does_not_pass_by_itself() {
    assert!(is_transient("Route: ConflictException: try again"));
    assert!(!is_transient(
        "Route: ConflictException: the route already exists"
    ));
}

#[test]
fn a_try_that_is_made_again_is_not_told_as_the_end() {
    let mut case = case(S::RollbackComplete, "").behind(operation(OperationKind::Execute));
    case.progress.failure = failure(true);
    assert_eq!(case.plan().end, None);
    case.progress.attempt = MAX_ATTEMPTS;
    assert!(case.plan().end.is_some());
}
