//! AWS as tests play it: each operation is answered as the test says, and what was asked is kept.

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

/// What is answered: a status and a body.
pub(crate) struct Reply {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Reply {
    /// Success in a JSON protocol.
    pub(crate) fn json(body: &serde_json::Value) -> Self {
        Self::of(200, "application/x-amz-json-1.1", body.to_string())
    }

    /// Success in the query protocol.
    pub(crate) fn xml(operation: &str, result: &str) -> Self {
        let body = format!(
            "<{operation}Response><{operation}Result>{result}</{operation}Result>\
             </{operation}Response>"
        );
        Self::of(200, "text/xml", body)
    }

    /// Success in the CBOR protocol.
    pub(crate) fn cbor(body: Vec<u8>) -> Self {
        Self::of(200, "application/cbor", body)
    }

    /// A refusal in a JSON protocol.
    pub(crate) fn refused(code: &str, message: &str) -> Self {
        let body = serde_json::json!({"__type": code, "message": message}).to_string();
        Self::of(400, "application/x-amz-json-1.1", body)
    }

    /// A refusal with more to it than code and message.
    pub(crate) fn refusal(body: &serde_json::Value) -> Self {
        Self::of(400, "application/x-amz-json-1.1", body.to_string())
    }

    /// Success with a text that may be no JSON.
    pub(crate) fn raw(body: &str) -> Self {
        Self::of(200, "application/x-amz-json-1.1", body)
    }

    fn of(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type,
            body: body.into(),
        }
    }
}

/// A call: its operation (of REST calls the method and path) and its body.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) operation: String,
    pub(crate) body: String,
}

impl Asked {
    /// The body, where it is JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

type Answer = dyn Fn(&Asked) -> Reply + Send + Sync;

/// AWS, played.
#[derive(Clone)]
pub(crate) struct Replay {
    answer: Arc<Answer>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Replay {
    pub(crate) fn new(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self {
            answer: Arc::new(answer),
            asked: Arc::default(),
        }
    }

    /// For clients: no call is repeated, and none waits.
    pub(crate) fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("id", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(self.clone())
            .build()
    }

    /// What was asked, in its order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The operations that were asked for, in their order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.asked().into_iter().map(|it| it.operation).collect()
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.operations()).finish()
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = read(&request);
        let reply = (self.answer)(&asked);
        self.asked.lock().unwrap().push(asked);
        let mut response =
            HttpResponse::new(reply.status.try_into().unwrap(), SdkBody::from(reply.body));
        let headers = response.headers_mut();
        headers.insert("content-type", reply.content_type);
        if reply.content_type == "application/cbor" {
            headers.insert("smithy-protocol", "rpc-v2-cbor");
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl HttpClient for Replay {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn read(request: &HttpRequest) -> Asked {
    let body = request.body().bytes().unwrap_or_default();
    let body = String::from_utf8_lossy(body).into_owned();
    let target = request.headers().get("x-amz-target");
    let target = target.and_then(|target| target.rsplit('.').next());
    let action = body
        .split('&')
        .find_map(|part| part.strip_prefix("Action="));
    // A path of the CBOR protocol ends with the operation.
    let path = request.uri().trim_start_matches("https://");
    let path = path.split_once('/').map_or("", |(_, path)| path);
    let rpc = path
        .split_once("/operation/")
        .map(|(_, operation)| operation);
    let operation = match target.or(action).or(rpc) {
        Some(operation) => operation.to_owned(),
        None => format!("{} /{path}", request.method()),
    };
    Asked { operation, body }
}
