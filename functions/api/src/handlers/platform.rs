//! What is about the platform and not about one service.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, Uri};
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::{Answer, Refusal, json};
use crate::request::{Document, Identity};
use crate::{App, Ports};

/// The function answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    status: &'static str,
    /// The version of Slipway.
    version: &'static str,
}

pub(crate) async fn health() -> Response {
    json(
        StatusCode::OK,
        &Health {
            status: "ok",
            version: env!("CARGO_PKG_VERSION"),
        },
    )
}

pub(crate) async fn openapi<P: Ports>(_: Identity) -> Response {
    json(StatusCode::OK, &crate::document::<P>())
}

pub(crate) async fn plan<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Document(manifest): Document,
) -> Answer {
    Ok(json(StatusCode::OK, &app.services.plan(&manifest).await?))
}

pub(crate) async fn not_found(uri: Uri) -> Response {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "There is no such thing",
        format!(
            "`{}` is no address of this API; {}/openapi.json lists them.",
            uri.path(),
            crate::BASE
        ),
    )
    .into_response()
}

pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The method is not allowed here",
        format!(
            "`{}` does not take {method}; the header Allow names what it takes.",
            uri.path()
        ),
    )
    .into_response()
}
