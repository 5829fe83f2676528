//! The function that webhooks and pushes of images start deployments with: wiring.

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use slipway_aws::{Hooks, Registry, Repositories, WakeQueue, sdk_config};
use slipway_control::ports::NoPipelines;
use slipway_control::push::Pushes;
use slipway_lambda::settings::{Settings, variable};
use slipway_lambda::{clock, telemetry};
use slipway_webhook::Handler;
use slipway_webhook::hooks::HookMemory;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start();
    let settings = Settings::from_environment()?;
    let sdk = sdk_config(
        "slipway-webhook",
        &settings.platform.region,
        settings.endpoint.as_deref(),
    );
    let handler = Handler {
        hooks: HookMemory::new(Hooks::new(&sdk, settings.platform.name.as_str())),
        repositories: Repositories::new(&sdk),
        waker: WakeQueue::new(&sdk, variable("SLIPWAY_WAKE_QUEUE_URL")?),
        pipelines: NoPipelines,
        pushes: Pushes {
            registry: Registry::new(&sdk, settings.table, settings.max_operations),
            platform: settings.platform,
        },
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        // Many ways, of which an event takes one: boxed, they need not be moved.
        Box::pin(handler.handle(event.payload, clock::stamp))
            .await
            .map_err(lambda_runtime::Error::from)
    }))
    .await
}
