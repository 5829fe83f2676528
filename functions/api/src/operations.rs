//! Everything that can be called: the table that router and OpenAPI document are made from.

mod databases;
mod runs;
use std::sync::Arc;

use axum::routing::{MethodRouter, delete, get, patch, post, put};
use http::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator};
use slipway_control::costs::{PlatformCostsView, ServiceCostsView};
use slipway_control::hooks::{HooksView, NewHookView};
use slipway_control::record::AuditEntry;
use slipway_control::scaling::{DecisionView, ScalingView};
use slipway_control::signing::SigningKeyView;
use slipway_control::upgrade::UpgradeView;
use slipway_control::view::{
    DeletionView, DeploymentStarted, EnvironmentView, GenerationView, PageView, PlanView,
    ServiceSummary, ServiceView,
};
use slipway_domain::{Deployment, Manifest};

use crate::handlers::{
    self, BoundsRequest, CountRequest, DeploymentRequest, DirectionsRequest, Health, HookRequest,
    RollbackRequest, StopRequest,
};
use crate::takes::Takes;
use crate::{App, Ports, schema};

/// One thing that can be called.
pub(crate) struct Operation<P: Ports> {
    pub(crate) method: Method,
    /// The path below [`crate::BASE`], as axum and OpenAPI both write it.
    pub(crate) path: &'static str,
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) handler: MethodRouter<Arc<App<P>>>,
    /// Whether anybody may call it.
    pub(crate) open: bool,
    pub(crate) takes: Takes,
    pub(crate) body: Option<SchemaOf>,
    pub(crate) success: &'static [StatusCode],
    pub(crate) answer: SchemaOf,
}

/// Makes the schema of a body or an answer.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

fn of<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const OK: &[StatusCode] = &[StatusCode::OK];
const CREATED: &[StatusCode] = &[StatusCode::CREATED];
const OK_OR_CREATED: &[StatusCode] = &[StatusCode::OK, StatusCode::CREATED];
const ACCEPTED: &[StatusCode] = &[StatusCode::ACCEPTED];

