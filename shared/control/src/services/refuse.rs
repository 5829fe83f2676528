//! Why a change is not made: the caller's preconditions, and what the registry answered.

use slipway_domain::{Manifest, Problem, Problems, ServiceName};

use super::{Precondition, etag};
use crate::change::Change;
use crate::error::{CommitError, ServiceError};
use crate::record::ServiceState;

pub(super) fn invalid(pointer: &str, detail: impl Into<String>) -> ServiceError {
    ServiceError::Invalid(Problems {
        problems: vec![Problem::new(pointer, detail)],
        schema: true,
    })
}

pub(super) fn same_name(manifest: &Manifest, name: &ServiceName) -> Result<(), ServiceError> {
    if manifest.service == *name {
        Ok(())
    } else {
        let detail = format!(
            "is `{}`, but the address names `{name}`: a service is not renamed, register another",
            manifest.service
        );
        // Each is of its form; that they do not go together, no schema can say.
        Err(ServiceError::Invalid(Problems {
            problems: vec![Problem::new("/service", detail)],
            schema: false,
        }))
    }
}

pub(super) fn alive(state: &ServiceState) -> Result<(), ServiceError> {
    if state.service.deleting {
        return Err(ServiceError::Deleting(state.service.name().clone()));
    }
    Ok(())
}

pub(super) fn check(
    state: &ServiceState,
    precondition: Option<&Precondition>,
) -> Result<(), ServiceError> {
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

/// The answer that was given before under the same key, or the reason for the refusal.
pub(super) fn replay<T: serde::de::DeserializeOwned>(
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

pub(super) fn refusal(error: CommitError, change: &Change) -> ServiceError {
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
