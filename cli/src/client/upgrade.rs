//! Calls about the upgrade of the platform's stacks.

use http::Method;
use slipway_control::upgrade::UpgradeView;

use super::{Call, Client, Result};

impl Client {
    /// The upgrade that runs, or the last one.
    pub fn upgrade(&self) -> Result<UpgradeView> {
        self.send(&Call::get("/platform/upgrade"))?.read()
    }

    /// Lets no further stack through, for a reason.
    pub fn stop_upgrade(&self, reason: Option<&str>, key: &str) -> Result<UpgradeView> {
        let body = match reason {
            Some(reason) => serde_json::json!({ "reason": reason }),
            None => serde_json::json!({}),
        };
        let call = Call::new(Method::POST, "/platform/upgrade/stop")
            .json(&body)?
            .text_header("idempotency-key", key)?;
        self.send(&call)?.read()
    }

    /// Lets it go on, with what failed once more.
    pub fn resume_upgrade(&self, key: &str) -> Result<UpgradeView> {
        let call = Call::new(Method::POST, "/platform/upgrade/resume")
            .text_header("idempotency-key", key)?;
        self.send(&call)?.read()
    }
}
