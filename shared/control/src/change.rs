//! What one call of the API writes: pure, and committed whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use slipway_domain::{
    Cause, Deployment, DeploymentId, Effective, EnvironmentName, Evidence, Manifest, Place,
    Platform, RoutePath, Scope, Step,
};

use crate::Stamp;
use crate::databases::{Claims, DatabaseUse};
use crate::places::PlaceClaims;
use crate::places::balancers::Balancers;
use crate::record::{
    AuditEntry, PathOwner, Seen, ServiceRecord, ServiceState, StackRecord, Verdict,
};
use slipway_domain::status::StackStatus;

/// What one call of the API writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The service at its new generation.
    pub service: ServiceRecord,
    /// The generation that the change began from; absent at registration.
    pub from: Option<u64>,
    /// What the audit log says of it.
    pub audit: AuditEntry,
    /// The stacks that are to look again.
    pub stacks: BTreeMap<Scope, StackChange>,
    /// The deployments that begin.
    pub deployments: Vec<Deployment>,
    /// The paths to be held, and by whom.
    pub claims: Vec<(RoutePath, PathOwner)>,
    /// The places on what services share to be held, and by whom ([`crate::places`]).
    pub places: PlaceClaims,
    /// The load balancers that come with these places, or go because nobody has one
    /// ([`crate::places::balancers`]).
    pub balancers: Balancers,
    /// The databases to be used, and by whom; and what is taken from a database's users
    /// ([`crate::databases`]).
    pub databases: Claims,
    /// The answer to remember under an idempotency key.
    pub seen: Option<Seen>,
    /// When this is.
    pub at: Timestamp,
}

/// What a change does to a stack's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackChange {
    /// Whether the record is made; it is there already otherwise.
    pub new: bool,
    /// The deployment that begins.
    pub deployment: Option<DeploymentId>,
    /// The path that the stack holds from now on, beside those it holds already.
    pub path: Option<RoutePath>,
    /// The places that it holds from now on, beside those it holds already.
    pub places: BTreeSet<Place>,
    /// The databases that it uses from now on, likewise.
    pub databases: BTreeSet<DatabaseUse>,
    /// Whether the scaler is to look: it may have other hours to keep, of which no stack tells.
    pub rescales: bool,
    /// The version at which the record held what is not claimed anew because of that: the reconciler
    /// may be giving it back. None where nothing is wanted that was not wanted before.
    pub counted_at: Option<u64>,
}

/// The most paths that an environment holds: what it serves, and what it was to serve before. They
/// are given back in one transaction, which has room for 100 items.
pub const MOST_PATHS: usize = 20;

/// The version that a stack's record begins with: the time in milliseconds. A record that is made
/// again under an old name so never bears a version that it had in an earlier life, and whoever
/// read that one cannot write to this one.
pub fn first_version(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(1).max(1)
}

impl StackChange {
    /// The stack is there, and is to be looked at.
    pub fn look() -> Self {
        Self {
            new: false,
            deployment: None,
            path: None,
            places: BTreeSet::new(),
            databases: BTreeSet::new(),
            rescales: false,
            counted_at: None,
        }
    }
}

/// Who asks for a change, and when.
#[derive(Debug, Clone)]
pub struct Request {
    /// The caller's ARN.
    pub actor: String,
    /// Time and id.
    pub stamp: Stamp,
    /// What is asked for, as the audit log says it.
    pub action: &'static str,
    /// What the deployments are caused by.
    pub cause: Cause,
}

/// Registers a service.
pub fn register(manifest: Manifest, platform: &Platform, request: &Request) -> Change {
    let service = ServiceRecord {
        uid: request.stamp.id,
        generation: 1,
        manifest,
        created_at: request.stamp.now,
        updated_at: request.stamp.now,
        updated_by: request.actor.clone(),
        deleting: false,
    };
    build(None, service, None, platform, request)
}

/// Brings a service to a new manifest. An environment in `redeploy` gets a deployment even
/// when nothing of it changes.
pub fn replace(
    state: &ServiceState,
    manifest: Manifest,
    redeploy: Option<&EnvironmentName>,
    platform: &Platform,
    request: &Request,
) -> Change {
    let service = ServiceRecord {
        manifest,
        ..next(state, request)
    };
    build(Some(state), service, redeploy, platform, request)
}

