//! Databases.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use slipway_control::services::WrittenDatabase;
use slipway_domain::ServiceName;

use crate::answer::{Answer, database, json};
use crate::request::{Document, Identity, Paging, Parameters, precondition};
use crate::{App, Ports};

pub(crate) async fn list_databases<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    page: Paging,
) -> Answer {
    let (team, after) = (page.team.as_ref(), page.after.as_deref());
    let found = app.services.databases(team, after, page.limit).await?;
    Ok(json(StatusCode::OK, &found))
}

pub(crate) async fn register_database<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Document(manifest): Document,
) -> Answer {
    let view = app.services.register_database(&manifest, &caller).await?;
    tracing::info!(database = %view.name, actor = caller.actor, "registered");
    Ok(database(StatusCode::CREATED, &view))
}

pub(crate) async fn get_database<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters(name): Parameters<ServiceName>,
) -> Answer {
    Ok(database(
        StatusCode::OK,
        &app.services.database(&name).await?,
    ))
}

pub(crate) async fn put_database<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters(name): Parameters<ServiceName>,
    headers: HeaderMap,
    Document(manifest): Document,
) -> Answer {
    let precondition = precondition(&headers)?;
    let written = app
        .services
        .put_database(&name, &manifest, precondition.as_ref(), &caller)
        .await?;
    Ok(answer(&written, &caller.actor))
}

pub(crate) async fn patch_database<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters(name): Parameters<ServiceName>,
    headers: HeaderMap,
    Document(patch): Document,
) -> Answer {
    let precondition = precondition(&headers)?;
    let written = app
        .services
        .patch_database(&name, &patch, precondition.as_ref(), &caller)
        .await?;
    Ok(answer(&written, &caller.actor))
}

pub(crate) async fn delete_database<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters(name): Parameters<ServiceName>,
    headers: HeaderMap,
) -> Answer {
    let precondition = precondition(&headers)?;
    let deletion = app
        .services
        .delete_database(&name, precondition.as_ref(), &caller)
        .await?;
    app.hooks.forget(&name).await;
    app.signing.forget(&name).await;
    tracing::info!(database = %name, actor = caller.actor, "deletion begun");
    Ok(json(StatusCode::ACCEPTED, &deletion))
}

fn answer(written: &WrittenDatabase, actor: &str) -> axum::response::Response {
    let view = &written.view;
    let status = if written.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    tracing::info!(database = %view.name, generation = view.generation, actor, "written");
    database(status, view)
}
