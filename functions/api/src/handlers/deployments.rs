//! Deployments of an environment: started, looked at, ended, taken back.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use slipway_control::services::{Back, Caller};
use slipway_control::view::DeploymentStarted;
use slipway_domain::text::InvalidText;
use slipway_domain::{Archive, Artifact, DeploymentId, EnvironmentName, Image, ServiceName};

use crate::answer::{Answer, Refusal, json};
use crate::request::{Document, Fields, Identity, OptionalDocument, Paging, Parameters};
use crate::{App, Ports};

type Address = (ServiceName, EnvironmentName);
type One = (ServiceName, EnvironmentName, DeploymentId);

/// What is to be deployed: an image, an archive, or the same once more.
#[derive(Debug)]
pub(crate) enum DeploymentRequest {
    Artifact(Artifact),
    Redeploy,
}

impl JsonSchema for DeploymentRequest {
    fn schema_name() -> Cow<'static, str> {
        "DeploymentRequest".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                {
                    "type": "object",
                    "description": "Deploys this image.",
                    "properties": {"image": generator.subschema_for::<Image>()},
                    "required": ["image"],
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "description": "Deploys this archive of a function's code.",
                    "properties": {"code": generator.subschema_for::<Archive>()},
                    "required": ["code"],
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "description": "Deploys the same once more, with new tasks.",
                    "properties": {"redeploy": {"const": true}},
                    "required": ["redeploy"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// What an environment is to be brought back to.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "it is the schema; `Fields` reads the body")]
pub(crate) struct RollbackRequest {
    /// The generation; the last deployment before the newest that succeeded, when left out.
    #[schemars(default)]
    #[schemars(range(min = 1, max = 999_999_999))]
    generation: Option<u64>,
}

pub(crate) async fn list_deployments<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters((name, environment)): Parameters<Address>,
    page: Paging,
) -> Answer {
    let found = app
        .services
        .deployments(&name, &environment, page.after.as_deref(), page.limit)
        .await?;
    Ok(json(StatusCode::OK, &found))
}

pub(crate) async fn get_deployment<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters((name, environment, id)): Parameters<One>,
) -> Answer {
    let found = app.services.deployment(&name, &environment, id).await?;
    Ok(json(StatusCode::OK, &found))
}

pub(crate) async fn start_deployment<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment)): Parameters<Address>,
    Document(request): Document,
) -> Answer {
    let services = &app.services;
    let started = match read_deployment(&request)? {
        DeploymentRequest::Artifact(artifact) => {
            let deploy = services.deploy(&name, &environment, &artifact, &caller);
            deploy.await
        }
        DeploymentRequest::Redeploy => services.redeploy(&name, &environment, &caller).await,
    };
    Ok(begun(&started?, &caller))
}

pub(crate) async fn roll_back<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment)): Parameters<Address>,
    OptionalDocument(request): OptionalDocument,
) -> Answer {
    let back = read_rollback(request)?;
    let started = app
        .services
        .roll_back(&name, &environment, back, &caller)
        .await?;
    Ok(begun(&started, &caller))
}

pub(crate) async fn plan_roll_back<P: Ports>(
    State(app): State<Arc<App<P>>>,
    _: Identity,
    Parameters((name, environment)): Parameters<Address>,
    OptionalDocument(request): OptionalDocument,
) -> Answer {
    let back = read_rollback(request)?;
    let plan = app.services.plan_roll_back(&name, &environment, back);
    Ok(json(StatusCode::OK, &plan.await?))
}

pub(crate) async fn cancel_deployment<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment, id)): Parameters<One>,
) -> Answer {
    let started = app
        .services
        .cancel(&name, &environment, id, &caller)
        .await?;
    Ok(begun(&started, &caller))
}

pub(crate) async fn promote_deployment<P: Ports>(
    State(app): State<Arc<App<P>>>,
    Identity(caller): Identity,
    Parameters((name, environment, id)): Parameters<One>,
) -> Answer {
    let deployment = app.services.promote(&name, &environment, id).await?;
    tracing::info!(service = %name, %environment, %id, actor = caller.actor, "deployment promoted");
    Ok(json(StatusCode::ACCEPTED, &deployment))
}

fn begun(started: &DeploymentStarted, caller: &Caller) -> axum::response::Response {
    let deployment = &started.deployment;
    tracing::info!(
        service = %deployment.service,
        environment = %deployment.environment,
        id = %deployment.id,
        cause = ?deployment.cause,
        actor = caller.actor,
        "deployment begun"
    );
    json(StatusCode::ACCEPTED, started)
}

/// Reads the request by hand, so that the answer points at the field.
fn read_deployment(document: &Value) -> Result<DeploymentRequest, Refusal> {
    let fields: Vec<_> = document.as_object().into_iter().flatten().collect();
    match fields.as_slice() {
        [(name, image)] if *name == "image" => {
            let image = reference("/image", image).map(Artifact::Image);
            image.map(DeploymentRequest::Artifact)
        }
        [(name, archive)] if *name == "code" => {
            let archive = reference("/code", archive).map(Artifact::Code);
            archive.map(DeploymentRequest::Artifact)
        }
        [(name, Value::Bool(true))] if *name == "redeploy" => Ok(DeploymentRequest::Redeploy),
        [(name, _)] if *name == "redeploy" => {
            Err(Refusal::malformed_body("/redeploy", "must be true"))
        }
        _ => Err(Refusal::malformed_body(
            "",
            "must be an object with either `image`, `code` or `redeploy`",
        )),
    }
}

fn reference<T: FromStr<Err = InvalidText>>(pointer: &str, value: &Value) -> Result<T, Refusal> {
    let text = value.as_str().unwrap_or_default();
    text.parse()
        .map_err(|error: InvalidText| Refusal::malformed_body(pointer, error.to_string()))
}

fn read_rollback(document: Option<Value>) -> Result<Back, Refusal> {
    let Some(document) = document else {
        return Ok(Back::LastGood);
    };
    match Fields::read(&document, &["generation"])?.optional("generation")? {
        None => Ok(Back::LastGood),
        Some(generation @ 1..=999_999_999) => Ok(Back::Generation(generation)),
        Some(_) => Err(Refusal::malformed_body(
            "/generation",
            "must be a number from 1 to 999999999",
        )),
    }
}
