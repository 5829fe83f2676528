//! The function that callers of sleeping services reach: wiring.

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use slipway_aws::{Ecs, Registry, sdk_config};
use slipway_control::scaler::Wakers;
use slipway_lambda::settings::Settings;
use slipway_lambda::{clock, telemetry};
use slipway_waker::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start();
    let settings = Settings::from_environment()?;
    let sdk = sdk_config(
        "slipway-waker",
        &settings.platform.region,
        settings.endpoint.as_deref(),
    );
    let handler = Handler::new(Wakers {
        registry: Registry::new(&sdk, settings.table, settings.max_operations),
        tasks: Ecs::new(&sdk),
        platform: settings.platform,
    });
    let handler = &handler;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let answer = handler.handle(&event.payload, clock::now, tokio::time::sleep);
        // Many calls, of which most callers need few: boxed, they need not be moved.
        Ok::<Value, lambda_runtime::Error>(Box::pin(answer).await)
    }))
    .await
}
