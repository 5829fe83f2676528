//! The key that signs a service's notices.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, header};
use slipway_control::signing::SigningKeyView;
use slipway_domain::ServiceName;
use slipway_lambda::chance;

use crate::answer::{Answer, json, put};
use crate::request::{Identity, Parameters};
use crate::{App, Ports};

pub(crate) async fn show_notify_secret<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters(name): Parameters<ServiceName>,
) -> Answer {
    let key = app
        .signing
        .show(&name, chance::bytes(), caller.stamp)
        .await?;
    tracing::info!(service = %name, actor = caller.actor, "signing key shown");
    Ok(answer(StatusCode::OK, &key))
}

pub(crate) async fn rotate_notify_secret<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters(name): Parameters<ServiceName>,
) -> Answer {
    let key = app
        .signing
        .rotate(&name, chance::bytes(), caller.stamp)
        .await?;
    tracing::info!(service = %name, actor = caller.actor, "signing key rotated");
    Ok(answer(StatusCode::CREATED, &key))
}

/// Nobody on the way may keep it.
fn answer(status: StatusCode, key: &SigningKeyView) -> Response {
    let mut response = json(status, key);
    put(&mut response, header::CACHE_CONTROL, "no-store");
    response
}
