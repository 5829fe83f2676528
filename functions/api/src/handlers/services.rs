//! Services.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use slipway_control::services::Written;
use slipway_domain::{Scope, ServiceName};

use crate::answer::{Answer, json, service};
use crate::request::{Document, Identity, Need, Paging, Parameters, precondition};
use crate::{App, Ports};

pub(crate) async fn list_services<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    page: Paging,
) -> Answer {
    let (team, after) = (page.team.as_ref(), page.after.as_deref());
    let found = match page.needs {
        Some(Need::Person) => app.services.list_in_need(team, after, page.limit).await?,
        None => app.services.list(team, after, page.limit).await?,
    };
    Ok(json(StatusCode::OK, &found))
}

pub(crate) async fn register_service<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Document(manifest): Document,
) -> Answer {
    let view = app.services.register(&manifest, &caller).await?;
    tracing::info!(service = %view.name, actor = caller.actor, "registered");
    Ok(service(StatusCode::CREATED, &view))
}

pub(crate) async fn get_service<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters(name): Parameters<ServiceName>,
) -> Answer {
    Ok(service(StatusCode::OK, &app.services.get(&name).await?))
}

pub(crate) async fn put_service<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters(name): Parameters<ServiceName>,
    headers: HeaderMap,
    Document(manifest): Document,
) -> Answer {
    let precondition = precondition(&headers)?;
    let written = app
        .services
        .put(&name, &manifest, precondition.as_ref(), &caller)
        .await?;
    Ok(answer(&written, &caller.actor))
}

pub(crate) async fn patch_service<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters(name): Parameters<ServiceName>,
    headers: HeaderMap,
    Document(patch): Document,
) -> Answer {
    let precondition = precondition(&headers)?;
    let written = app
        .services
        .patch(&name, &patch, precondition.as_ref(), &caller)
        .await?;
    Ok(answer(&written, &caller.actor))
}

fn answer(written: &Written, actor: &str) -> axum::response::Response {
    let (status, view, what) = match written {
        Written::Created(view) => (StatusCode::CREATED, view, "registered"),
        Written::Updated(view) => (StatusCode::OK, view, "changed"),
        Written::Unchanged(view) => (StatusCode::OK, view, "left as it is"),
    };
    tracing::info!(service = %view.name, generation = view.generation, actor, "{what}");
    service(status, view)
}

pub(crate) async fn delete_service<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters(name): Parameters<ServiceName>,
    headers: HeaderMap,
) -> Answer {
    let precondition = precondition(&headers)?;
    let deletion = app
        .services
        .delete(&name, precondition.as_ref(), &caller)
        .await?;
    app.hooks.forget(&name).await;
    app.signing.forget(&name).await;
    tracing::info!(service = %name, actor = caller.actor, "deletion begun");
    Ok(json(StatusCode::ACCEPTED, &deletion))
}

pub(crate) async fn service_template<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters(name): Parameters<ServiceName>,
) -> Answer {
    Ok(json(
        StatusCode::OK,
        &app.services.template(&name, &Scope::Service).await?,
    ))
}

pub(crate) async fn list_generations<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters(name): Parameters<ServiceName>,
    page: Paging,
) -> Answer {
    Ok(json(
        StatusCode::OK,
        &app.services
            .generations(&name, page.after.as_deref(), page.limit)
            .await?,
    ))
}

pub(crate) async fn list_events<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters(name): Parameters<ServiceName>,
    page: Paging,
) -> Answer {
    Ok(json(
        StatusCode::OK,
        &app.services
            .events(&name, page.after.as_deref(), page.limit)
            .await?,
    ))
}
