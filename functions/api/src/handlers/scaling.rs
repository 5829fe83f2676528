//! Scaling of an environment: looked at, paused, bounded for a time, set by hand.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde_json::Value;
use slipway_control::scaling::{Bounds, MOST_MINUTES, MOST_TASKS, Paused, ScalingView};
use slipway_control::services::Caller;
use slipway_domain::{EnvironmentName, ServiceName};

use crate::answer::{Answer, Refusal, json};
use crate::request::{Document, Fields, Identity, OptionalDocument, Paging, Parameters};
use crate::{App, Ports};

type Address = (ServiceName, EnvironmentName);

/// Which directions are meant: those that are named as true; both, when none is named.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "it is the schema; `Fields` reads the body")]
pub(crate) struct DirectionsRequest {
    /// Adding tasks.
    #[schemars(default)]
    out: bool,
    /// Taking tasks away.
    #[schemars(default)]
    r#in: bool,
}

/// Bounds for a time.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "it is the schema; `Fields` reads the body")]
pub(crate) struct BoundsRequest {
    /// The fewest tasks meanwhile.
    #[schemars(range(min = 0, max = 5000))]
    min: u32,
    /// The most tasks meanwhile.
    #[schemars(range(min = 1, max = 5000))]
    max: u32,
    /// For how many minutes: a week at most.
    #[schemars(range(min = 1, max = 10080))]
    minutes: u32,
}

/// A number of tasks.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "it is the schema; `Fields` reads the body")]
pub(crate) struct CountRequest {
    /// How many tasks are to run.
    #[schemars(range(min = 0, max = 5000))]
    count: u32,
}

pub(crate) async fn get_scaling<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment)): Parameters<Address>,
) -> Answer {
    let now = caller.stamp.now;
    let view = app.scaling.show(&name, &environment, now).await?;
    Ok(json(StatusCode::OK, &view))
}

pub(crate) async fn list_decisions<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters((name, environment)): Parameters<Address>,
    page: Paging,
) -> Answer {
    let found = app
        .scaling
        .decisions(&name, &environment, page.after.as_deref(), page.limit)
        .await?;
    Ok(json(StatusCode::OK, &found))
}

pub(crate) async fn pause_scaling<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment)): Parameters<Address>,
    OptionalDocument(request): OptionalDocument,
) -> Answer {
    let chosen = read_directions(request)?;
    let view = app
        .scaling
        .pause(&name, &environment, chosen, &caller)
        .await?;
    Ok(changed(
        &view,
        (&name, &environment),
        &caller,
        "scaling paused",
    ))
}

pub(crate) async fn resume_scaling<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment)): Parameters<Address>,
    OptionalDocument(request): OptionalDocument,
) -> Answer {
    let chosen = read_directions(request)?;
    let view = app
        .scaling
        .resume(&name, &environment, chosen, &caller)
        .await?;
    Ok(changed(
        &view,
        (&name, &environment),
        &caller,
        "scaling resumed",
    ))
}

pub(crate) async fn hold_bounds<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment)): Parameters<Address>,
    Document(request): Document,
) -> Answer {
    let fields = Fields::read(&request, &["min", "max", "minutes"])?;
    let bounds = Bounds {
        min: fields.number("min", 0..=MOST_TASKS)?,
        max: fields.number("max", 1..=MOST_TASKS)?,
    };
    let minutes = fields.number("minutes", 1..=MOST_MINUTES)?;
    let view = app
        .scaling
        .hold(&name, &environment, bounds, minutes, &caller)
        .await?;
    Ok(changed(
        &view,
        (&name, &environment),
        &caller,
        "bounds held",
    ))
}

pub(crate) async fn release_bounds<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment)): Parameters<Address>,
) -> Answer {
    let view = app.scaling.release(&name, &environment, &caller).await?;
    Ok(changed(
        &view,
        (&name, &environment),
        &caller,
        "bounds released",
    ))
}

pub(crate) async fn set_count<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment)): Parameters<Address>,
    Document(request): Document,
) -> Answer {
    let fields = Fields::read(&request, &["count"])?;
    let count = fields.number("count", 0..=MOST_TASKS)?;
    let view = app.scaling.set(&name, &environment, count, &caller).await?;
    Ok(changed(&view, (&name, &environment), &caller, "count set"))
}

fn changed(
    view: &ScalingView,
    (service, environment): (&ServiceName, &EnvironmentName),
    caller: &Caller,
    what: &'static str,
) -> Response {
    tracing::info!(%service, %environment, actor = caller.actor, "{what}");
    json(StatusCode::OK, view)
}

/// The directions that a body names as meant; both, where it names none.
fn read_directions(document: Option<Value>) -> Result<Paused, Refusal> {
    let both = Paused {
        out: true,
        inwards: true,
    };
    let Some(document) = document else {
        return Ok(both);
    };
    let fields = Fields::read(&document, &["out", "in"])?;
    match (fields.flag("out")?, fields.flag("in")?) {
        (None, None) => Ok(both),
        (None | Some(false), None | Some(false)) => Err(Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "nothing-meant",
            "Neither direction is meant",
            "Name `out`, `in` or both as true; without a body both are meant.",
        )),
        (out, inwards) => Ok(Paused {
            out: out.unwrap_or_default(),
            inwards: inwards.unwrap_or_default(),
        }),
    }
}
