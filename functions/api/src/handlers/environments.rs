//! Environments of a service.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use slipway_domain::{EnvironmentName, Scope, ServiceName};

use crate::answer::{Answer, json};
use crate::request::{Identity, Parameters};
use crate::{App, Ports};

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
