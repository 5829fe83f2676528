//! The table of decisions in `docs/RECONCILER.md`, printed from `plan` itself.
//!
//! `UPDATE_EXPECT=1 cargo test -p slipway-control the_table` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use super::*;
use crate::reconcile::observed::{OperationFailure, Rollout, RolloutState};
use crate::reconcile::plan::Plan;
use crate::record::{Operation, OperationKind, Settled};

const BEGIN: &str = "<!-- begin: printed by a test, do not edit -->\n";
const END: &str = "<!-- end -->\n";

/// What a stack may be to the service that has it.
struct Case {
    heading: &'static str,
    wanted: Desired,
    progress: Progress,
}

fn now() -> jiff::Timestamp {
    crate::services::tests::caller(0).stamp.now
}

fn present() -> Desired {
    let mut world = World::new();
    world.register(&json!({"service": "orders", "image": "nginx:1"}));
    let state = &world.registry.everything()[&name("orders")];
    desired(state, &Scope::Environment(prod()), &Platform::sample())
}

fn digest(wanted: &Desired) -> Option<String> {
    match wanted {
        Desired::Present(target) => Some(target.digest.clone()),
        Desired::Absent { .. }
        | Desired::Held
        | Desired::NoStack { .. }
        | Desired::Waiting { .. }
        | Desired::Refused { .. }
        | Desired::Awaiting { .. } => None,
    }
}

/// An operation of the generation that is wanted, which CloudFormation has taken on.
fn begun(kind: OperationKind, digest: Option<String>) -> Progress {
    Progress {
        generation: 1,
        serial: 1,
        attempt: 1,
        operation: Some(Operation {
            kind,
            generation: 1,
            serial: 1,
            digest,
            begun_at: now(),
            called_at: None,
            calls: 1,
            seen: true,
            cancelled: None,
        }),
        ..Progress::default()
    }
}

fn cases() -> [Case; 4] {
    let wanted = present();
    let mut former = begun(OperationKind::Update, Some("another".to_owned()));
    former.attempt = 0;
    if let Some(operation) = &mut former.operation {
        operation.generation = 0;
    }
    let kind_of = |kind| begun(kind, digest(&wanted));
    [
        Case {
            heading: "created for this generation",
            progress: kind_of(OperationKind::Execute),
            wanted: wanted.clone(),
        },
        Case {
            heading: "updated for this generation",
            progress: kind_of(OperationKind::Update),
            wanted: wanted.clone(),
        },
        Case {
            heading: "changed since",
            progress: former,
            wanted,
        },
        Case {
            heading: "not wanted",
            wanted: Desired::Absent { generation: 1 },
            progress: Progress {
                generation: 1,
                ..Progress::default()
            },
        },
    ]
}

fn told(plan: &Plan) -> String {
    let what = match &plan.action {
        Action::Nothing => "–".to_owned(),
        Action::Delete { retain } if !retain.is_empty() => "Delete, retaining".to_owned(),
        Action::Delete { .. } => "**Delete**".to_owned(),
        other => format!("**{other:?}**"),
    };
    let next = match &plan.next {
        Next::Done => "rests",
        Next::Requeue(_) => "looks again soon",
        Next::AwaitChange => "awaits an event",
        Next::Then(_) => "wakes another",
    };
    format!("{what} · {} · {next}", plan.phase)
}

fn decide(wanted: &Desired, progress: &Progress, observed: &Observed) -> Plan {
    let at = Circumstances {
        now: now(),
        deadline: SignedDuration::from_mins(45),
        seed: 7,
        permitted: false,
    };
    plan(wanted, progress, observed, &at)
}

fn stack(status: CloudFormationStatus, digest: &str) -> Observed {
    let outputs = [
        (slipway_synth::DIGEST_OUTPUT, digest),
        ("TaskDefinition", "ours"),
    ];
    Observed {
        stack: Some(ObservedStack {
            id: "arn:x".to_owned(),
            status,
            outputs: outputs
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            drifted_at: None,
        }),
        failure: status.tells_a_failure().then(|| OperationFailure {
            token: None,
            reason: Some("Service: it does not start".to_owned()),
        }),
        rollout: Some(rollout("ours", RolloutState::Completed)),
        ..Observed::default()
    }
}

