//! The self-service API: HTTP on the outside, the use cases of `shared/control` inside.
//!
//! A handler parses, calls and answers; it decides nothing. What there is to call stands in
//! one table (`operations.rs`), from which both the router and the OpenAPI document are made,
//! so that none can be served and not documented, or the other way round.

mod answer;
mod assumed;
mod handlers;
mod openapi;
mod operations;
mod request;
mod schema;
mod takes;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use slipway_control::hooks::HookControl;
use slipway_control::ports::{
    BoundsWriter, ChangeWriter, DatabaseLister, DeploymentSteerer, HistoryReader, HookReader,
    HookWriter, LiveReader, NotifySecrets, RouteReader, RunCanceller, RunReader, RunStarter,
    ScalerRegistry, ServiceReader, TaskWriter, UpgradeStore,
};
use slipway_control::preflight::Checks;
use slipway_control::runs::RunControl;
use slipway_control::scaling::ScalingControl;
use slipway_control::services::Services;
use slipway_control::signing::SigningControl;
use slipway_control::upgrade::UpgradeControl;

pub use openapi::document;

/// The largest body that is read, in bytes. A manifest's texts fit in 48 KiB.
pub const MAX_BODY: usize = 128 * 1024;
/// Where the API begins on the platform's HTTP API.
pub const BASE: &str = "/platform/v1";

/// Which ports the API works over.
pub trait Ports: Send + Sync + 'static {
    /// The registry.
    type Registry: ServiceReader
        + DatabaseLister
        + HistoryReader
        + ChangeWriter
        + ScalerRegistry
        + 'static;
    /// What runs.
    type Live: LiveReader + DeploymentSteerer + 'static;
    /// The number of tasks, and its bounds.
    type Tasks: LiveReader + TaskWriter + BoundsWriter + 'static;
    /// The platform's HTTP API.
    type Gateway: RouteReader + 'static;
    /// The item of upgrades.
    type Upgrades: UpgradeStore + 'static;
    /// What is asked before a deployment.
    type Checks: Checks + 'static;
    /// The secrets of webhooks.
    type Hooks: HookReader + HookWriter + 'static;
    /// Runs of jobs.
    type Runs: RunReader + RunStarter + RunCanceller + 'static;
    /// The keys that sign notices.
    type Keys: NotifySecrets + 'static;
}

/// What every handler is given.
pub struct App<P: Ports> {
    /// The use cases.
    pub services: Services<P::Registry, P::Live, P::Gateway, P::Checks>,
    /// Shows and steers upgrades.
    pub upgrades: UpgradeControl<P::Upgrades>,
    /// Makes and removes the secrets of webhooks.
    pub hooks: HookControl<P::Registry, P::Hooks>,
    /// Shows and rotates the keys that sign notices.
    pub signing: SigningControl<P::Registry, P::Keys>,
    /// Shows and starts runs of jobs.
    pub runs: RunControl<P::Registry, P::Runs>,
    /// Shows and steers scaling.
    pub scaling: ScalingControl<P::Registry, P::Tasks>,
}

/// The API as a service of HTTP requests.
pub fn router<P: Ports>(app: Arc<App<P>>) -> Router {
    let mut router = Router::new();
    for operation in operations::all::<P>() {
        router = router.route(&format!("{BASE}{}", operation.path), operation.handler);
    }
    router
        .fallback(handlers::not_found)
        .method_not_allowed_fallback(handlers::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}
