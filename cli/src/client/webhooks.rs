//! Calls about webhooks: who may tell of pushes, and with which secret.

use std::fmt;

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_control::ports::Provider;
use slipway_control::view::PageView;
use slipway_domain::ServiceName;

use super::{Call, Client, Result};

/// A webhook of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Who tells of pushes.
    pub provider: Provider,
    /// Where it tells of them.
    pub url: String,
}

/// A webhook with its secret, which no later call shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewWebhook {
    /// Who tells of pushes.
    pub provider: Provider,
    /// Where it tells of them.
    pub url: String,
    /// The secret.
    pub secret: String,
    /// Until when the secret before this one counts; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_valid_until: Option<Timestamp>,
}

impl fmt::Debug for NewWebhook {
    /// Without the secret, and without the address, which may hold it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewWebhook")
            .field("provider", &self.provider)
            .field("former_valid_until", &self.former_valid_until)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// The webhooks of a service.
    pub fn webhooks(&self, name: &ServiceName) -> Result<Vec<Webhook>> {
        let page: PageView<Webhook> = self.get(&format!("/services/{name}/webhooks"))?;
        Ok(page.items)
    }

    /// Makes a webhook, or a new secret for the one that is there. It is not sent again without
    /// an answer: each time makes another secret.
    pub fn make_webhook(&self, name: &ServiceName, provider: Provider) -> Result<NewWebhook> {
        let call = Call::new(Method::POST, format!("/services/{name}/webhooks"))
            .json(&serde_json::json!({ "provider": provider }))?;
        self.send(&call)?.read()
    }

    /// Deletes a webhook: its secrets count no more.
    pub fn delete_webhook(&self, name: &ServiceName, provider: Provider) -> Result<()> {
        let path = format!("/services/{name}/webhooks/{}", provider.name());
        self.send(&Call::new(Method::DELETE, path))?.done()
    }
}
