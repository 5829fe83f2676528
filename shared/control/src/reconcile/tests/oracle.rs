//! When a run under faults counts as right: its end equals that of the same run without any, and
//! then nothing more is done.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use slipway_domain::{Outcome, Scope, ServiceName};

use super::world::World;
use crate::fake::Call;

/// How long a run may take to its end.
const LONGEST: SignedDuration = SignedDuration::from_hours(4);

/// All that counts of a platform that has come to rest. Times, versions and the words for people
/// may differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    services: BTreeMap<String, Vec<String>>,
    runs: BTreeMap<String, (String, Option<String>)>,
    statuses: BTreeMap<String, String>,
    claims: Vec<String>,
    deployments: Vec<String>,
    left_behind: Vec<String>,
    slots: usize,
}

impl End {
    fn of(world: &World) -> Self {
        let mut services = BTreeMap::new();
        for (name, state) in world.registry.everything() {
            let mut lines = vec![format!("generation {}", state.service.generation)];
            for (scope, stack) in &state.stacks {
                let status = &stack.status;
                lines.push(format!(
                    "{scope}: {} at {} url {:?} advice {} paths {:?} last {:?}",
                    status.phase,
                    status.observed_generation,
                    status.url,
                    status.advice.is_some(),
                    stack.paths,
                    status.outputs.get(slipway_synth::DIGEST_OUTPUT),
                ));
            }
            services.insert(name.to_string(), lines);
        }
        let mut deployments: Vec<String> = world
            .registry
            .all_deployments()
            .into_iter()
            .map(|it| {
                let outcome = match it.outcome {
                    None => "open",
                    Some(Outcome::Succeeded { .. }) => "succeeded",
                    Some(Outcome::Failed { .. }) => "failed",
                    Some(Outcome::Superseded { .. }) => "superseded",
                };
                format!(
                    "{}/{} {} {:?} {outcome}",
                    it.service, it.environment, it.generation, it.cause
                )
            })
            .collect();
        deployments.sort();
        let statuses = world.cloud.stacks().into_iter();
        Self {
            services,
            runs: world.cloud.runs(),
            statuses: statuses
                // Whether it was made, changed or taken back last depends on what had to be done
                // again.
                .map(|(name, status)| {
                    let status = if status.rests() {
                        "rests".to_owned()
                    } else {
                        status.to_string()
                    };
                    (name, status)
                })
                .collect(),
            claims: world
                .registry
                .claims()
                .into_iter()
                .map(|(path, owner)| format!("{path} {owner}"))
                .collect(),
            deployments,
            left_behind: world.cloud.left_behind(),
            slots: world.registry.slots().0,
        }
    }
}

/// What a run came to.
pub(super) struct Run {
    pub(super) end: End,
    /// Operations that took effect.
    pub(super) operations: BTreeMap<&'static str, usize>,
    /// Calls of all ports.
    pub(super) calls: Vec<Call>,
    pub(super) looks: usize,
    /// How many times something told that a stack wants a look.
    pub(super) told: usize,
    pub(super) injected: usize,
}

impl Run {
    /// Whether something was done twice. Less may be done: what is superseded before anybody
    /// looked is never begun.
    pub(super) fn does_more_than(&self, other: &Self) -> bool {
        let times = |kind| other.operations.get(kind).copied().unwrap_or_default();
        let most = |kind| match kind {
            // What is not cancelled in time is updated once more.
            "update" => times("update") + times("cancel"),
            kind => times(kind),
        };
        self.operations
            .iter()
            .any(|(kind, times)| *times > most(kind))
    }
}

/// Runs a scenario to its end, with what `prepare` does to the platform before.
pub(super) fn run(
    scenario: fn(&mut World),
    prepare: impl FnOnce(&mut World),
) -> Result<Run, String> {
    let mut world = World::new();
    prepare(&mut world);
    scenario(&mut world);
    world.settle_within(LONGEST)?;
    let (calls, injected) = (world.tape.calls(), world.tape.injected());
    let (operations, looks, told) = (world.operations(), world.looks, world.told);
    let end = End::of(&world);
    rests(&mut world)?;
    Ok(Run {
        end,
        operations,
        calls,
        looks,
        told,
        injected,
    })
}

/// What has come to rest stays so: sweeps and looks at everything change nothing.
fn rests(world: &mut World) -> Result<(), String> {
    world.tape.heal();
    let open = world.registry.all_deployments();
    if let Some(open) = open.iter().find(|it| it.outcome.is_none()) {
        return Err(format!("a deployment never ends: {open:?}"));
    }
    let before = (End::of(world), world.registry.everything());
    world.cloud.take_calls();
    for _ in 0..3 {
        world.clock.advance(SignedDuration::from_mins(1));
        world.sweep();
    }
    let all: Vec<(ServiceName, Scope)> = before
        .1
        .iter()
        .flat_map(|(name, state)| {
            state
                .stacks
                .keys()
                .map(|scope| (name.clone(), scope.clone()))
        })
        .collect();
    for (service, scope) in all {
        let _ = world.look(&service, &scope);
    }
    let calls = world.cloud.take_calls();
    if !calls.is_empty() {
        return Err(format!("it does not rest: {calls:?}"));
    }
    let after = world.registry.everything();
    if before != (End::of(world), after.clone()) {
        return Err(format!(
            "it does not rest: {:#?}\nbecomes {after:#?}",
            before.1
        ));
    }
    Ok(())
}
