//! Runs of jobs: listed, started by hand, and ended.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use slipway_domain::{EnvironmentName, ServiceName};

use crate::answer::{Answer, Refusal, json};
use crate::request::{Identity, Paging, Parameters};
use crate::{App, Ports};

/// The form of a run's id.
pub(crate) const RUN_PATTERN: &str = "^[A-Za-z0-9_-]{1,80}$";

type Address = (ServiceName, EnvironmentName);
type Run = (ServiceName, EnvironmentName, String);

fn checked(run: &str) -> Result<(), Refusal> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if (1..=80).contains(&run.len()) && run.chars().all(valid) {
        return Ok(());
    }
    Err(Refusal::malformed(format!(
        "a run's id must match {RUN_PATTERN}"
    )))
}

pub(crate) async fn list_runs<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters((name, environment)): Parameters<Address>,
    page: Paging,
) -> Answer {
    let found = app
        .runs
        .runs(&name, &environment, page.after.as_deref(), page.limit)
        .await?;
    Ok(json(StatusCode::OK, &found))
}

pub(crate) async fn get_run<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters((name, environment, run)): Parameters<Run>,
) -> Answer {
    checked(&run)?;
    let run = app.runs.run(&name, &environment, &run).await?;
    Ok(json(StatusCode::OK, &run))
}

pub(crate) async fn start_run<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment)): Parameters<Address>,
) -> Answer {
    let run = app.runs.start(&name, &environment, &caller).await?;
    tracing::info!(service = %name, %environment, actor = caller.actor, run = run.id, "run started");
    Ok(json(StatusCode::ACCEPTED, &run))
}

pub(crate) async fn cancel_run<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment, run)): Parameters<Run>,
) -> Answer {
    checked(&run)?;
    let run = app.runs.cancel(&name, &environment, &run, &caller).await?;
    tracing::info!(service = %name, %environment, actor = caller.actor, run = run.id, "run cancelled");
    Ok(json(StatusCode::OK, &run))
}
