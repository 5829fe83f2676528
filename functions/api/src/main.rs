//! The function behind the platform's API: wiring.

use std::sync::Arc;

use slipway_api::App;
use slipway_aws::{Checks, Ecs, Hooks, HttpApi, NotifyKeys, Registry, Runs, sdk_config};
use slipway_control::hooks::HookControl;
use slipway_control::runs::RunControl;
use slipway_control::scaling::ScalingControl;
use slipway_control::services::Services;
use slipway_control::signing::SigningControl;
use slipway_control::upgrade::UpgradeControl;
use slipway_lambda::{clock, settings::Settings, telemetry};

/// The ports over AWS.
struct Aws;

impl slipway_api::Ports for Aws {
    type Registry = Registry;
    type Live = Ecs;
    type Tasks = Ecs;
    type Gateway = HttpApi;
    type Upgrades = Registry;
    type Checks = Checks;
    type Hooks = Hooks;
    type Runs = Runs;
    type Keys = NotifyKeys;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::start();
    let settings = Settings::from_environment()?;
    let sdk = sdk_config(
        "slipway-api",
        &settings.platform.region,
        settings.endpoint.as_deref(),
    );
    let registry = Registry::new(&sdk, settings.table, settings.max_operations);
    let upgrades = UpgradeControl {
        store: registry.clone(),
    };
    let hooks = HookControl {
        registry: registry.clone(),
        hooks: Hooks::new(&sdk, settings.platform.name.as_str()),
        platform: settings.platform.clone(),
    };
    let signing = SigningControl {
        registry: registry.clone(),
        keys: NotifyKeys::new(&sdk, settings.platform.name.clone()),
    };
    let runs = RunControl {
        registry: registry.clone(),
        runs: Runs::new(&sdk),
        platform: settings.platform.clone(),
    };
    let ecs = Ecs::new(&sdk);
    let scaling = ScalingControl {
        registry: registry.clone(),
        tasks: ecs.clone(),
        platform: settings.platform.clone(),
    };
    let services = Services {
        registry,
        live: ecs,
        gateway: HttpApi::new(&sdk, settings.platform.api.clone()),
        checks: Checks::new(&sdk, &settings.platform, clock::now),
        platform: settings.platform,
    };
    lambda_http::run(slipway_api::router(Arc::new(App::<Aws> {
        services,
        upgrades,
        hooks,
        signing,
        runs,
        scaling,
    })))
    .await
}