/// Marks a service for deletion: every stack looks, and none begins a deployment.
pub fn delete(state: &ServiceState, request: &Request) -> Change {
    let service = ServiceRecord {
        deleting: true,
        ..next(state, request)
    };
    let stacks = state
        .stacks
        .keys()
        .map(|scope| (scope.clone(), StackChange::look()))
        .collect();
    Change {
        audit: audit(Some(state), &service, request),
        from: Some(state.service.generation),
        service,
        stacks,
        deployments: Vec::new(),
        claims: Vec::new(),
        places: PlaceClaims::default(),
        balancers: Balancers::default(),
        databases: Claims::default(),
        seen: None,
        at: request.stamp.now,
    }
}

fn next(state: &ServiceState, request: &Request) -> ServiceRecord {
    ServiceRecord {
        generation: state.service.generation + 1,
        updated_at: request.stamp.now,
        updated_by: request.actor.clone(),
        ..state.service.clone()
    }
}

fn build(
    before: Option<&ServiceState>,
    service: ServiceRecord,
    redeploy: Option<&EnvironmentName>,
    platform: &Platform,
    request: &Request,
) -> Change {
    let has = |scope: &Scope| before.is_some_and(|state| state.stacks.contains_key(scope));
    let mut stacks = BTreeMap::new();
    let mut deployments = Vec::new();
    let mut claims = Vec::new();

    if !has(&Scope::Service) {
        let new = StackChange {
            new: true,
            ..StackChange::look()
        };
        stacks.insert(Scope::Service, new);
    }
    for environment in service.manifest.environments(&platform.environment) {
        let scope = Scope::Environment(environment.clone());
        let Some(effective) = service
            .manifest
            .effective(&environment, &platform.environment)
        else {
            continue;
        };
        let previous = before.and_then(|state| {
            state
                .service
                .manifest
                .effective(&environment, &platform.environment)
        });
        if has(&scope) && previous.as_ref() == Some(&effective) && redeploy != Some(&environment) {
            continue;
        }
        let stack = before.and_then(|state| state.stacks.get(&scope));
        let held = |path: &RoutePath| stack.is_some_and(|stack| stack.paths.contains(path));
        let path = effective.path.clone().filter(|path| !held(path));
        if let Some(path) = &path {
            let owner = PathOwner {
                service: service.name().clone(),
                environment: environment.clone(),
            };
            claims.push((path.clone(), owner));
        }
        let before_id = before
            .and_then(|state| state.stacks.get(&scope))
            .and_then(|stack| stack.deployment);
        let id = later_than(
            before_id,
            request.stamp.deployment(deployments.len() as u128),
        );
        let mut deployment = begin(id, &effective, service.generation, request);
        if let Some(deployment) = &mut deployment {
            deployment.waits_until = still_waits(before, &scope, previous.as_ref(), &effective);
        }
        let change = StackChange {
            new: !has(&scope),
            deployment: deployment.as_ref().map(|d| d.id),
            path,
            places: BTreeSet::new(),
            databases: BTreeSet::new(),
            rescales: previous
                .as_ref()
                .is_some_and(|previous| previous.settings.scaling != effective.settings.scaling),
            counted_at: stack
                .filter(|_| wants_more(previous, &effective))
                .map(|stack| stack.version),
        };
        deployments.extend(deployment);
        stacks.insert(scope, change);
    }

    // Every stack is to know the newest generation, whether it changes anything of it or not.
    for scope in before.iter().flat_map(|state| state.stacks.keys()) {
        stacks
            .entry(scope.clone())
            .or_insert_with(StackChange::look);
    }

    Change {
        audit: audit(before, &service, request),
        from: before.map(|state| state.service.generation),
        service,
        stacks,
        deployments,
        claims,
        places: PlaceClaims::default(),
        balancers: Balancers::default(),
        databases: Claims::default(),
        seen: None,
        at: request.stamp.now,
    }
}

/// Whether an environment may want a path, a place or a database that it did not want before: with
/// another image or archive alone it does not.
fn wants_more(previous: Option<Effective>, effective: &Effective) -> bool {
    previous.is_none_or(|mut previous| {
        let settings = &mut previous.settings;
        settings.image.clone_from(&effective.settings.image);
        let code = &effective.settings.function.code;
        settings.function.code.clone_from(code);
        previous != *effective
    })
}

