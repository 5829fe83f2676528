//! The secrets of a service's webhooks.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use schemars::JsonSchema;
use slipway_control::ports::Provider;
use slipway_domain::ServiceName;
use slipway_lambda::chance;

use crate::answer::{Answer, json};
use crate::request::{Document, Fields, Identity, Parameters};
use crate::{App, Ports};

/// Whose webhook gets a secret.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "it is the schema; `Fields` reads the body")]
pub(crate) struct HookRequest {
    /// Who may tell of pushes.
    provider: Provider,
}

pub(crate) async fn list_webhooks<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters(name): Parameters<ServiceName>,
) -> Answer {
    Ok(json(StatusCode::OK, &app.hooks.list(&name).await?))
}

pub(crate) async fn make_webhook<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters(name): Parameters<ServiceName>,
    Document(request): Document,
) -> Answer {
    let provider: Provider = Fields::read(&request, &["provider"])?.required("provider")?;
    let made = app
        .hooks
        .make(&name, provider, chance::bytes(), caller.stamp)
        .await?;
    tracing::info!(service = %name, provider = provider.name(), actor = caller.actor, "webhook secret made");
    Ok(json(StatusCode::CREATED, &made))
}

pub(crate) async fn remove_webhook<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, provider)): Parameters<(ServiceName, Provider)>,
) -> Answer {
    let left = app.hooks.remove(&name, provider).await?;
    tracing::info!(service = %name, provider = provider.name(), actor = caller.actor, "webhook removed");
    Ok(json(StatusCode::OK, &left))
}
