//! What callers of the API may ask for.
//!
//! Each use case reads at most once, decides purely ([`crate::change`]), and commits once. A
//! commit that meets another transaction at the same items is tried again from the reading,
//! three times at most: the second look may say that the name is taken.
use serde_json::Value;
use slipway_domain::{
    Artifact, Effective, EnvironmentName, Manifest, Platform, Problem, Problems, Scope, ServiceName,
};
use slipway_synth::Template;

use crate::Stamp;
use crate::error::ServiceError;
use crate::ports::{ChangeWriter, HistoryReader, LiveReader, RouteReader, ServiceReader};
use crate::preflight::Checks;
use crate::reconcile::desired::render_as_cleared;
use crate::record::ServiceState;
use crate::view::ServiceView;

pub use databases_door::WrittenDatabase;
pub use deploy::Back;

mod costs;
pub(crate) mod databases;
mod databases_door;
#[cfg(test)]
mod databases_tests;
mod deploy;
pub(crate) mod keys;
pub(crate) mod place;
#[cfg(test)]
mod place_tests;
mod read;
mod refuse;
pub(crate) mod restore;
#[cfg(test)]
mod restore_tests;
#[cfg(test)]
pub(crate) mod tests;
mod write;

/// The use cases, over a registry, what runs, and the HTTP API.
#[derive(Debug)]
pub struct Services<R, L, G, C> {
    /// The registry.
    pub registry: R,
    /// What runs.
    pub live: L,
    /// The platform's HTTP API.
    pub gateway: G,
    /// What is asked before a deployment.
    pub checks: C,
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

impl<R, L, G, C> Services<R, L, G, C>
where
    R: ServiceReader + HistoryReader + ChangeWriter,
    L: LiveReader,
    G: RouteReader,
    C: Checks,
{
    fn read(&self, document: &Value) -> Result<Manifest, Problems> {
        Manifest::read_on(document, &self.platform)
    }

    async fn state(&self, name: &ServiceName) -> Result<ServiceState, ServiceError> {
        self.registry
            .service(name)
            .await?
            .ok_or_else(|| ServiceError::NoService(name.clone()))
    }

    fn render(&self, state: &ServiceState, scope: &Scope) -> Result<Template, ServiceError> {
        let service = &state.service;
        match scope {
            Scope::Service if !service.manifest.settings.kind.has_repository() => {
                Err(ServiceError::NoPart(format!(
                    "`{}` runs no image, and its environments share nothing: there is no such stack",
                    service.name()
                )))
            }
            Scope::Service => Ok(slipway_synth::service_stack(
                &service.manifest,
                &self.platform,
            )),
            Scope::Environment(environment) => {
                let effective = service
                    .manifest
                    .effective(environment, &self.platform.environment)
                    .ok_or_else(|| no_environment(service.name(), environment))?;
                render_as_cleared(&effective, state.stacks.get(scope), &self.platform, None).ok_or_else(|| {
                    ServiceError::NoPart(format!("`{}/{environment}` waits for its first image, and has no stack until then", service.name()))
                })
            }
        }
    }
}

/// A service that is there to stay, and that callers may change: one that is being deleted is none,
/// nor is a load balancer that the control plane registered.
pub(crate) async fn kept(
    registry: &impl ServiceReader,
    name: &ServiceName,
) -> Result<ServiceState, ServiceError> {
    let state = registry.service(name).await?;
    state
        .filter(|state| !state.service.deleting)
        .filter(|state| !state.service.manifest.settings.kind.is_platforms())
        .ok_or_else(|| ServiceError::NoService(name.clone()))
}

pub(crate) fn nothing_to_deploy(name: &ServiceName) -> ServiceError {
    ServiceError::NoPart(format!(
        "`{name}` runs no image, and so nothing is deployed to it: change its manifest"
    ))
}

/// What is deployed is of the sort that the manifest says.
pub(crate) fn takes_another(effective: &Effective, artifact: &Artifact) -> ServiceError {
    let (service, environment) = (&effective.service, &effective.environment);
    let (field, detail) = match artifact {
        Artifact::Image(_) => (
            "/image",
            format!(
                "is an image, and `{service}/{environment}` is a function from an archive: deploy `code`, or change the manifest"
            ),
        ),
        Artifact::Code(_) => (
            "/code",
            format!(
                "is an archive, and `{service}/{environment}` runs an image: only a function takes one whose manifest says `function.runtime` and `function.handler`"
            ),
        ),
    };
    ServiceError::Invalid(Problems {
        problems: vec![Problem::new(field, detail)],
        schema: false,
    })
}

pub(crate) fn no_environment(name: &ServiceName, environment: &EnvironmentName) -> ServiceError {
    ServiceError::NoPart(format!("`{name}` has no environment `{environment}`"))
}
