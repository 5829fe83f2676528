//! The companion's own calls to the emulator, in AWS's three protocols.
//!
//! Everything the companion needs to know, it asks the emulator for as any client would: there
//! is no second copy of the cloud's state here.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use axum::body::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// What the companion's own calls are told apart by.
const USER_AGENT: &str = "app/slipway-local-cloud";

/// What the emulator answers with status 500 when one of its threads changes what another lists.
/// An SDK tries a call again that ends so, and so does the companion.
const RACED: &str = "changed size during iteration";

/// How often a call is made that ends so: each try races with what goes on meanwhile.
const TRIES: usize = 5;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as text; AWS's protocols are UTF-8.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The answer, or the error that it carries.
    pub(crate) fn success(self) -> Result<Self> {
        if self.status.is_success() {
            Ok(self)
        } else {
            bail!("{}: {}", self.status, self.text())
        }
    }
}

/// A way to the emulator, in one region.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    client: Client<HttpConnector, Full<Bytes>>,
    authority: String,
    region: String,
}

impl Upstream {
    pub(crate) fn new(address: SocketAddr, region: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            authority: address.to_string(),
            region: region.to_owned(),
        }
    }

    /// The same emulator seen from another region.
    pub(crate) fn in_region(&self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Passes a request on as it came, headers and all.
    pub(crate) async fn forward(
        &self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.authority))
            .body(Full::new(body))?;
        for (name, value) in headers {
            // The body is complete by now, so its old framing does not hold any more.
            if !matches!(
                name.as_str(),
                "connection" | "content-length" | "transfer-encoding" | "expect" | "upgrade"
            ) {
                request.headers_mut().append(name, value.clone());
            }
        }
        let response = self
            .client
            .request(request)
            .await
            .context("the emulator is not there")?;
        let (parts, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .context("the emulator broke off")?
            .to_bytes();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    /// A plain GET without credentials.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        self.forward(Method::GET, path, &HeaderMap::new(), Bytes::new())
            .await
    }

    /// A call in the query protocol (CloudFormation, IAM, CloudWatch, ELB, EC2).
    pub(crate) async fn query(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer> {
        let mut form = vec![("Action".to_owned(), action.to_owned())];
        form.extend(
            parameters
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        );
        self.form(service, &form).await
    }

    /// The same with parameters that are kept as pairs.
    pub(crate) async fn form(&self, service: &str, form: &[(String, String)]) -> Result<Answer> {
        let headers = self.headers(service, "application/x-www-form-urlencoded")?;
        let body = crate::wire::encode_form(form).into();
        self.call(Method::POST, "/", &headers, body).await
    }

    /// A call in one of the JSON protocols; `target` is the service's prefix and the operation.
    pub(crate) async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let mut headers = self.headers(service, "application/x-amz-json-1.1")?;
        headers.insert("x-amz-target", target.parse()?);
        let answer = self
            .call(Method::POST, "/", &headers, body.to_string().into())
            .await?
            .success()?;
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).with_context(|| format!("{target} answers no JSON"))
    }

    /// A call in a REST protocol (API Gateway, Lambda, S3).
    pub(crate) async fn rest(
        &self,
        service: &str,
        method: Method,
        path: &str,
        extra: &[(&'static str, &str)],
        body: Bytes,
    ) -> Result<Answer> {
        let mut headers = self.headers(service, "application/json")?;
        for (name, value) in extra {
            headers.insert(*name, value.parse()?);
        }
        self.call(method, path, &headers, body).await
    }

    /// A call of the companion's own, again while the emulator trips over itself.
    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Answer> {
        for _ in 1..TRIES {
            let answer = self
                .forward(method.clone(), path, headers, body.clone())
                .await?;
            let raced = answer.status.is_server_error() && answer.text().contains(RACED);
            if !raced {
                return Ok(answer);
            }
        }
        self.forward(method, path, headers, body).await
    }

    /// What makes the emulator pick the service and the region. It verifies no signature.
    fn headers(&self, service: &str, content_type: &str) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", content_type.parse()?);
        headers.insert("user-agent", USER_AGENT.parse()?);
        headers.insert(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=test/20260101/{}/{service}/aws4_request, \
                 SignedHeaders=host, Signature=0",
                self.region
            )
            .parse()?,
        );
        Ok(headers)
    }
}