/// Until when the image is waited for that an earlier deployment waits for: a change of something
/// else does not end that.
fn still_waits(
    before: Option<&ServiceState>,
    scope: &Scope,
    previous: Option<&Effective>,
    effective: &Effective,
) -> Option<Timestamp> {
    let stack = before?.stacks.get(scope)?;
    let Some(Verdict::Awaits { until, .. }) = stack.verdict() else {
        return None;
    };
    (previous?.settings.artifact() == effective.settings.artifact()).then_some(*until)
}

/// The deployment that an environment begins that has something to run.
fn begin(
    id: DeploymentId,
    effective: &Effective,
    generation: u64,
    request: &Request,
) -> Option<Deployment> {
    let artifact = effective.settings.artifact()?;
    Some(Deployment {
        id,
        service: effective.service.clone(),
        environment: effective.environment.clone(),
        generation,
        cause: request.cause,
        actor: request.actor.clone(),
        artifact,
        created_at: request.stamp.now,
        steps: vec![Step {
            name: "accepted".to_owned(),
            at: request.stamp.now,
        }],
        trigger: None,
        waits_until: None,
        evidence: Evidence::default(),
        outcome: None,
    })
}

/// The id, or the one behind `before`: ids grow with each deployment of a stack, whatever the
/// clocks of two callers say.
fn later_than(before: Option<DeploymentId>, id: DeploymentId) -> DeploymentId {
    match before {
        Some(before) if before >= id => DeploymentId(ulid::Ulid(before.0.0 + 1)),
        Some(_) | None => id,
    }
}

fn audit(before: Option<&ServiceState>, after: &ServiceRecord, request: &Request) -> AuditEntry {
    AuditEntry {
        id: request.stamp.id,
        at: request.stamp.now,
        actor: request.actor.clone(),
        action: request.action.to_owned(),
        generation: after.generation,
        before: before.map(|state| manifest_hash(&state.service.manifest)),
        after: manifest_hash(&after.manifest),
        note: None,
    }
}

/// SHA-256 of a manifest as it is stored, in lower-case hexadecimal.
pub fn manifest_hash(manifest: &Manifest) -> String {
    slipway_synth::sha256(&serde_json::to_vec(manifest).unwrap_or_default())
}

impl Change {
    /// The environment that runs something and would have nothing to run: an image does not go over to
    /// an archive, nor the other way.
    pub fn takes_all_that_runs(
        &self,
        before: Option<&ServiceState>,
        default: &EnvironmentName,
    ) -> Option<EnvironmentName> {
        let before = before.filter(|_| !self.service.deleting)?;
        let runs = |manifest: &Manifest, environment: &EnvironmentName| {
            let effective = manifest.effective(environment, default);
            effective.is_some_and(|it| it.settings.artifact().is_some())
        };
        let manifest = &self.service.manifest;
        manifest.environments(default).into_iter().find(|it| {
            let stack = before.stacks.get(&Scope::Environment(it.clone()));
            stack.is_some_and(|stack| stack.status.stack_id.is_some())
                && runs(&before.service.manifest, it)
                && !runs(manifest, it)
        })
    }

    /// The environment that would hold more paths than [`MOST_PATHS`], if one would.
    pub fn holds_too_many(&self, before: Option<&ServiceState>) -> Option<EnvironmentName> {
        let known = &before?.stacks;
        let mut more = self.stacks.iter().filter(|(_, it)| it.path.is_some());
        let (scope, _) = more.find(|(scope, _)| {
            known
                .get(scope)
                .is_some_and(|stack| stack.paths.len() >= MOST_PATHS)
        })?;
        scope.environment().cloned()
    }

    /// The service with its stacks as they will be once the change is committed.
    pub fn after(&self, before: Option<&ServiceState>) -> ServiceState {
        let mut stacks = before.map(|state| state.stacks.clone()).unwrap_or_default();
        for (scope, change) in &self.stacks {
            let record = stacks.entry(scope.clone()).or_insert_with(|| StackRecord {
                scope: scope.clone(),
                version: first_version(self.at) - 1,
                deployment: None,
                paths: BTreeSet::new(),
                places: BTreeSet::new(),
                databases: BTreeSet::new(),
                attention: Some(self.at),
                status: StackStatus::new(self.at),
                progress: crate::record::Progress::default(),
            });
            record.version += 1;
            record.deployment = change.deployment.or(record.deployment);
            record.paths.extend(change.path.clone());
            record.places.extend(change.places.iter().cloned());
            record.databases.extend(change.databases.iter().cloned());
        }
        ServiceState {
            service: self.service.clone(),
            stacks,
        }
    }
}
