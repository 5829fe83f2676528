//! What a manifest would change, before anything does.

use std::collections::BTreeMap;

use slipway_domain::{Manifest, Platform, Problem, Scope, StackName};
use slipway_synth::{RunState, Template};

use crate::error::ServiceError;
use crate::ports::{RouteReader, ServiceReader};
use crate::record::ServiceState;
use crate::view::{PlanAction, PlanView, StackPlan};

/// Compares the manifest with what the service's newest generation renders to, and asks
/// whether its paths are free in the registry and on the HTTP API.
pub(crate) async fn plan(
    manifest: &Manifest,
    state: Option<&ServiceState>,
    platform: &Platform,
    registry: &impl ServiceReader,
    gateway: &impl RouteReader,
) -> Result<PlanView, ServiceError> {
    let mut obstacles = Vec::new();
    if state.is_some_and(|state| state.service.deleting) {
        obstacles.push(Problem::new(
            "/service",
            "is being deleted; wait until it is gone",
        ));
    }
    obstacles.extend(paths_taken(manifest, state, platform, registry, gateway).await?);
    let stacks = stacks(manifest, state, platform);
    let action = match state {
        None => PlanAction::Create,
        Some(state) if state.service.manifest == *manifest => PlanAction::None,
        Some(_) => PlanAction::Update,
    };
    Ok(PlanView {
        service: manifest.service.clone(),
        action,
        obstacles,
        stacks,
    })
}

async fn paths_taken(
    manifest: &Manifest,
    state: Option<&ServiceState>,
    platform: &Platform,
    registry: &impl ServiceReader,
    gateway: &impl RouteReader,
) -> Result<Vec<Problem>, ServiceError> {
    let mut obstacles = Vec::new();
    let mut routes = None;
    for environment in manifest.environments(&platform.environment) {
        let Some(effective) = manifest.effective(&environment, &platform.environment) else {
            continue;
        };
        let scope = Scope::Environment(environment.clone());
        let held = state
            .and_then(|state| state.stacks.get(&scope))
            .is_some_and(|stack| stack.paths.contains(&effective.path));
        if held {
            continue;
        }
        let pointer = manifest.path_pointer(&environment);
        if let Some(owner) = registry.path_owner(&effective.path).await? {
            obstacles.push(Problem::new(
                pointer,
                format!(
                    "gives the path `{}`, which belongs to `{owner}`",
                    effective.path
                ),
            ));
            continue;
        }
        let keys = match routes.take() {
            Some(keys) => keys,
            None => gateway.route_keys().await?,
        };
        let key = format!("ANY {}", effective.path);
        if keys.contains(&key) {
            obstacles.push(Problem::new(
                pointer,
                format!("gives the route `{key}`, which is on the HTTP API already and belongs to no service: remove it there, or choose another path"),
            ));
        }
        routes = Some(keys);
    }
    Ok(obstacles)
}

fn stacks(
    manifest: &Manifest,
    state: Option<&ServiceState>,
    platform: &Platform,
) -> BTreeMap<String, StackPlan> {
    let mut scopes = vec![Scope::Service];
    scopes.extend(
        manifest
            .environments(&platform.environment)
            .into_iter()
            .map(Scope::Environment),
    );
    scopes.extend(state.iter().flat_map(|state| state.stacks.keys().cloned()));
    scopes.sort();
    scopes.dedup();
    scopes
        .into_iter()
        .map(|scope| {
            let before = state
                .filter(|state| {
                    state
                        .stacks
                        .get(&scope)
                        .is_some_and(|stack| stack.status.stack_id.is_some())
                })
                .and_then(|state| render(&state.service.manifest, &scope, platform));
            let after = render(manifest, &scope, platform);
            let name = StackName {
                platform: platform.name.clone(),
                service: manifest.service.clone(),
                scope,
            };
            (name.to_string(), compare(before.as_ref(), after.as_ref()))
        })
        .collect()
}

fn render(manifest: &Manifest, scope: &Scope, platform: &Platform) -> Option<Template> {
    match scope {
        Scope::Service => Some(slipway_synth::service_stack(manifest, platform)),
        Scope::Environment(name) => {
            let effective = manifest.effective(name, &platform.environment)?;
            slipway_synth::environment_stack(&effective, platform, &RunState::default())
        }
    }
}

fn compare(before: Option<&Template>, after: Option<&Template>) -> StackPlan {
    match (before, after) {
        (None, None) => StackPlan {
            summary: "waits for its first image; no stack until then".to_owned(),
            changes: Vec::new(),
        },
        (Some(before), None) => StackPlan {
            summary: "is deleted".to_owned(),
            changes: slipway_synth::diff(Some(before), &Template::empty()),
        },
        (before, Some(after)) => {
            let changes = slipway_synth::diff(before, after);
            let summary = match (before, changes.is_empty()) {
                (None, _) => "is created",
                (Some(_), true) => "stays as it is",
                (Some(_), false) => "is updated",
            };
            StackPlan {
                summary: summary.to_owned(),
                changes,
            }
        }
    }
}
