//! The function that brings stacks to what their services want: wiring.

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use slipway_aws::{Checks, CloudFormation, Registry, WakeQueue, sdk_config};
use slipway_control::reconcile::Reconciler;
use slipway_control::upgrade::fingerprint;
use slipway_lambda::settings::{ReconcilerSettings, Settings, variable};
use slipway_lambda::{clock, telemetry};
use slipway_reconciler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start();
    let settings = Settings::from_environment()?;
    let own = ReconcilerSettings::from_environment()?;
    let sdk = sdk_config(
        "slipway-reconciler",
        &settings.platform.region,
        settings.endpoint.as_deref(),
    );
    let role = variable("SLIPWAY_SERVICE_ROLE_ARN")?;
    let registry = Registry::new(&sdk, settings.table, settings.max_operations);
    let handler = Handler {
        upgrades: registry.clone(),
        reconciler: Reconciler {
            registry,
            stacks: CloudFormation::new(&sdk, role, variable("SLIPWAY_TEMPLATE_BUCKET")?),
            checks: Checks::new(&sdk, &settings.platform, clock::now),
            deadline: own.deadline,
            fingerprint: fingerprint(&settings.platform),
            platform: settings.platform,
        },
        waker: WakeQueue::new(&sdk, variable("SLIPWAY_WAKE_QUEUE_URL")?),
        limits: own.upgrades,
        scans: own.scans,
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        // A look holds many calls, of which most looks make few: boxed, it need not be moved.
        Box::pin(handler.handle(event.payload, clock::now))
            .await
            .map_err(lambda_runtime::Error::from)
    }))
    .await
}
