//! What is pure of the webhook function: signatures, payloads and what they mean.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod meanings;
mod payloads;
mod refusals;
mod robust;
mod vectors;

use jiff::Timestamp;
use serde_json::Value;
use slipway_control::ports::Provider;
use slipway_webhook::request::Request;

/// The secret that the events under `events/webhook` are signed with.
const SECRET: &str = "whsec_c2xpcHdheS10ZXN0LXdlYmhvb2stc2VjcmV0LTMyYiE=";

/// When they were signed.
fn now() -> Timestamp {
    Timestamp::from_second(1_795_255_200).unwrap()
}

fn event(name: &str) -> Value {
    let path = format!(
        "{}/../../events/webhook/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(name)
}

fn request(name: &str) -> Request {
    Request::read(&event(name)).expect(name)
}

/// Every event of a webhook, and who sends it.
const EVENTS: [(&str, Provider); 17] = [
    ("github-push", Provider::Github),
    ("github-push-form", Provider::Github),
    ("github-push-tag", Provider::Github),
    ("github-push-deleted", Provider::Github),
    ("github-release", Provider::Github),
    ("github-registry_package", Provider::Github),
    ("github-package", Provider::Github),
    ("github-ping", Provider::Github),
    ("gitlab-push", Provider::Gitlab),
    ("gitlab-push-signed", Provider::Gitlab),
    ("gitlab-tag_push", Provider::Gitlab),
    ("bitbucket-push", Provider::Bitbucket),
    ("bitbucket-push-base64", Provider::Bitbucket),
    ("azure-devops-push", Provider::AzureDevops),
    ("docker-hub-push", Provider::DockerHub),
    ("standard-image", Provider::Standard),
    ("standard-code", Provider::Standard),
];

/// A request with these headers and this body.
fn with(headers: &[(&str, &str)], body: &[u8]) -> Request {
    Request {
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.to_vec(),
        ..Request::default()
    }
}
