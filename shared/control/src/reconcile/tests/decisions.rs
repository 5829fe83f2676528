//! The decision alone: every status, and what passes by itself.

use super::*;

/// What is wanted, in the ways that differ to a stack.
fn wants() -> [(&'static str, Desired); 3] {
    let mut world = World::new();
    world.register(&json!({"service": "orders", "image": "nginx:1"}));
    let state = &world.registry.everything()[&name("orders")];
    let changed = desired(state, &Scope::Environment(prod()), &Platform::sample());
    [
        ("absent", Desired::Absent { generation: 1 }),
        ("held", Desired::Held),
        ("present", changed),
    ]
}

fn circumstances() -> Circumstances {
    Circumstances {
        now: crate::services::tests::caller(0).stamp.now,
        deadline: SignedDuration::from_mins(45),
        seed: 7,
        permitted: false,
    }
}

#[test]
fn every_status_has_an_answer_and_what_is_unsettled_is_looked_at_again() {
    for (what, desired) in wants() {
        for (status, text) in CloudFormationStatus::ALL {
            for attempt in [0, 1, MAX_ATTEMPTS] {
                let stack = ObservedStack {
                    id: "arn:x".to_owned(),
                    status,
                    outputs: std::collections::BTreeMap::new(),
                    drifted_at: None,
                };
                let observed = Observed {
                    stack: Some(stack),
                    ..Observed::default()
                };
                let generation = desired.generation().unwrap_or(0);
                let progress = Progress {
                    generation,
                    attempt,
                    ..Progress::default()
                };
                let plan = plan(&desired, &progress, &observed, &circumstances());
                let case = format!("{what} {text} attempt {attempt}: {plan:?}");
                // CloudFormation refuses every operation while one runs, but the review's own,
                // and deleting what is being created.
                let may_begin = !status.is_in_progress()
                    || status == CloudFormationStatus::CreateInProgress && what == "absent";
                assert!(may_begin || !plan.action.begins_operation(), "{case}");
                // What settles does nothing more; what does not is looked at again.
                if plan.next == Next::Done {
                    assert!(
                        plan.phase.is_settled() || plan.action == Action::Forget,
                        "{case}"
                    );
                    assert!(!plan.action.begins_operation(), "{case}");
                } else {
                    assert!(!plan.phase.is_settled(), "{case}");
                }
                let failed = plan.phase == Phase::Failed || plan.end.is_some();
                assert_eq!(plan.advice.is_some(), failed, "{case}");
                assert!(
                    plan.message.ends_with('.') || plan.message.contains(' '),
                    "{case}"
                );
                if matches!(desired, Desired::Absent { .. }) {
                    assert!(
                        !matches!(
                            plan.action,
                            Action::Prepare | Action::Execute | Action::Update
                        ),
                        "{case}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_passes_by_itself_is_told_from_what_does_not() {
    assert!(is_transient(
        "Route: ConflictException: Unable to complete operation due to concurrent modification"
    ));
    assert!(is_transient(
        "Rate exceeded (Service: AmazonECS; Status Code: 400)"
    ));
    assert!(!is_transient(
        "Resource handler returned message: \"Invalid request provided\""
    ));
}

#[test]
fn the_time_between_attempts_grows_to_two_minutes_and_differs_from_stack_to_stack() {
    for (attempt, longest) in [
        (0, 4),
        (1, 4),
        (2, 8),
        (3, 16),
        (4, 32),
        (5, 64),
        (6, 120),
        (99, 120),
    ] {
        let rests: std::collections::BTreeSet<_> =
            (0..100).map(|seed| backoff(attempt, seed)).collect();
        let longest = SignedDuration::from_secs(longest);
        assert!(
            rests
                .iter()
                .all(|rest| *rest <= longest && *rest * 2 >= longest),
            "{rests:?}"
        );
        assert!(rests.len() > 50, "{rests:?}");
    }
}
