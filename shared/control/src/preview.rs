//! What a manifest would change, before anything does.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use slipway_domain::{
    Artifact, Effective, EnvironmentName, Manifest, Platform, Problem, RoutePath, Scope, StackName,
};
use slipway_synth::Template;
use slipway_synth::cost::{CostView, estimate};

use crate::error::ServiceError;
use crate::places::wanted;
use crate::ports::{RouteReader, ServiceReader};
use crate::preflight::{Check, Checks, Outcome, Subject, needs, preflight};
use crate::reconcile::desired::{as_cleared, render_as_cleared};
use crate::record::{ServiceState, Verdict};
use crate::services::databases;
use crate::services::place::find as find_places;
use crate::services::restore;
use crate::view::{PlanAction, PlanView, StackPlan};

/// Compares the manifest with what the service's newest generation renders to, and asks
/// whether its paths are free in the registry and on the HTTP API, and whether what would be
/// deployed can succeed.
pub(crate) async fn plan(
    manifest: &Manifest,
    state: Option<&ServiceState>,
    platform: &Platform,
    registry: &impl ServiceReader,
    gateway: &impl RouteReader,
    ports: &impl Checks,
) -> Result<PlanView, ServiceError> {
    let mut obstacles = Vec::new();
    if state.is_some_and(|state| state.service.deleting) {
        obstacles.push(Problem::new(
            "/service",
            "is being deleted; wait until it is gone",
        ));
    }
    obstacles.extend(paths_taken(manifest, state, platform, registry, gateway).await?);
    let wanted = wanted(manifest, state, platform);
    let places = find_places(&wanted, platform, registry, ports).await?;
    obstacles.extend(places.err().map(|full| {
        let pointer = manifest.pointer(&full.environment, full.field);
        Problem::new(pointer, full.detail)
    }));
    let in_the_way = databases::obstacles(manifest, state, platform, registry).await?;
    obstacles.extend(in_the_way);
    let restored = restore::look(manifest, state, platform, ports).await?;
    obstacles.extend(restore::problems(&restored));
    let mut checks = path_checks(manifest, platform, &obstacles);
    checks.extend(databases::checks(manifest, platform, registry, &obstacles).await?);
    checks.extend(restore::checks(restored));
    // All at the same time: a registry that does not answer is waited for once.
    let environments = manifest.environments(&platform.environment);
    let checked = environments
        .iter()
        .map(|environment| check(manifest, environment, state, platform, ports));
    let mut artifacts = BTreeMap::new();
    for (environment, checked) in environments.iter().zip(try_join_all(checked).await?) {
        if let Some((found, artifact)) = checked {
            checks.extend(found);
            artifacts.insert(environment.clone(), artifact);
        }
    }
    let rendered = Rendered::new(manifest, state, platform, &artifacts);
    let action = match state {
        None => PlanAction::Create,
        Some(state) if state.service.manifest == *manifest => PlanAction::None,
        Some(_) => PlanAction::Update,
    };
    Ok(PlanView {
        service: manifest.service.clone(),
        action,
        obstacles,
        checks,
        stacks: rendered.stacks(),
        cost: rendered.cost(state.is_some(), &platform.region),
    })
}

/// Checks an environment that would be deployed; its checks, and the image or archive as it would run.
async fn check(
    manifest: &Manifest,
    environment: &EnvironmentName,
    state: Option<&ServiceState>,
    platform: &Platform,
    ports: &impl Checks,
) -> Result<Option<(Vec<Check>, Artifact)>, ServiceError> {
    let effective = |manifest: &Manifest| manifest.effective(environment, &platform.environment);
    let Some(after) = effective(manifest) else {
        return Ok(None);
    };
    let Some(artifact) = after.settings.artifact() else {
        return Ok(None);
    };
    let before = state.and_then(|state| effective(&state.service.manifest));
    let scope = Scope::Environment(environment.clone());
    let stack = state.and_then(|state| state.stacks.get(&scope));
    let cleared = match stack.and_then(|stack| stack.verdict()) {
        Some(Verdict::Cleared { artifact }) => Some(artifact),
        Some(_) | None => None,
    };
    if let Some(cleared) = cleared.filter(|_| before.as_ref() == Some(&after)) {
        return Ok(Some((Vec::new(), cleared.clone())));
    }
    let was_made = stack.is_some_and(|stack| stack.status.stack_id.is_some());
    let former = before
        .filter(|_| was_made)
        .and_then(|before| render_as_cleared(&before, stack, platform, None));
    let needs = render_as_cleared(&after, None, platform, None)
        .map(|template| needs(former.as_ref(), &template))
        .unwrap_or_default();
    let ran = cleared.and_then(Artifact::archive);
    let findings = preflight(ports, &after, &artifact, ran, &needs).await?;
    Ok(Some((findings.checks, findings.artifact)))
}

