//! The upgrade of the platform's stacks.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use schemars::JsonSchema;
use serde_json::Value;

use crate::answer::{Answer, Refusal, json};
use crate::request::{Fields, Identity, OptionalDocument};
use crate::{App, Ports};

/// The most characters of a reason.
const MAX_REASON: usize = 500;

/// Why an upgrade is stopped.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "it is the schema; `Fields` reads the body")]
pub(crate) struct StopRequest {
    /// The reason, for whoever asks later.
    #[schemars(default)]
    #[schemars(length(min = 1, max = 500))]
    reason: Option<String>,
}

pub(crate) async fn get_upgrade<P: Ports>(State(app): State<Arc<App<P>>>, _: Identity) -> Answer {
    Ok(json(StatusCode::OK, &app.upgrades.show().await?))
}

pub(crate) async fn stop_upgrade<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    OptionalDocument(request): OptionalDocument,
) -> Answer {
    let reason = read(request)?;
    let view = app.upgrades.stop(reason.as_deref(), &caller).await?;
    tracing::info!(actor = caller.actor, "upgrade stopped");
    Ok(json(StatusCode::OK, &view))
}

pub(crate) async fn resume_upgrade<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
) -> Answer {
    let view = app.upgrades.resume(&caller).await?;
    tracing::info!(actor = caller.actor, "upgrade resumed");
    Ok(json(StatusCode::OK, &view))
}

/// Reads the request, if one was sent.
fn read(document: Option<Value>) -> Result<Option<String>, Refusal> {
    let Some(document) = document else {
        return Ok(None);
    };
    let reason: Option<String> = Fields::read(&document, &["reason"])?.optional("reason")?;
    let length = reason.as_ref().map(|it| it.chars().count());
    if length.is_some_and(|length| !(1..=MAX_REASON).contains(&length)) {
        let detail = format!("must have from 1 to {MAX_REASON} characters");
        return Err(Refusal::malformed_body("/reason", detail));
    }
    Ok(reason)
}