fn rollout(task_definition: &str, state: RolloutState) -> Rollout {
    Rollout {
        task_definition: task_definition.to_owned(),
        state,
        reason: "tasks failed".to_owned(),
        tasks: (2, 2),
        failed_tasks: 0,
    }
}

/// Every status of a stack, against what is wanted of it. Where a stack is complete it carries
/// the template that was applied last: the newest, unless the service has changed since.
fn statuses() -> String {
    let cases = cases();
    let mut table = String::from("| stack |");
    for case in &cases {
        let _ = write!(table, " {} |", case.heading);
    }
    let _ = write!(table, "\n|---|{}\n", "---|".repeat(cases.len()));
    let rows = CloudFormationStatus::ALL
        .into_iter()
        .map(|(status, text)| (text, Some(status)));
    for (text, status) in std::iter::once(("none", None)).chain(rows) {
        let _ = write!(table, "| {text} |");
        for case in &cases {
            let applied = match (status, case.heading) {
                (_, "changed since") => "another".to_owned(),
                (Some(status), "updated for this generation") if status.tells_a_failure() => {
                    "another".to_owned()
                }
                _ => digest(&case.wanted).unwrap_or_default(),
            };
            let observed = status.map_or_else(Observed::default, |it| stack(it, &applied));
            let _ = write!(
                table,
                " {} |",
                told(&decide(&case.wanted, &case.progress, &observed))
            );
        }
        table.push('\n');
    }
    table
}

/// What ECS says of a stack that is complete, against what was known of it before.
fn rollouts() -> String {
    let wanted = present();
    let newest = digest(&wanted).unwrap_or_default();
    let fresh = begun(OperationKind::Update, Some(newest.clone()));
    let settled = Progress {
        generation: 1,
        settled: Some(Settled {
            generation: 1,
            digest: newest.clone(),
            at: now(),
        }),
        ..Progress::default()
    };
    let mut table =
        String::from("| ECS | right behind an update | was ready before |\n|---|---|---|\n");
    for (what, rollout) in [
        ("shows no service", None),
        (
            "replaces tasks",
            Some(rollout("ours", RolloutState::InProgress)),
        ),
        (
            "completed, our task definition",
            Some(rollout("ours", RolloutState::Completed)),
        ),
        (
            "completed, another one",
            Some(rollout("another", RolloutState::Completed)),
        ),
        ("gave up", Some(rollout("ours", RolloutState::Failed))),
    ] {
        let observed = Observed {
            rollout,
            ..stack(CloudFormationStatus::UpdateComplete, &newest)
        };
        let said = |progress| told(&decide(&wanted, progress, &observed));
        let _ = writeln!(table, "| {what} | {} | {} |", said(&fresh), said(&settled));
    }
    let refused = Desired::Refused {
        generation: 1,
        reasons: "There is no such image.".to_owned(),
    };
    let awaiting = Desired::Awaiting {
        generation: 1,
        what: "its image".to_owned(),
        until: now() + SignedDuration::from_mins(30),
    };
    for (what, wanted) in [
        ("there is no image", Desired::Waiting { generation: 1 }),
        ("the deployment cannot succeed", refused),
        ("its image is not pushed yet", awaiting),
    ] {
        let said = told(&decide(&wanted, &Progress::default(), &Observed::default()));
        let _ = writeln!(table, "| {what} | {said} | |");
    }
    table
}

#[test]
fn the_table_in_the_documents_is_what_the_code_decides() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/RECONCILER.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    let fresh = format!(
        "{before}{BEGIN}\n{}\n{}\n{END}{after}",
        statuses(),
        rollouts()
    );
    #[expect(
        clippy::disallowed_methods,
        reason = "the switch of expect-test, read by nothing else"
    )]
    let rewrites = std::env::var_os("UPDATE_EXPECT").is_some();
    if rewrites {
        std::fs::write(&path, fresh).unwrap();
    } else {
        assert!(
            document == fresh,
            "docs/RECONCILER.md is stale: UPDATE_EXPECT=1 cargo test -p slipway-control the_table"
        );
    }
}
