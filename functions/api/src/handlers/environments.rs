//! Environments of a service, and their deployments.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use slipway_domain::{DeploymentId, EnvironmentName, Image, Scope, ServiceName};

use crate::answer::{Answer, Refusal, json};
use crate::request::{Document, Identity, Paging, Parameters};
use crate::{App, Ports};

/// What is to be deployed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeploymentRequest {
    /// The image.
    image: Image,
}

type Address = (ServiceName, EnvironmentName);

pub(crate) async fn get_environment<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters((name, environment)): Parameters<Address>,
) -> Answer {
    Ok(json(
        StatusCode::OK,
        &app.services.environment(&name, &environment).await?,
    ))
}

pub(crate) async fn environment_template<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters((name, environment)): Parameters<Address>,
) -> Answer {
    let template = app
        .services
        .template(&name, &Scope::Environment(environment))
        .await?;
    Ok(json(StatusCode::OK, &template))
}

pub(crate) async fn list_deployments<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters((name, environment)): Parameters<Address>,
    page: Paging,
) -> Answer {
    let found = app
        .services
        .deployments(&name, &environment, page.after.as_deref(), page.limit)
        .await?;
    Ok(json(StatusCode::OK, &found))
}

pub(crate) async fn start_deployment<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment)): Parameters<Address>,
    Document(request): Document,
) -> Answer {
    let request: DeploymentRequest = read(request)?;
    let started = app
        .services
        .deploy(&name, &environment, &request.image, &caller)
        .await?;
    tracing::info!(service = %name, %environment, id = %started.deployment.id, actor = caller.actor, "deployment begun");
    Ok(json(StatusCode::ACCEPTED, &started))
}

/// Reads the request; its one field is checked by hand, so that the answer points at it.
fn read(document: serde_json::Value) -> Result<DeploymentRequest, Refusal> {
    let pointer = match document.as_object() {
        None => "",
        Some(fields) => match fields.keys().find(|key| *key != "image") {
            Some(_) => "",
            None => "/image",
        },
    };
    serde_json::from_value(document)
        .map_err(|error| Refusal::malformed_body(pointer, error.to_string()))
}

pub(crate) async fn get_deployment<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters((name, environment, id)): Parameters<(ServiceName, EnvironmentName, DeploymentId)>,
) -> Answer {
    Ok(json(
        StatusCode::OK,
        &app.services.deployment(&name, &environment, id).await?,
    ))
}
