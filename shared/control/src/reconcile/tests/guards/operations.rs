//! Operations: each begun once, under a token of its own, and cancelled when it is not wanted.

use super::super::super::desired::token;
use super::super::super::observed::ChangeSet;
use super::super::super::plan::{LEASE, MAX_ATTEMPTS, MAX_CALLS};
use super::*;
use crate::record::Cancelled;

#[test]
fn a_call_that_may_be_lost_is_repeated_under_its_token() {
    let case = case(S::UpdateComplete, "old").behind(unseen(operation(OperationKind::Update)));
    assert_eq!(case.made(), Some((3, 2)));
}

#[test]
fn a_call_is_not_repeated_for_ever() {
    let mut case = case(S::UpdateComplete, "old").behind(unseen(operation(OperationKind::Update)));
    case.progress.operation.as_mut().unwrap().calls = MAX_CALLS;
    assert_eq!(case.made(), None);
    assert_eq!(case.after(LEASE).made(), Some((4, 1)));
}

#[test]
fn an_older_generations_operation_is_not_the_same_though_its_template_is() {
    let mut older = unseen(operation(OperationKind::Update));
    older.generation = 1;
    let case = case(S::UpdateComplete, "old").behind(older).after(LEASE);
    assert_eq!(case.made(), Some((4, 1)));
}

#[test]
fn an_operation_for_another_template_is_not_the_same() {
    let mut other = unseen(operation(OperationKind::Update));
    other.digest = Some("between".to_owned());
    let case = case(S::UpdateComplete, "old").behind(other).after(LEASE);
    assert_eq!(case.made(), Some((4, 1)));
}

#[test]
fn another_operation_waits_until_nobody_can_be_about_to_call_for_the_first() {
    let mut older = unseen(operation(OperationKind::Update));
    older.generation = 1;
    let case = case(S::UpdateComplete, "old").behind(older);
    assert_eq!(case.made(), None);
    assert!(matches!(case.plan().next, Next::Requeue(_)));
    assert_eq!(case.after(LEASE).made(), Some((4, 1)));
}

#[test]
fn work_that_shows_is_remembered_as_seen() {
    let case = case(S::UpdateInProgress, "old").behind(unseen(operation(OperationKind::Update)));
    assert!(case.plan().progress.operation.unwrap().seen);
}

#[test]
fn attempts_at_an_older_generation_do_not_count() {
    let mut case = case(S::UpdateComplete, "old");
    case.progress.generation = 1;
    case.progress.attempt = MAX_ATTEMPTS;
    case.progress.failure = failure(false);
    assert_eq!(case.plan().action, Action::Update);
}

#[test]
fn what_cloudformation_calls_no_update_is_not_sent_again() {
    let mut case = case(S::UpdateComplete, "old").runs("ours", RolloutState::Completed);
    case.progress.unchanged = Some("new".to_owned());
    assert_eq!(case.plan().phase, Phase::Ready);
}

#[test]
fn what_rests_or_is_held_has_no_slot() {
    let mut case = case(S::DeleteFailed, "old").behind(operation(OperationKind::Delete));
    case.progress.deletions = 1;
    case.progress.holds_slot = true;
    let rests = case.plan();
    assert_eq!(
        (rests.action, rests.phase),
        (Action::Nothing, Phase::Deleting)
    );
    assert!(!rests.progress.holds_slot);
    let held = plan(&Desired::Held, &case.progress, &case.observed, &case.at);
    assert!(!held.progress.holds_slot);
}

#[test]
fn what_cloudformation_works_on_has_a_slot() {
    let case = case(S::UpdateInProgress, "old").behind(operation(OperationKind::Update));
    assert!(case.plan().progress.holds_slot);
}

#[test]
fn an_update_to_something_older_is_cancelled_and_one_to_the_newest_is_not() {
    let mut older = operation(OperationKind::Update);
    (older.generation, older.digest) = (1, Some("between".to_owned()));
    let superseded = case(S::UpdateInProgress, "old").behind(older);
    let plan = superseded.plan();
    assert_eq!(plan.action, Action::Cancel);
    assert_eq!(plan.progress.failure, None);
    let newest = case(S::UpdateInProgress, "old").behind(operation(OperationKind::Update));
    assert_eq!(newest.plan().action, Action::Nothing);
}

#[test]
fn an_update_that_takes_too_long_is_cancelled_and_counts_as_failed() {
    let case = case(S::UpdateInProgress, "old").behind(operation(OperationKind::Update));
    let plan = case.after(HOUR).plan();
    assert_eq!(plan.action, Action::Cancel);
    assert!(
        plan.progress
            .failure
            .unwrap()
            .reason
            .contains("took longer")
    );
}

#[test]
fn an_older_generations_update_that_takes_too_long_is_not_the_newest_ones_failure() {
    let mut older = operation(OperationKind::Update);
    older.generation = 1;
    let plan = case(S::UpdateInProgress, "old")
        .behind(older)
        .after(HOUR)
        .plan();
    assert_eq!((plan.action, plan.progress.failure), (Action::Cancel, None));
}

#[test]
fn an_update_that_was_superseded_does_not_become_overdue() {
    let mut superseded = operation(OperationKind::Update);
    superseded.cancelled = Some(Cancelled::Superseded);
    let case = case(S::UpdateInProgress, "old").behind(superseded);
    assert_eq!(case.after(HOUR).plan().progress.failure, None);
}

#[test]
fn a_change_set_of_an_older_generation_is_not_executed() {
    let mut older = operation(OperationKind::Prepare);
    older.generation = 1;
    let mut case = case(S::ReviewInProgress, "").behind(older);
    case.observed.change_set = Some(ChangeSet::Ready);
    assert_eq!(case.plan().action, Action::Prepare);
    let mut case = case.behind(operation(OperationKind::Prepare));
    case.progress.attempt = 1;
    assert_eq!(case.plan().action, Action::Execute);
}

#[test]
fn a_token_is_one_intents() {
    let (one, other) = (ulid::Ulid(1), ulid::Ulid(2));
    let environment = Scope::Environment(prod());
    let tokens = [
        token(one, &environment, 1, "update", 1),
        token(other, &environment, 1, "update", 1),
        token(one, &Scope::Service, 1, "update", 1),
        token(one, &environment, 2, "update", 1),
        token(one, &environment, 1, "delete", 1),
        token(one, &environment, 1, "update", 2),
    ];
    let different: std::collections::BTreeSet<_> = tokens.iter().collect();
    assert_eq!(different.len(), tokens.len(), "{tokens:#?}");
}
