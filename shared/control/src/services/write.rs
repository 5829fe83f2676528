//! Registering, changing and deleting.
//!
//! A commit that meets another transaction at the same items is tried again from the
//! reading, three times at most: the second look may say that the name is taken.

use std::collections::BTreeMap;

use serde_json::Value;
use slipway_domain::{Cause, Manifest, Phase, ServiceName};

use super::keys::{answer_of, remember};
use super::refuse::{alive, check, invalid, refusal, replay, same_name};
use super::{Caller, Precondition, Services, Written};
use crate::change::{self, Change, Request};
use crate::error::{CommitError, ServiceError};
use crate::ports::{ChangeWriter, HistoryReader, LiveReader, RouteReader, ServiceReader};
use crate::preflight::Checks;
use crate::record::ServiceState;
use crate::view::{DeletionView, ServiceView};

/// How often a commit that met another is tried.
pub(super) const TRIES: u32 = 3;

impl<R, L, G, C> Services<R, L, G, C>
where
    R: ServiceReader + HistoryReader + ChangeWriter,
    L: LiveReader,
    G: RouteReader,
    C: Checks,
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
        for attempt in 0..TRIES {
            let change = match Box::pin(self.prepared(change.clone(), None, attempt)).await {
                Ok(change) => change,
                Err(error) => return self.registered(&change, error).await,
            };
            match self.registry.commit(&change).await {
                Ok(()) => return Ok(view),
                Err(CommitError::Contended) => {}
                Err(CommitError::Moved) => return Err(self.taken(name).await?),
                Err(error) => return replay(error, &change, &name),
            }
        }
        Err(ServiceError::Contended(name))
    }

    /// What was answered when the same was registered under the caller's key before, and `error`
    /// otherwise: who has the last place is told so again.
    async fn registered(
        &self,
        change: &Change,
        error: ServiceError,
    ) -> Result<ServiceView, ServiceError> {
        let Some(mine) = &change.seen else {
            return Err(error);
        };
        let earlier = self.registry.answered(change.service.name(), &mine.key);
        let earlier = earlier.await?.filter(|it| it.expires_at > change.at);
        earlier
            .and_then(|it| answer_of(&it, &mine.request))
            .ok_or(error)
    }

    /// Why a name cannot be registered.
    async fn taken(&self, name: ServiceName) -> Result<ServiceError, ServiceError> {
        let state = self.registry.service(&name).await?;
        Ok(match state {
            Some(state) if state.service.deleting => ServiceError::Deleting(name),
            Some(_) | None => ServiceError::Exists(name),
        })
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
                manifest.keep_artifacts_of(&state.service.manifest, &self.platform.environment);
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
            manifest.keep_artifacts_of(stored, &self.platform.environment);
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
        for attempt in 0..TRIES {
            let state = self.registry.service(name).await?;
            if let Some(state) = &state {
                check(state, precondition)?;
            }
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
            let change = Box::pin(self.prepared(change, state.as_ref(), attempt)).await?;
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
            if state.service.manifest.settings.kind.is_platforms() {
                return Err(ServiceError::NoPart(format!(
                    "`{name}` is a load balancer that services share: it goes when the last one has left it"
                )));
            }
            // The same wish once more: that the first one moved the ETag is no obstacle, and a
            // deletion that got stuck goes on.
            let again = state.service.deleting && precondition.is_some();
            let stuck = state
                .stacks
                .values()
                .any(|stack| stack.status.phase == Phase::Failed);
            if again && !stuck {
                return Ok(self.deletion(&state));
            }
            if !again {
                check(&state, precondition)?;
            }
            if state.service.manifest.deletion_protection {
                return Err(ServiceError::Protected(name.clone()));
            }
            let change = change::delete(&state, &request(caller, "delete", Cause::Api));
            let change = self.let_in(change, Some(&state)).await?;
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
            removed: BTreeMap::new(),
        };
        for (scope, stack) in &state.stacks {
            // A stack that was never made leaves nothing.
            if stack.status.stack_id.is_none() {
                continue;
            }
            if let Ok(template) = self.render(state, scope) {
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
}

pub(super) fn request(caller: &Caller, action: &'static str, cause: Cause) -> Request {
    Request {
        actor: caller.actor.clone(),
        stamp: caller.stamp,
        action,
        cause,
    }
}

/// The change with its answer remembered under the caller's idempotency key, if there is one.
pub(super) fn with_key(
    mut change: Change,
    caller: &Caller,
    request: &impl serde::Serialize,
    response: &impl serde::Serialize,
) -> Change {
    change.seen = remember(caller, request, response);
    change
}
