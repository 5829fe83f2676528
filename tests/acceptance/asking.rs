//! What the tests ask of the API, in one line each.

use anyhow::{Context as _, Result, ensure};
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use slipway_cli::client::{Answer, Call, Client, Refusal, Tagged, new_key};
use slipway_control::view::ServiceView;
use slipway_domain::{EnvironmentName, ServiceName};
use slipway_local_cloud::{Fault, Rule};
use slipway_tests::local_platform::LocalPlatform;

/// The platform's default environment.
pub(crate) fn prod() -> EnvironmentName {
    "prod".parse().expect("a name")
}

pub(crate) fn name(text: &str) -> ServiceName {
    text.parse().expect("a name")
}

/// A service with an image, and nothing else that has no default.
pub(crate) fn manifest(service: &str) -> Value {
    json!({"service": service, "image": "nginx:alpine"})
}

pub(crate) fn register(client: &Client, manifest: &Value) -> Result<Tagged<ServiceView>> {
    Ok(client.register(manifest, &new_key())?)
}

pub(crate) fn patch(client: &Client, service: &ServiceName, change: &Value) -> Result<ServiceView> {
    let etag = client.service(service)?.etag;
    Ok(client.patch(service, change, &etag)?.value)
}

/// A set of texts in an item of the registry; none where it is empty.
pub(crate) fn set(item: &Value, name: &str) -> Vec<String> {
    let texts = item[name]["SS"].as_array().into_iter().flatten();
    texts
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}

/// The stack of a service's environment `prod`.
pub(crate) fn stack_of(service: &ServiceName) -> String {
    format!("devops2-g4--{service}--prod")
}

/// Whether a call names the stack, by its name or its id.
pub(crate) fn names(stack: Option<&str>, name: &str) -> bool {
    let stack = stack.unwrap_or_default();
    stack == name || stack.split('/').nth(1) == Some(name)
}

/// The next `times` calls of an operation on the service's stack `prod` meet a fault.
pub(crate) fn rule(service: &ServiceName, operation: &str, fault: Fault, times: usize) -> Rule {
    let stack = stack_of(service);
    Rule::new("cloudformation", operation, fault, times)
        .only(move |call| names(call.stack.as_deref(), &stack))
}

/// How often the reconciler called an operation of CloudFormation on the service's stack `prod`.
pub(crate) fn calls_of(platform: &LocalPlatform, service: &ServiceName, operation: &str) -> usize {
    let stack = stack_of(service);
    let calls = platform.cloud().calls();
    let ours = calls.iter().filter(|call| {
        call.caller == "slipway-reconciler"
            && call.operation == operation
            && names(call.stack.as_deref(), &stack)
    });
    ours.count()
}

/// A call with a header.
pub(crate) fn with(call: Call, header: &'static str, value: &str) -> Result<Call> {
    Ok(call.header(
        HeaderName::from_static(header),
        HeaderValue::from_str(value)?,
    ))
}

pub(crate) fn post(path: &str, document: &Value) -> Result<Call> {
    Ok(Call::new(Method::POST, path).json(document)?)
}

/// The problem that an answer is, with everything that such an answer must have.
pub(crate) fn problem(answer: &Answer, status: u16) -> Result<Refusal> {
    let body = String::from_utf8_lossy(&answer.body);
    ensure!(
        answer.status == status,
        "{} and not {status}: {body}",
        answer.status
    );
    let media_type = answer.header("content-type");
    ensure!(
        media_type == Some("application/problem+json"),
        "{media_type:?}: {body}"
    );
    let document: Value = serde_json::from_slice(&answer.body)?;
    for field in ["type", "title", "detail"] {
        let text = document[field].as_str().unwrap_or_default();
        ensure!(!text.is_empty(), "no {field}: {body}");
    }
    ensure!(document["status"] == status, "{body}");
    serde_json::from_value(document).context("a problem")
}
