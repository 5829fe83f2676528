//! The function that scales services: wiring.

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use slipway_aws::{Ecs, Metrics, Registry, WakeQueue, sdk_config};
use slipway_control::scaler::Scaler;
use slipway_lambda::settings::{Settings, variable};
use slipway_lambda::{clock, metrics, telemetry};
use slipway_scaler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start();
    let settings = Settings::from_environment()?;
    let sdk = sdk_config(
        "slipway-scaler",
        &settings.platform.region,
        settings.endpoint.as_deref(),
    );
    let handler = Handler {
        scaler: Scaler {
            registry: Registry::new(&sdk, settings.table, settings.max_operations),
            tasks: Ecs::new(&sdk),
            metrics: Metrics::new(&sdk),
            platform: settings.platform,
        },
        waker: WakeQueue::new(&sdk, variable("SLIPWAY_SCALER_QUEUE_URL")?),
        tell: metrics::write,
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        Box::pin(handler.handle(event.payload, clock::now))
            .await
            .map_err(lambda_runtime::Error::from)
    }))
    .await
}
