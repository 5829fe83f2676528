//! What git hosts and registries do: deliveries to webhooks, and images that are pushed.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use slipway_domain::ServiceName;

use crate::local_platform::LocalPlatform;

/// An answer to a delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, null if it is not JSON.
    pub body: Value,
}

/// What GitHub sends of a push to `main`: the delivery's id, the commit, and when that was made,
/// in seconds since 1970.
pub fn github_push(commit: &str, at: i64) -> Value {
    let at = jiff::Timestamp::from_second(at).unwrap_or_default();
    json!({
        "ref": "refs/heads/main",
        "after": commit,
        "deleted": false,
        "forced": false,
        "head_commit": {"id": commit, "message": "Ship it", "timestamp": at.to_string()},
        "sender": {"login": "ada"},
    })
}

/// The signature that GitHub makes of a body.
pub fn github_signature(body: &str, secret: &str) -> String {
    let digits = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mac| {
        let code = mac.chain_update(body).finalize().into_bytes();
        code.iter().fold(String::new(), |mut digits, byte| {
            // Writing to a `String` does not fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        })
    });
    format!("sha256={}", digits.unwrap_or_default())
}

impl LocalPlatform {
    /// Delivers a push as GitHub does.
    ///
    /// # Errors
    /// No answer.
    pub fn github(
        &self,
        service: &ServiceName,
        delivery: &str,
        push: &Value,
        secret: &str,
    ) -> Result<Answer> {
        let body = push.to_string();
        let signature = github_signature(&body, secret);
        let headers = [
            ("x-github-event", "push"),
            ("x-github-delivery", delivery),
            ("x-hub-signature-256", &*signature),
        ];
        self.deliver(&format!("/webhook/{service}"), &headers, &body)
    }

    /// Delivers a body to a webhook.
    ///
    /// # Errors
    /// No answer.
    pub fn deliver(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent: ureq::Agent = config.build().into();
        let base = self.deployed.base_url.as_deref().context("no HTTP API")?;
        let request = agent
            .post(format!("{base}{path}"))
            .header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let mut answer = request.send(body)?;
        let text = answer.body_mut().read_to_string()?;
        Ok(Answer {
            status: answer.status().as_u16(),
            body: serde_json::from_str(&text).unwrap_or_default(),
        })
    }

    /// The repository of a service.
    pub fn repository(&self, service: &ServiceName) -> String {
        format!("{}-{service}-prod", crate::local_platform::PLATFORM)
    }

    /// Pushes an image to the service's own repository; gives its digest.
    ///
    /// # Errors
    /// ECR refuses.
    pub fn push_image(&self, service: &ServiceName, tag: &str) -> Result<String> {
        let platforms = ["linux/amd64", "linux/arm64"];
        let repository = self.repository(service);
        self.block_on(self.cloud().push_image(&repository, tag, &platforms))
    }
}
