//! What rests: drift that is put right, rollouts that end, upgrades that wait for their turn.

use slipway_domain::Cause;

use super::super::super::observed::ChangeSet;
use super::super::super::plan::{MAX_RECOVERIES, significant};
use super::*;

#[test]
fn drift_is_repaired_so_often() {
    let mut case = case(S::UpdateComplete, "new").settled().drifted();
    case.progress.recoveries = MAX_RECOVERIES - 1;
    assert_eq!(case.plan().action, Action::PrepareRepair);
    case.progress.recoveries = MAX_RECOVERIES;
    let plan = case.plan();
    assert_eq!((plan.action, plan.phase), (Action::Nothing, Phase::Ready));
    assert!(plan.advice.is_some() && plan.drift.is_some());
}

#[test]
fn where_the_manifest_forbids_it_nothing_is_repaired_and_nothing_made_again() {
    let mut case = case(S::UpdateComplete, "new").settled().drifted();
    case.target.repair = false;
    assert_eq!(case.plan().action, Action::Nothing);
    assert!(case.plan().drift.is_some());
    case.observed = Observed::default();
    assert_eq!(case.plan().action, Action::Nothing);
    assert_eq!(case.plan().phase, Phase::Failed);
    case.target.repair = true;
    let plan = case.plan();
    assert_eq!(
        (plan.action, plan.begins),
        (Action::Prepare, Some(Cause::Heal))
    );
}

#[test]
fn what_the_control_plane_scales_itself_is_no_drift_and_what_is_gone_is() {
    let ours = [
        drift("AWS::ECS::Service", "/DesiredCount"),
        drift(
            "AWS::ApplicationAutoScaling::ScalableTarget",
            "/MinCapacity",
        ),
    ];
    assert_eq!(significant(&ours), Vec::<&ResourceDrift>::new());
    let theirs = [
        drift("AWS::ECS::Service", "/DesiredCounter"),
        ResourceDrift {
            deleted: true,
            properties: Vec::new(),
            ..drift("AWS::ECS::Service", "")
        },
    ];
    assert_eq!(significant(&theirs).len(), 2);
}

/// A repair that CloudFormation cannot make.
fn beyond_repair() -> Case {
    let mut case = case(S::UpdateComplete, "new").behind(operation(OperationKind::PrepareRepair));
    case.observed.change_set = Some(ChangeSet::Failed("R".to_owned()));
    case
}

#[test]
fn a_stack_is_made_anew_only_where_nothing_runs() {
    // ECS may be late at first.
    assert_eq!(beyond_repair().plan().action, Action::Nothing);
    let gone = beyond_repair().after(SignedDuration::from_mins(2));
    assert!(matches!(gone.plan().action, Action::Delete { .. }));
    let runs = beyond_repair().runs("ours", RolloutState::Completed);
    assert_eq!(runs.plan().action, Action::Nothing);
}

#[test]
fn a_service_stack_is_never_made_anew() {
    let mut case = beyond_repair();
    case.target.rolls_out = false;
    assert_eq!(case.plan().action, Action::Nothing);
}

#[test]
fn a_task_definition_of_somebody_else_is_not_ready() {
    let case = case(S::UpdateComplete, "new")
        .settled()
        .runs("theirs", RolloutState::Completed);
    assert_eq!(case.plan().action, Action::PrepareRepair);
}

#[test]
fn what_ecs_takes_back_right_behind_a_deployment_failed_and_is_no_drift() {
    let case = case(S::UpdateComplete, "new")
        .behind(operation(OperationKind::Update))
        .runs("before", RolloutState::Completed);
    let plan = case.plan();
    assert_eq!((plan.action, plan.phase), (Action::Nothing, Phase::Failed));
}

#[test]
fn a_rollout_may_take_so_long_from_when_it_was_first_seen() {
    let mut case = case(S::UpdateComplete, "new")
        .behind(operation(OperationKind::Update))
        .runs("ours", RolloutState::InProgress);
    let first = case.plan();
    assert_eq!(first.phase, Phase::RollingOut);
    case.progress = first.progress;
    case.at.now += SignedDuration::from_mins(40);
    let second = case.plan();
    assert_eq!(second.phase, Phase::RollingOut);
    case.progress = second.progress;
    case.at.now += SignedDuration::from_mins(6);
    assert_eq!(case.plan().phase, Phase::Failed);
}

/// A stack that an older version of the platform rendered, and that rests.
fn outdated() -> Case {
    let mut case = case(S::UpdateComplete, "old")
        .settled()
        .runs("ours", RolloutState::Completed);
    case.progress.settled.as_mut().unwrap().digest = "old".to_owned();
    case
}

#[test]
fn what_a_newer_version_renders_differently_waits_for_its_permit() {
    let mut case = outdated();
    let plan = case.plan();
    assert_eq!((plan.action, plan.phase), (Action::Nothing, Phase::Ready));
    assert!(plan.outdated);
    case.at.permitted = true;
    let plan = case.plan();
    assert_eq!(
        (plan.action, plan.begins),
        (Action::Update, Some(Cause::Upgrade))
    );
}

#[test]
fn what_somebody_updated_by_hand_waits_for_no_upgrade() {
    let mut case = outdated();
    case.progress.settled.as_mut().unwrap().digest = "ours".to_owned();
    let plan = case.plan();
    assert_eq!((plan.action, plan.begins), (Action::Update, None));
}

#[test]
fn what_is_ready_forgets_its_tries_its_failure_and_its_permit() {
    let mut case = case(S::UpdateComplete, "new")
        .behind(operation(OperationKind::Update))
        .runs("ours", RolloutState::Completed);
    case.progress.deletions = 1;
    case.progress.recoveries = 1;
    case.progress.failure = failure(true);
    case.progress.permit = Some("first".to_owned());
    let left = case.plan().progress;
    assert_eq!((left.attempt, left.deletions, left.recoveries), (0, 0, 0));
    assert_eq!(
        (left.failure, left.permit, left.operation),
        (None, None, None)
    );
    assert_eq!(left.settled.unwrap().digest, "new");
}
