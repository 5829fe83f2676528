//! Calls about webhooks: who may tell of pushes, and with which secret.

use http::Method;
use slipway_control::hooks::{HookView, HooksView, NewHookView};
use slipway_control::ports::Provider;
use slipway_control::signing::SigningKeyView;
use slipway_domain::ServiceName;

use super::{Call, Client, Result};

impl Client {
    /// The webhooks of a service.
    pub fn webhooks(&self, name: &ServiceName) -> Result<Vec<HookView>> {
        let hooks: HooksView = self.get(&format!("/services/{name}/webhooks"))?;
        Ok(hooks.items)
    }

    /// Makes a webhook, or a new secret for the one that is there. It is not sent again without
    /// an answer: each time makes another secret.
    pub fn make_webhook(&self, name: &ServiceName, provider: Provider) -> Result<NewHookView> {
        let call = Call::new(Method::POST, format!("/services/{name}/webhooks"))
            .json(&serde_json::json!({ "provider": provider }))?;
        self.send(&call)?.read()
    }

    /// The key that signs the service's notices; made when it is first asked for.
    pub fn signing_key(&self, name: &ServiceName) -> Result<SigningKeyView> {
        let call = Call::new(Method::POST, format!("/services/{name}/notify-secret"));
        self.send(&call)?.read()
    }

    /// Makes another such key. It is not sent again without an answer: each time makes another.
    pub fn rotate_signing_key(&self, name: &ServiceName) -> Result<SigningKeyView> {
        let path = format!("/services/{name}/notify-secret/rotation");
        self.send(&Call::new(Method::POST, path))?.read()
    }

    /// Deletes a webhook: its secrets count no more.
    pub fn delete_webhook(&self, name: &ServiceName, provider: Provider) -> Result<()> {
        let path = format!("/services/{name}/webhooks/{}", provider.name());
        self.send(&Call::new(Method::DELETE, path))?.done()
    }
}
