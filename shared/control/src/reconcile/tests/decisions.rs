//! The decision alone: every status, and what passes by itself.

use super::*;

/// What is wanted, in the three ways that differ to a stack.
async fn wants() -> [(&'static str, Desired); 3] {
    let mut world = World::new();
    world
        .register(json!({"service": "orders", "image": "nginx:1"}))
        .await;
    let state = world
        .registry
        .service(&name("orders"))
        .await
        .unwrap()
        .unwrap();
    let platform = Platform::sample();
    let changed = desired(&state, &Scope::Environment(prod()), &platform);
    [
        ("absent", Desired::Absent { generation: 1 }),
        ("held", Desired::Held),
        ("present", changed),
    ]
}

#[tokio::test]
async fn every_status_has_an_answer_and_what_is_unsettled_is_looked_at_again() {
    for (what, desired) in wants().await {
        for (status, text) in StackStatus::ALL {
            for attempt in [0, 1, MAX_ATTEMPTS] {
                let stack = ObservedStack {
                    id: "arn:x".to_owned(),
                    status,
                    outputs: std::collections::BTreeMap::new(),
                };
                let observed = Observed {
                    stack: Some(stack),
                    ..Observed::default()
                };
                let generation = desired.generation().unwrap_or(0);
                let progress = Progress {
                    attempt,
                    generation,
                    ..Progress::default()
                };
                let plan = plan(&desired, &progress, &observed);
                let case = format!("{what} {text} attempt {attempt}: {plan:?}");
                // CloudFormation refuses every operation while one runs, but the review's own.
                let runs =
                    text.ends_with("_IN_PROGRESS") && status != StackStatus::ReviewInProgress;
                assert!(!runs || plan.action == Action::Nothing, "{case}");
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
                assert!(
                    plan.message.ends_with(['.', ':']) || plan.message.contains(' '),
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
fn the_time_between_attempts_grows_to_a_minute_at_most() {
    let times: Vec<u64> = (0..8).map(|attempt| backoff(attempt).as_secs()).collect();
    assert_eq!(times, [4, 4, 8, 16, 32, 60, 60, 60]);
    assert!(backoff(u32::MAX) <= Duration::from_mins(1));
}
