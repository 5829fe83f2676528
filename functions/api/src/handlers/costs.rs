//! What services and the platform cost.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use slipway_domain::ServiceName;

use crate::answer::{Answer, json};
use crate::assumed::{Assumed, AssumedPage};
use crate::request::{Identity, Parameters};
use crate::{App, Ports};

pub(crate) async fn service_costs<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters(name): Parameters<ServiceName>,
    Assumed(assumed): Assumed,
) -> Answer {
    let costs = app.services.costs(&name, &assumed).await?;
    Ok(json(StatusCode::OK, &costs))
}

pub(crate) async fn platform_costs<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    page: AssumedPage,
) -> Answer {
    let after = page.after.as_deref();
    let costs = app
        .services
        .platform_costs(&page.assumed, after, page.limit)
        .await?;
    Ok(json(StatusCode::OK, &costs))
}