/// The operations, in the order of the document.
#[expect(clippy::too_many_lines, reason = "it is one table")]
pub(crate) fn all<P: Ports>() -> Vec<Operation<P>> {
    let mut all = vec![
        Operation {
            open: true,
            ..read(
                "/health",
                "health",
                "Whether the API answers",
                get(handlers::health),
                of::<Health>,
            )
        },
        read(
            "/openapi.json",
            "openapi",
            "This document",
            get(handlers::openapi::<P>),
            schema::any,
        ),
        Operation {
            takes: Takes::TeamPage,
            ..read(
                "/services",
                "listServices",
                "Services by team and name",
                get(handlers::list_services::<P>),
                of::<PageView<ServiceSummary>>,
            )
        },
        Operation {
            method: Method::POST,
            takes: Takes::Key,
            body: Some(of::<Manifest>),
            success: CREATED,
            ..read(
                "/services",
                "registerService",
                "Registers a service",
                post(handlers::register_service::<P>),
                of::<ServiceView>,
            )
        },
        read(
            "/services/{name}",
            "getService",
            "A service with its stacks",
            get(handlers::get_service::<P>),
            of::<ServiceView>,
        ),
        Operation {
            method: Method::PUT,
            takes: Takes::Precondition,
            body: Some(schema::replacement),
            success: OK_OR_CREATED,
            ..read(
                "/services/{name}",
                "putService",
                "Brings a service to a manifest, or registers it",
                put(handlers::put_service::<P>),
                of::<ServiceView>,
            )
        },
        Operation {
            method: Method::PATCH,
            takes: Takes::Precondition,
            body: Some(schema::patch),
            ..read(
                "/services/{name}",
                "patchService",
                "Changes some fields of a manifest (RFC 7396)",
                patch(handlers::patch_service::<P>),
                of::<ServiceView>,
            )
        },
        Operation {
            method: Method::DELETE,
            takes: Takes::Precondition,
            success: ACCEPTED,
            ..read(
                "/services/{name}",
                "deleteService",
                "Deletes a service; says what is kept",
                delete(handlers::delete_service::<P>),
                of::<DeletionView>,
            )
        },
        read(
            "/services/{name}/template",
            "getServiceTemplate",
            "The CloudFormation of the service's own stack",
            get(handlers::service_template::<P>),
            schema::any,
        ),
        Operation {
            takes: Takes::Assumed,
            ..read(
                "/services/{name}/costs",
                "getServiceCosts",
                "What a service costs in a month, with its share of the platform, estimated",
                get(handlers::service_costs::<P>),
                of::<ServiceCostsView>,
            )
        },
        Operation {
            takes: Takes::Page,
            ..read(
                "/services/{name}/generations",
                "listGenerations",
                "Generations, newest first",
                get(handlers::list_generations::<P>),
                of::<PageView<GenerationView>>,
            )
        },
        Operation {
            takes: Takes::Page,
            ..read(
                "/services/{name}/events",
                "listEvents",
                "The audit log, newest first; it outlives the service",
                get(handlers::list_events::<P>),
                of::<PageView<AuditEntry>>,
            )
        },
        read(
            "/services/{name}/environments/{environment}",
            "getEnvironment",
            "An environment, with what runs just now",
            get(handlers::get_environment::<P>),
            of::<EnvironmentView>,
        ),
        read(
            "/services/{name}/environments/{environment}/template",
            "getEnvironmentTemplate",
            "The CloudFormation of an environment",
            get(handlers::environment_template::<P>),
            schema::any,
        ),
        Operation {
            takes: Takes::Page,
            ..read(
                "/services/{name}/environments/{environment}/deployments",
                "listDeployments",
                "Deployments, newest first",
                get(handlers::list_deployments::<P>),
                of::<PageView<Deployment>>,
            )
        },
        Operation {
            method: Method::POST,
            takes: Takes::Key,
            body: Some(of::<DeploymentRequest>),
            success: ACCEPTED,
            ..read(
                "/services/{name}/environments/{environment}/deployments",
                "startDeployment",
                "Starts a deployment of an image, of an archive, or of the same once more",
                post(handlers::start_deployment::<P>),
                of::<DeploymentStarted>,
            )
        },
        read(
            "/services/{name}/environments/{environment}/deployments/{id}",
            "getDeployment",
            "One deployment, with its steps",
            get(handlers::get_deployment::<P>),
            of::<Deployment>,
        ),
        Operation {
            method: Method::POST,
            takes: Takes::Key,
            success: ACCEPTED,
            ..read(
                "/services/{name}/environments/{environment}/deployments/{id}/cancel",
                "cancelDeployment",
                "Ends a deployment that is under way, and brings back what ran before",
                post(handlers::cancel_deployment::<P>),
                of::<DeploymentStarted>,
            )
        },
        Operation {
            method: Method::POST,
            success: ACCEPTED,
            ..read(
                "/services/{name}/environments/{environment}/deployments/{id}/promote",
                "promoteDeployment",
                "Lets a deployment go on that waits before traffic moves",
                post(handlers::promote_deployment::<P>),
                of::<Deployment>,
            )
        },
        Operation {
            method: Method::POST,
            takes: Takes::Key,
            body: Some(of::<RollbackRequest>),
            success: ACCEPTED,
            ..read(
                "/services/{name}/environments/{environment}/rollback",
                "rollBack",
                "Brings an environment back to what ran before, or to an older generation",
                post(handlers::roll_back::<P>),
                of::<DeploymentStarted>,
            )
        },
        Operation {
            method: Method::POST,
            body: Some(of::<RollbackRequest>),
            ..read(
                "/services/{name}/environments/{environment}/rollback/plan",
                "planRollback",
                "What going back would change; nothing is written",
                post(handlers::plan_roll_back::<P>),
                of::<PlanView>,
            )
        },
        read(
            "/services/{name}/environments/{environment}/scaling",
            "getScaling",
            "How an environment is scaled, what runs, and what was decided last",
            get(handlers::get_scaling::<P>),
            of::<ScalingView>,
        ),
        Operation {
            takes: Takes::Page,
            ..read(
                "/services/{name}/environments/{environment}/scaling/decisions",
                "listDecisions",
                "The scaler's decisions of the last 30 days with their reasons, newest first",
                get(handlers::list_decisions::<P>),
                of::<PageView<DecisionView>>,
            )
        },
        Operation {
            method: Method::POST,
            body: Some(of::<DirectionsRequest>),
            ..read(
                "/services/{name}/environments/{environment}/scaling/pause",
                "pauseScaling",
                "Lets no task be added, taken away, or either, until it is resumed",
                post(handlers::pause_scaling::<P>),
                of::<ScalingView>,
            )
        },
        Operation {
            method: Method::POST,
            body: Some(of::<DirectionsRequest>),
            ..read(
                "/services/{name}/environments/{environment}/scaling/resume",
                "resumeScaling",
                "Takes a pause back",
                post(handlers::resume_scaling::<P>),
                of::<ScalingView>,
            )
        },
        Operation {
            method: Method::PUT,
            body: Some(of::<BoundsRequest>),
            ..read(
                "/services/{name}/environments/{environment}/scaling/bounds",
                "holdBounds",
                "Has other bounds than the manifest's hold for some minutes",
                put(handlers::hold_bounds::<P>),
                of::<ScalingView>,
            )
        },
        Operation {
            method: Method::DELETE,
            ..read(
                "/services/{name}/environments/{environment}/scaling/bounds",
                "releaseBounds",
                "Has the manifest's bounds come back now",
                delete(handlers::release_bounds::<P>),
                of::<ScalingView>,
            )
        },
        Operation {
            method: Method::POST,
            body: Some(of::<CountRequest>),
            ..read(
                "/services/{name}/environments/{environment}/scaling/count",
                "setCount",
                "Has so many tasks run from now on; whoever scales goes on from there",
                post(handlers::set_count::<P>),
                of::<ScalingView>,
            )
        },
        read(
            "/services/{name}/webhooks",
            "listWebhooks",
            "The webhooks that have a secret",
            get(handlers::list_webhooks::<P>),
            of::<HooksView>,
        ),
        Operation {
            method: Method::POST,
            body: Some(of::<HookRequest>),
            success: CREATED,
            ..read(
                "/services/{name}/webhooks",
                "makeWebhook",
                "Makes a webhook's secret, shown this once; a former one counts for a day yet",
                post(handlers::make_webhook::<P>),
                of::<NewHookView>,
            )
        },
        Operation {
            method: Method::DELETE,
            ..read(
                "/services/{name}/webhooks/{provider}",
                "removeWebhook",
                "Removes a webhook's secret",
                delete(handlers::remove_webhook::<P>),
                of::<HooksView>,
            )
        },
        // No GET: a right to read everything is no right to sign as the platform does.
        Operation {
            method: Method::POST,
            ..read(
                "/services/{name}/notify-secret",
                "showNotifySecret",
                "The key that signs the service's notices, made when it is first asked for",
                post(handlers::show_notify_secret::<P>),
                of::<SigningKeyView>,
            )
        },
        Operation {
            method: Method::POST,
            success: CREATED,
            ..read(
                "/services/{name}/notify-secret/rotation",
                "rotateNotifySecret",
                "Makes another key; the former one signs beside it for a day yet",
                post(handlers::rotate_notify_secret::<P>),
                of::<SigningKeyView>,
            )
        },
        Operation {
            method: Method::POST,
            body: Some(of::<Manifest>),
            ..read(
                "/plan",
                "plan",
                "What a manifest would change; nothing is written",
                post(handlers::plan::<P>),
                of::<PlanView>,
            )
        },
        Operation {
            takes: Takes::AssumedPage,
            ..read(
                "/platform/costs",
                "getPlatformCosts",
                "What the platform costs in a month, and each service of a page, estimated",
                get(handlers::platform_costs::<P>),
                of::<PlatformCostsView>,
            )
        },
        read(
            "/platform/upgrade",
            "getUpgrade",
            "The upgrade of all stacks to what this version renders, or the last one",
            get(handlers::get_upgrade::<P>),
            of::<UpgradeView>,
        ),
        Operation {
            method: Method::POST,
            takes: Takes::Key,
            body: Some(of::<StopRequest>),
            ..read(
                "/platform/upgrade/stop",
                "stopUpgrade",
                "Lets no further stack through; what is in flight ends by itself",
                post(handlers::stop_upgrade::<P>),
                of::<UpgradeView>,
            )
        },
        Operation {
            method: Method::POST,
            takes: Takes::Key,
            ..read(
                "/platform/upgrade/resume",
                "resumeUpgrade",
                "Lets it go on; what failed is tried once more",
                post(handlers::resume_upgrade::<P>),
                of::<UpgradeView>,
            )
        },
    ];
    all.extend(databases::all());
    all.extend(runs::all());
    all
}

/// An operation that reads, which others are made from.
fn read<P: Ports>(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    handler: MethodRouter<Arc<App<P>>>,
    answer: SchemaOf,
) -> Operation<P> {
    Operation {
        method: Method::GET,
        path,
        id,
        summary,
        handler,
        open: false,
        takes: Takes::Nothing,
        body: None,
        success: OK,
        answer,
    }
}