fn path_checks(manifest: &Manifest, platform: &Platform, obstacles: &[Problem]) -> Vec<Check> {
    let environments = manifest.environments(&platform.environment);
    environments
        .into_iter()
        .filter_map(|environment| {
            let path = manifest
                .effective(&environment, &platform.environment)?
                .path?;
            let pointer = manifest.path_pointer(&environment);
            let taken = obstacles.iter().find(|it| it.pointer == pointer);
            let (verdict, message) = match taken {
                Some(problem) => (
                    Outcome::Failed,
                    format!("`{}` {}.", problem.pointer, problem.detail),
                ),
                None => (
                    Outcome::Passed,
                    format!("The path `{path}` is free or ours."),
                ),
            };
            Some(Check {
                check: Subject::Path,
                environment: Some(environment),
                verdict,
                message,
                pointer: Some(pointer),
            })
        })
        .collect()
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
        let held = |path: &RoutePath| {
            let stack = state.and_then(|state| state.stacks.get(&scope));
            stack.is_some_and(|stack| stack.paths.contains(path))
        };
        let Some(path) = effective.path.filter(|path| !held(path)) else {
            continue;
        };
        let pointer = manifest.path_pointer(&environment);
        if let Some(owner) = registry.path_owner(&path).await? {
            obstacles.push(Problem::new(
                pointer,
                format!("gives the path `{path}`, which belongs to `{owner}`"),
            ));
            continue;
        }
        let keys = match routes.take() {
            Some(keys) => keys,
            None => gateway.route_keys().await?,
        };
        let key = format!("ANY {path}");
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

/// The templates of a service's stacks, by stack name.
struct Rendered {
    /// Every stack, with a template or without.
    names: Vec<String>,
    /// What there is: of the stacks that were made.
    before: BTreeMap<String, Template>,
    /// What there would be.
    after: BTreeMap<String, Template>,
}

impl Rendered {
    fn new(
        manifest: &Manifest,
        state: Option<&ServiceState>,
        platform: &Platform,
        artifacts: &BTreeMap<EnvironmentName, Artifact>,
    ) -> Self {
        let has_own = manifest.settings.kind.has_repository();
        let mut scopes: Vec<Scope> = has_own.then_some(Scope::Service).into_iter().collect();
        scopes.extend(
            manifest
                .environments(&platform.environment)
                .into_iter()
                .map(Scope::Environment),
        );
        let known = state.iter().flat_map(|state| state.stacks.keys().cloned());
        scopes.extend(known.filter(|scope| has_own || scope.environment().is_some()));
        scopes.sort();
        scopes.dedup();
        let mut rendered = Self {
            names: Vec::new(),
            before: BTreeMap::new(),
            after: BTreeMap::new(),
        };
        for scope in scopes {
            let stack = state.and_then(|state| state.stacks.get(&scope));
            let was_made = stack.is_some_and(|stack| stack.status.stack_id.is_some());
            let before = state.filter(|_| was_made).and_then(|state| {
                render(&state.service.manifest, &scope, platform, |effective| {
                    as_cleared(effective, stack)
                })
            });
            let after = render(manifest, &scope, platform, |mut effective| {
                if let Some(found) = artifacts.get(&effective.environment) {
                    effective.settings.set_artifact(found.clone());
                }
                effective
            });
            let name = StackName {
                platform: platform.name.clone(),
                service: manifest.service.clone(),
                scope,
            }
            .to_string();
            rendered.before.extend(before.map(|it| (name.clone(), it)));
            rendered.after.extend(after.map(|it| (name.clone(), it)));
            rendered.names.push(name);
        }
        rendered
    }

    fn stacks(&self) -> BTreeMap<String, StackPlan> {
        let plan = |name: &String| compare(self.before.get(name), self.after.get(name));
        self.names
            .iter()
            .map(|name| (name.clone(), plan(name)))
            .collect()
    }

    /// What there would be against what there is, if the service is registered.
    fn cost(&self, registered: bool, region: &str) -> CostView {
        let former = registered.then(|| estimate(&self.before, region));
        estimate(&self.after, region).against(former.as_ref())
    }
}

fn render(
    manifest: &Manifest,
    scope: &Scope,
    platform: &Platform,
    pinned: impl FnOnce(Effective) -> Effective,
) -> Option<Template> {
    match scope {
        Scope::Service => manifest
            .settings
            .kind
            .has_repository()
            .then(|| slipway_synth::service_stack(manifest, platform)),
        Scope::Environment(name) => {
            let effective = manifest.effective(name, &platform.environment)?;
            render_as_cleared(&pinned(effective), None, platform, None)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_would_be_is_reckoned_against_what_there_is() {
        let platform = Platform::sample();
        let manifest = |memory: u32| {
            Manifest::read(&json!({"service": "orders", "image": "nginx", "memory": memory}))
                .unwrap()
        };
        let scope = Scope::Environment(platform.environment.clone());
        let stack = |memory| {
            let template = render(&manifest(memory), &scope, &platform, |it| it).unwrap();
            BTreeMap::from([("orders".to_owned(), template)])
        };
        let cost = |before, after| {
            let rendered = Rendered {
                names: vec!["orders".to_owned()],
                before,
                after,
            };
            let cost = rendered.cost(true, &platform.region);
            cost.difference_usd.unwrap().to_string()
        };
        // Two tasks with half a GB more: 730 GB-hours at 0.004445, of which 3.24 were there.
        assert_eq!(cost(stack(512), stack(1024)), "+3.25");
        assert_eq!(cost(stack(1024), stack(512)), "-3.25");
        assert_eq!(cost(stack(512), stack(512)), "0.00");
        let (before, nothing) = (stack(512), BTreeMap::new());
        assert!(cost(before, nothing).starts_with('-'));
    }
}
