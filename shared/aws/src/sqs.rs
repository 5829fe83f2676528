//! The queue that wakes the reconciler later.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use slipway_control::ports::{PortResult, Waker};
use slipway_domain::{Scope, ServiceName};

use crate::error::port_error;

/// The longest delay that SQS has (`DelaySeconds`).
const MAX_DELAY: Duration = Duration::from_mins(15);

/// Wakes the reconciler by messages with a delay.
#[derive(Debug, Clone)]
pub struct WakeQueue {
    client: Client,
    url: String,
}

impl WakeQueue {
    /// Over the queue of this URL.
    pub fn new(config: &SdkConfig, url: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            url: url.into(),
        }
    }
}

impl Waker for WakeQueue {
    async fn wake(&self, service: &ServiceName, scope: &Scope, delay: Duration) -> PortResult<()> {
        // SQS counts whole seconds. Never early: a look before its time takes this message for
        // one that is still to come, and asks for no other.
        let seconds = delay.min(MAX_DELAY).as_millis().div_ceil(1000);
        let seconds = i32::try_from(seconds).unwrap_or(900);
        let body = serde_json::json!({"service": service, "scope": scope});
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body.to_string())
            .delay_seconds(seconds)
            .send()
            .await
            .map_err(|error| port_error("sqs:SendMessage", error))?;
        Ok(())
    }
}
