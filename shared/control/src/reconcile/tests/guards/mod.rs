//! Guards, one at a time: what each of them keeps from happening. `cargo xtask mutants` takes
//! them away, and most of the tests that must then fail are here.

mod failing;
mod looks;
mod operations;
mod resting;
mod writes;

use super::super::desired::Target;
use super::super::observed::{PropertyDrift, ResourceDrift, Rollout, RolloutState};
use super::super::plan::Plan;
use super::CloudFormationStatus as S;
use super::*;
use crate::record::{Failure, Operation, OperationKind, Settled};

/// One decision: what is wanted, remembered and seen, and its circumstances.
struct Case {
    target: Target,
    progress: Progress,
    observed: Observed,
    at: Circumstances,
}

/// An environment at generation 2, whose template is `new`. Nothing was done for it yet.
fn case(status: S, digest: &str) -> Case {
    let mut world = World::new();
    world.register(&json!({"service": "orders", "image": "nginx:1"}));
    let state = &world.registry.everything()[&name("orders")];
    let wanted = desired(state, &Scope::Environment(prod()), &Platform::sample());
    let Desired::Present(target) = wanted else {
        panic!("nothing is wanted");
    };
    Case {
        target: Target {
            generation: 2,
            digest: "new".to_owned(),
            ..*target
        },
        progress: Progress {
            generation: 2,
            ..Progress::default()
        },
        observed: Observed {
            stack: Some(ObservedStack {
                id: "arn:x".to_owned(),
                status,
                outputs: [("Template", digest), ("TaskDefinition", "ours")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
                drifted_at: None,
            }),
            ..Observed::default()
        },
        at: Circumstances {
            now: now(),
            deadline: SignedDuration::from_mins(45),
            seed: 7,
            permitted: false,
        },
    }
}

fn now() -> jiff::Timestamp {
    crate::services::tests::caller(0).stamp.now
}

/// The operation that was begun a second ago for the newest generation, and was seen.
fn operation(kind: OperationKind) -> Operation {
    Operation {
        kind,
        generation: 2,
        serial: 3,
        digest: Some("new".to_owned()),
        begun_at: now() - SignedDuration::from_secs(1),
        called_at: None,
        calls: 1,
        seen: true,
        cancelled: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as what is remembered has it")]
fn failure(transient: bool) -> Option<Failure> {
    Some(Failure {
        reason: "R".to_owned(),
        transient,
        not_before: None,
    })
}

impl Case {
    /// With this as the last operation, the first try of the newest generation.
    fn behind(mut self, operation: Operation) -> Self {
        self.progress.serial = operation.serial;
        self.progress.attempt = 1;
        self.progress.operation = Some(operation);
        self
    }

    /// The stack was found as wanted before.
    fn settled(mut self) -> Self {
        self.progress.settled = Some(Settled {
            generation: 2,
            digest: "new".to_owned(),
            at: now() - SignedDuration::from_hours(1),
        });
        self
    }

    fn runs(mut self, task_definition: &str, state: RolloutState) -> Self {
        self.observed.rollout = Some(Rollout {
            task_definition: task_definition.to_owned(),
            state,
            reason: String::new(),
            tasks: (1, 1),
            failed_tasks: 0,
        });
        self
    }

    fn drifted(mut self) -> Self {
        self.observed.drift = vec![drift("AWS::EC2::SecurityGroup", "/GroupDescription")];
        self.runs("ours", RolloutState::Completed)
    }

    fn plan(&self) -> Plan {
        let wanted = Desired::Present(Box::new(self.target.clone()));
        plan(&wanted, &self.progress, &self.observed, &self.at)
    }

    /// The same a while later.
    fn after(mut self, time: SignedDuration) -> Self {
        self.at.now += time;
        self
    }

    /// The number and the calls of the operation that is made now, if one is.
    fn made(&self) -> Option<(u32, u32)> {
        let plan = self.plan();
        let begins = plan.action.begins_operation();
        let operation = plan.progress.operation.filter(|_| begins);
        operation.map(|it| (it.serial, it.calls))
    }
}

fn drift(resource_type: &str, path: &str) -> ResourceDrift {
    ResourceDrift {
        logical_id: "It".to_owned(),
        resource_type: resource_type.to_owned(),
        deleted: false,
        properties: vec![PropertyDrift {
            path: path.to_owned(),
            expected: "1".to_owned(),
            actual: "2".to_owned(),
        }],
    }
}

fn unseen(mut operation: Operation) -> Operation {
    operation.seen = false;
    operation
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);
