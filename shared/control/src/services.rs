//! What callers of the API may ask for.
//!
//! Each use case reads at most once, decides purely ([`crate::change`]), and commits once. A
//! commit that meets another transaction at the same items is tried again from the reading,
//! three times at most: the second look may say that the name is taken.

use serde_json::Value;
use slipway_domain::{
    Cause, Deployment, DeploymentId, EnvironmentName, Image, Manifest, Platform, Problem, Problems,
    Scope, ServiceName, TeamName,
};
use slipway_synth::{RunState, Template};

use crate::Stamp;
use crate::change::{self, Change, Request, sha256};
use crate::error::{CommitError, ServiceError};
use crate::ports::{ChangeWriter, HistoryReader, LiveReader, Page, RouteReader, ServiceReader};
use crate::record::{AuditEntry, Seen, ServiceRecord, ServiceState};
use crate::view::{
    DeletionView, DeploymentStarted, EnvironmentView, GenerationView, PageView, PlanView,
    ServiceSummary, ServiceView,
};

#[cfg(test)]
pub(crate) mod tests;

/// How often a commit that met another is tried.
const TRIES: u32 = 3;
/// Seconds for which an idempotency key is remembered: a day.
const KEY_SECONDS: i64 = 24 * 60 * 60;

/// The use cases, over a registry, what runs, and the HTTP API.
#[derive(Debug)]
pub struct Services<R, L, G> {
    /// The registry.
    pub registry: R,
    /// What runs.
    pub live: L,
    /// The platform's HTTP API.
    pub gateway: G,
    /// The platform.
    pub platform: Platform,
}

/// Who calls, when, and under which idempotency key.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The caller's ARN, from the authorizer.
    pub actor: String,
    /// Time and id.
    pub stamp: Stamp,
    /// The idempotency key, if the caller sent one.
    pub key: Option<String>,
}

/// What a caller says the service must be at for a change to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// It exists, at whatever generation (`If-Match: *`).
    Exists,
    /// It has this ETag.
    Is(String),
}

/// What a write did.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// The service is new.
    Created(Box<ServiceView>),
    /// The service changed.
    Updated(Box<ServiceView>),
    /// The service was so already; nothing was written.
    Unchanged(Box<ServiceView>),
}

/// The ETag of a service: its generation and incarnation.
pub fn etag(generation: u64, uid: ulid::Ulid) -> String {
    format!("\"{generation}-{uid}\"")
}

