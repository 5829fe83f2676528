//! HTTP to registries: bounded in time, in bytes and in where it goes.
//!
//! The same connector as the SDK's, so that a function has one TLS and one way to make
//! connections. Redirects are followed here and each is checked as the first address was: blobs
//! lie elsewhere than their registry, and registry.k8s.io's manifests too.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use http::Uri;

use super::address::{origin, permitted};

/// How long a connection may take to be made, and its first byte to arrive.
const CONNECT: Duration = Duration::from_secs(2);
const READ: Duration = Duration::from_secs(4);

/// How many redirects are followed.
const REDIRECTS: usize = 3;

/// A question to a registry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) method: &'static str,
    pub(super) address: &'a str,
    pub(super) accept: &'a str,
    pub(super) token: Option<&'a str>,
    /// The most bytes that the answer may have.
    pub(super) limit: usize,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) digest: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoReply {
    /// The address is none that may be asked; it is never asked again.
    Forbidden,
    /// The answer is larger than its limit, or led from redirect to redirect.
    Unreadable(&'static str),
    /// No connection, or it broke.
    Lost(Box<dyn std::error::Error + Send + Sync>),
}

/// A client for registries.
#[derive(Debug)]
pub(super) struct Web {
    /// Made when it is first needed: many functions never ask a registry.
    connector: OnceLock<Connector>,
    mirrors: Vec<String>,
}

impl Web {
    /// `mirrors` are origins that may be asked whatever they are.
    pub(super) fn new(mirrors: Vec<String>) -> Self {
        Self {
            connector: OnceLock::new(),
            mirrors,
        }
    }

    /// Asks, following redirects.
    pub(super) async fn ask(&self, question: Question<'_>) -> Result<Reply, NoReply> {
        let mut address = question.address.to_owned();
        let mut token = question.token;
        for _ in 0..=REDIRECTS {
            let uri: Uri = match address.parse() {
                Ok(uri) if permitted(&uri, &self.mirrors) => uri,
                _ => return Err(NoReply::Forbidden),
            };
            let response = self.send(&question, &address, token).await?;
            let status = response.status().as_u16();
            let next = response.headers().get("location").map(str::to_owned);
            match next.filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308)) {
                Some(next) => {
                    address = absolute(&uri, next);
                    // A token is its registry's alone; storage refuses what it did not issue.
                    let same = address.parse().ok().and_then(|next| origin(&next));
                    token = token.filter(|_| same == origin(&uri));
                }
                None => return read(response, question).await,
            }
        }
        Err(NoReply::Unreadable("it redirects without end"))
    }

    async fn send(
        &self,
        question: &Question<'_>,
        address: &str,
        token: Option<&str>,
    ) -> Result<HttpResponse, NoReply> {
        let mut request = HttpRequest::new(SdkBody::empty());
        let made = request
            .set_method(question.method)
            .and_then(|()| request.set_uri(address.to_owned()));
        made.map_err(|error| NoReply::Lost(error.into()))?;
        let headers = request.headers_mut();
        headers.insert("accept", question.accept.to_owned());
        headers.insert("user-agent", "slipway");
        if let Some(token) = token {
            // A token with bytes that no header takes is none.
            headers
                .try_insert("authorization", format!("Bearer {token}"))
                .map_err(|error| NoReply::Lost(error.into()))?;
        }
        let connector = self.connector.get_or_init(connector);
        let answer = connector.call(request).await;
        answer.map_err(|error| NoReply::Lost(error.into()))
    }
}

fn connector() -> Connector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .build();
    Connector::builder()
        .connector_settings(settings)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build()
}

/// An address in a `Location` header, which may begin with its path.
fn absolute(at: &Uri, location: String) -> String {
    match origin(at) {
        Some(origin) if location.starts_with('/') => format!("{origin}{location}"),
        _ => location,
    }
}

async fn read(response: HttpResponse, question: Question<'_>) -> Result<Reply, NoReply> {
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).map(str::to_owned);
    let (digest, challenge) = (header("docker-content-digest"), header("www-authenticate"));
    let mut body = Vec::new();
    // The answer to HEAD has the length of a body, and none.
    if question.method != "HEAD" {
        let mut parts = ByteStream::new(response.into_body());
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| NoReply::Lost(error.into()))?;
            if body.len() + part.len() > question.limit {
                return Err(NoReply::Unreadable("its answer is too large"));
            }
            body.extend_from_slice(&part);
        }
    }
    Ok(Reply {
        status,
        digest,
        challenge,
        body,
    })
}
