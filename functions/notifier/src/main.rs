//! The function that tells of deployments: wiring.

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use slipway_aws::{DeploymentsTopic, NotifyKeys, NotifyQueue, Outside, Registry, sdk_config};
use slipway_lambda::settings::{Settings, variable};
use slipway_lambda::{chance, clock, telemetry};
use slipway_notifier::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start();
    let settings = Settings::from_environment()?;
    let sdk = sdk_config(
        "slipway-notifier",
        &settings.platform.region,
        settings.endpoint.as_deref(),
    );
    let handler = Handler {
        registry: Registry::new(&sdk, settings.table, settings.max_operations),
        topic: DeploymentsTopic::new(&sdk, variable("SLIPWAY_DEPLOYMENTS_TOPIC")?),
        queue: NotifyQueue::new(&sdk, variable("SLIPWAY_NOTIFY_QUEUE_URL")?),
        keys: NotifyKeys::new(&sdk, settings.platform.name.clone()),
        poster: Outside::default(),
        chance: chance::bytes,
        platform: settings.platform.name,
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        Ok::<_, lambda_runtime::Error>(handler.handle(&event.payload, clock::now).await)
    }))
    .await
}