impl<R, L, G> Services<R, L, G>
where
    R: ServiceReader + HistoryReader + ChangeWriter,
    L: LiveReader,
    G: RouteReader,
{
    /// Registers a service. One call of the registry when nothing conflicts.
    pub async fn register(
        &self,
        document: &Value,
        caller: &Caller,
    ) -> Result<ServiceView, ServiceError> {
        let manifest = self.read(document)?;
        let name = manifest.service.clone();
        let change = change::register(
            manifest,
            &self.platform,
            &request(caller, "register", Cause::Api),
        );
        let view = ServiceView::new(&change.after(None), &self.platform);
        let change = with_key(change, caller, &("register", document), &view);
        for _ in 0..TRIES {
            match self.registry.commit(&change).await {
                Ok(()) => return Ok(view),
                Err(CommitError::Contended) => {}
                Err(CommitError::Moved) => return Err(ServiceError::Exists(name)),
                Err(error) => return replay(error, &change, &name),
            }
        }
        Err(ServiceError::Contended(name))
    }

    /// Brings a service to a manifest, and registers it if there is none. An environment
    /// whose image the manifest leaves out keeps the one it has.
    pub async fn put(
        &self,
        name: &ServiceName,
        document: &Value,
        precondition: Option<&Precondition>,
        caller: &Caller,
    ) -> Result<Written, ServiceError> {
        let mut document = document.clone();
        if let Some(fields) = document.as_object_mut() {
            fields
                .entry("service")
                .or_insert_with(|| Value::from(name.as_str()));
        }
        let manifest = self.read(&document)?;
        same_name(&manifest, name)?;
        self.write(name, precondition, caller, "replace", |state| {
            let mut manifest = manifest.clone();
            if let Some(state) = state {
                manifest.keep_images_of(&state.service.manifest, &self.platform.environment);
            }
            Ok(manifest)
        })
        .await
    }

    /// Changes some fields of a service's manifest, as RFC 7396 says. A field that is set to
    /// null gets its default; an environment's image cannot be taken away.
    pub async fn patch(
        &self,
        name: &ServiceName,
        patch: &Value,
        precondition: Option<&Precondition>,
        caller: &Caller,
    ) -> Result<Written, ServiceError> {
        if !patch.is_object() {
            return Err(invalid("", "must be an object with the fields to change"));
        }
        self.write(name, precondition, caller, "patch", |state| {
            let state = state.ok_or_else(|| ServiceError::NoService(name.clone()))?;
            let stored = &state.service.manifest;
            let mut document = serde_json::to_value(stored).unwrap_or_default();
            json_patch::merge(&mut document, patch);
            let mut manifest = self.read(&document)?;
            same_name(&manifest, name)?;
            manifest.keep_images_of(stored, &self.platform.environment);
            Ok(manifest)
        })
        .await
    }

    async fn write(
        &self,
        name: &ServiceName,
        precondition: Option<&Precondition>,
        caller: &Caller,
        action: &'static str,
        manifest: impl Fn(Option<&ServiceState>) -> Result<Manifest, ServiceError>,
    ) -> Result<Written, ServiceError> {
        for _ in 0..TRIES {
            let state = self.registry.service(name).await?;
            let manifest = manifest(state.as_ref())?;
            let request = request(
                caller,
                if state.is_some() { action } else { "register" },
                Cause::Api,
            );
            let change = match &state {
                None if precondition.is_some() => {
                    return Err(ServiceError::NoService(name.clone()));
                }
                None => change::register(manifest, &self.platform, &request),
                Some(state) => {
                    check(state, precondition)?;
                    alive(state)?;
                    if manifest == state.service.manifest {
                        return Ok(Written::Unchanged(Box::new(ServiceView::new(
                            state,
                            &self.platform,
                        ))));
                    }
                    change::replace(state, manifest, None, &self.platform, &request)
                }
            };
            let view = Box::new(ServiceView::new(
                &change.after(state.as_ref()),
                &self.platform,
            ));
            match self.registry.commit(&change).await {
                Ok(()) if state.is_some() => return Ok(Written::Updated(view)),
                Ok(()) => return Ok(Written::Created(view)),
                Err(CommitError::Contended | CommitError::Moved) => {}
                Err(error) => return Err(refusal(error, &change)),
            }
        }
        Err(ServiceError::Contended(name.clone()))
    }

    /// Deletes a service: its stacks go, and what holds data is kept, as the answer says.
    pub async fn delete(
        &self,
        name: &ServiceName,
        precondition: Option<&Precondition>,
        caller: &Caller,
    ) -> Result<DeletionView, ServiceError> {
        for _ in 0..TRIES {
            let state = self.state(name).await?;
            if state.service.deleting {
                return Ok(self.deletion(&state));
            }
            check(&state, precondition)?;
            if state.service.manifest.deletion_protection {
                return Err(ServiceError::Protected(name.clone()));
            }
            let change = change::delete(&state, &request(caller, "delete", Cause::Api));
            match self.registry.commit(&change).await {
                Ok(()) => return Ok(self.deletion(&state)),
                Err(CommitError::Contended | CommitError::Moved) => {}
                Err(error) => return Err(refusal(error, &change)),
            }
        }
        Err(ServiceError::Contended(name.clone()))
    }

    fn deletion(&self, state: &ServiceState) -> DeletionView {
        let mut view = DeletionView {
            service: state.service.name().clone(),
            kept: Vec::new(),
            removed: std::collections::BTreeMap::new(),
        };
        for (scope, stack) in &state.stacks {
            // A stack that was never made leaves nothing.
            if stack.status.stack_id.is_none() {
                continue;
            }
            if let Ok(template) = self.render(&state.service, scope) {
                view.kept.extend(slipway_synth::kept_on_delete(&template));
                for (_, resource) in template.resources() {
                    let kind = resource["Type"].as_str().unwrap_or_default();
                    *view.removed.entry(kind.to_owned()).or_default() += 1;
                }
            }
        }
        for kept in &view.kept {
            if let Some(count) = view.removed.get_mut(&kept.resource_type) {
                *count -= 1;
            }
        }
        view.removed.retain(|_, count| *count > 0);
        view
    }

    /// Starts a deployment of an image in one environment.
    pub async fn deploy(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        image: &Image,
        caller: &Caller,
    ) -> Result<DeploymentStarted, ServiceError> {
        for _ in 0..TRIES {
            let state = self.state(name).await?;
            alive(&state)?;
            let mut manifest = state.service.manifest.clone();
            if manifest
                .effective(environment, &self.platform.environment)
                .is_none()
            {
                return Err(no_environment(name, environment));
            }
            manifest.set_image(environment, &self.platform.environment, image.clone());
            manifest.check_on(&self.platform)?;
            let request = request(caller, "deploy", Cause::Deploy);
            let change = change::replace(
                &state,
                manifest,
                Some(environment),
                &self.platform,
                &request,
            );
            let Some(deployment) = change
                .deployments
                .iter()
                .find(|d| d.environment == *environment)
            else {
                return Err(no_environment(name, environment));
            };
            let started = DeploymentStarted {
                generation: change.service.generation,
                deployment: deployment.clone(),
            };
            let change = with_key(
                change,
                caller,
                &("deploy", name, environment, image),
                &started,
            );
            match self.registry.commit(&change).await {
                Ok(()) => return Ok(started),
                Err(CommitError::Contended | CommitError::Moved) => {}
                Err(error) => return replay(error, &change, name),
            }
        }
        Err(ServiceError::Contended(name.clone()))
    }

    /// A service with its stacks. One call.
    pub async fn get(&self, name: &ServiceName) -> Result<ServiceView, ServiceError> {
        Ok(ServiceView::new(&self.state(name).await?, &self.platform))
    }

    /// Services by team and name. One call a page.
    pub async fn list(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<ServiceSummary>, ServiceError> {
        Ok(page(self.registry.services(team, after, limit).await?))
    }

    /// One environment, with what runs just now.
    pub async fn environment(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
    ) -> Result<EnvironmentView, ServiceError> {
        let mut view = self
            .get(name)
            .await?
            .environments
            .remove(environment)
            .ok_or_else(|| no_environment(name, environment))?;
        let output = |key| view.stack.outputs.get(key);
        if let (Some(cluster), Some(service)) = (output("Cluster"), output("ServiceName")) {
            // What runs is a look beside the answer, not the answer: it may be absent.
            view.live = self
                .live
                .live(cluster, service)
                .await
                .ok()
                .flatten()
                .map(Into::into);
        }
        Ok(view)
    }

    /// The plain template of one of the service's stacks, at its newest generation.
    pub async fn template(
        &self,
        name: &ServiceName,
        scope: &Scope,
    ) -> Result<Template, ServiceError> {
        let state = self.state(name).await?;
        self.render(&state.service, scope)
    }

    fn render(&self, service: &ServiceRecord, scope: &Scope) -> Result<Template, ServiceError> {
        match scope {
            Scope::Service => Ok(slipway_synth::service_stack(
                &service.manifest,
                &self.platform,
            )),
            Scope::Environment(environment) => {
                let effective = service
                    .manifest
                    .effective(environment, &self.platform.environment)
                    .ok_or_else(|| no_environment(service.name(), environment))?;
                slipway_synth::environment_stack(&effective, &self.platform, &RunState::default()).ok_or_else(|| {
                    ServiceError::NoPart(format!("`{}/{environment}` waits for its first image, and has no stack until then", service.name()))
                })
            }
        }
    }

    /// What a manifest would change, and what stands in its way. Nothing is written.
    pub async fn plan(&self, document: &Value) -> Result<PlanView, ServiceError> {
        let mut manifest = self.read(document)?;
        let state = self.registry.service(&manifest.service).await?;
        if let Some(state) = &state {
            manifest.keep_images_of(&state.service.manifest, &self.platform.environment);
        }
        crate::preview::plan(
            &manifest,
            state.as_ref(),
            &self.platform,
            &self.registry,
            &self.gateway,
        )
        .await
    }

    /// Deployments of an environment, newest first.
    pub async fn deployments(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<Deployment>, ServiceError> {
        Ok(page(
            self.registry
                .deployments(name, environment, after, limit)
                .await?,
        ))
    }

    /// One deployment.
    pub async fn deployment(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
    ) -> Result<Deployment, ServiceError> {
        self.registry
            .deployment(name, environment, id)
            .await?
            .ok_or_else(|| {
                ServiceError::NoPart(format!("`{name}/{environment}` has no deployment `{id}`"))
            })
    }

    /// Generations of a service, newest first.
    pub async fn generations(
        &self,
        name: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<GenerationView>, ServiceError> {
        let found = self.registry.generations(name, after, limit).await?;
        let items = found.items.into_iter().map(Into::into).collect();
        Ok(PageView {
            items,
            next: found.next,
        })
    }

    /// The audit log of a service, newest first. It outlives the service.
    pub async fn events(
        &self,
        name: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<AuditEntry>, ServiceError> {
        Ok(page(self.registry.events(name, after, limit).await?))
    }

    fn read(&self, document: &Value) -> Result<Manifest, Problems> {
        let manifest = Manifest::read(document)?;
        manifest.check_on(&self.platform)?;
        Ok(manifest)
    }

    async fn state(&self, name: &ServiceName) -> Result<ServiceState, ServiceError> {
        self.registry
            .service(name)
            .await?
            .ok_or_else(|| ServiceError::NoService(name.clone()))
    }
}

fn request(caller: &Caller, action: &'static str, cause: Cause) -> Request {
    Request {
        actor: caller.actor.clone(),
        stamp: caller.stamp,
        action,
        cause,
    }
}

fn page<T>(page: Page<T>) -> PageView<T> {
    PageView {
        items: page.items,
        next: page.next,
    }
}

fn invalid(pointer: &str, detail: impl Into<String>) -> ServiceError {
    ServiceError::Invalid(Problems {
        problems: vec![Problem::new(pointer, detail)],
        schema: true,
    })
}

fn no_environment(name: &ServiceName, environment: &EnvironmentName) -> ServiceError {
    ServiceError::NoPart(format!("`{name}` has no environment `{environment}`"))
}

fn same_name(manifest: &Manifest, name: &ServiceName) -> Result<(), ServiceError> {
    if manifest.service == *name {
        Ok(())
    } else {
        Err(invalid(
            "/service",
            format!(
                "is `{}`, but the address names `{name}`: a service is not renamed, register another",
                manifest.service
            ),
        ))
    }
}

fn alive(state: &ServiceState) -> Result<(), ServiceError> {
    if state.service.deleting {
        return Err(ServiceError::Deleting(state.service.name().clone()));
    }
    Ok(())
}

fn check(state: &ServiceState, precondition: Option<&Precondition>) -> Result<(), ServiceError> {
    let service = state.service.name().clone();
    match precondition {
        None => Err(ServiceError::NoPrecondition(service)),
        Some(Precondition::Exists) => Ok(()),
        Some(Precondition::Is(tag))
            if *tag == etag(state.service.generation, state.service.uid) =>
        {
            Ok(())
        }
        Some(Precondition::Is(_)) => Err(ServiceError::Stale {
            service,
            generation: state.service.generation,
        }),
    }
}

/// The change with its answer remembered under the caller's idempotency key, if there is one.
fn with_key(
    mut change: Change,
    caller: &Caller,
    request: &impl serde::Serialize,
    response: &impl serde::Serialize,
) -> Change {
    change.seen = caller.key.as_ref().map(|key| Seen {
        key: key.clone(),
        request: sha256(&serde_json::to_vec(&(&caller.actor, request)).unwrap_or_default()),
        response: serde_json::to_value(response).unwrap_or_default(),
        expires_at: caller.stamp.now + jiff::SignedDuration::from_secs(KEY_SECONDS),
    });
    change
}

/// The answer that was given before under the same key, or the reason for the refusal.
fn replay<T: serde::de::DeserializeOwned>(
    error: CommitError,
    change: &Change,
    name: &ServiceName,
) -> Result<T, ServiceError> {
    match error {
        CommitError::Seen(seen)
            if change
                .seen
                .as_ref()
                .is_some_and(|mine| mine.request == seen.request) =>
        {
            serde_json::from_value(seen.response).map_err(|_| ServiceError::Contended(name.clone()))
        }
        other => Err(refusal(other, change)),
    }
}

fn refusal(error: CommitError, change: &Change) -> ServiceError {
    let name = change.service.name();
    match error {
        CommitError::PathTaken { path, owner } => {
            let environment = change
                .claims
                .iter()
                .find(|(claimed, _)| *claimed == path)
                .map(|(_, o)| &o.environment);
            let pointer =
                environment.map_or_else(String::new, |e| change.service.manifest.path_pointer(e));
            ServiceError::PathTaken {
                pointer,
                path,
                owner,
            }
        }
        CommitError::Seen(_) => ServiceError::KeyReused,
        CommitError::Contended | CommitError::Moved => ServiceError::Contended(name.clone()),
        CommitError::Port(error) => ServiceError::Port(error),
    }
}
