//! Posting to receivers outside, by the SDK's own HTTP client.
//!
//! A name is resolved once: every address it leads to is asked whether it lies outside
//! ([`is_outside`]), and the connection goes to one of these very addresses, with the host's
//! name in TLS. A second look-up, whose answer could be another, does not happen. Proxies of the
//! environment are not used, redirects not followed, and answers' bodies not read.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use slipway_control::address::is_outside;
use slipway_control::ports::{PostError, Poster, Posting};

/// How long connecting may take: name, TCP and TLS.
const CONNECT: Duration = Duration::from_secs(3);
/// How long all of it may take.
const TOTAL: Duration = Duration::from_secs(10);

/// Posts to receivers outside.
#[derive(Debug)]
pub struct Outside {
    connector: Connector,
}

impl Default for Outside {
    fn default() -> Self {
        Self::with(Checked {
            resolve: by_system,
            admits: is_outside,
        })
    }
}

impl Outside {
    fn with(resolver: impl ResolveDns + Clone + 'static) -> Self {
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(CONNECT)
            .read_timeout(TOTAL)
            .build();
        let connector = Connector::builder()
            .connector_settings(settings)
            // A connection that a function keeps while it sleeps is seldom one that still works.
            .pool_max_idle_per_host(0)
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_with_resolver(resolver);
        Self { connector }
    }

    async fn send(&self, request: HttpRequest) -> Result<u16, PostError> {
        let answer = tokio::time::timeout(TOTAL, self.connector.call(request)).await;
        match answer {
            Err(_) => Err(PostError::NoAnswer(
                "no answer within 10 seconds".to_owned(),
            )),
            Ok(Ok(answer)) => Ok(answer.status().as_u16()),
            Ok(Err(error)) if is_caused_by::<LeadsInside>(&error) => Err(PostError::Inside),
            Ok(Err(error)) => Err(PostError::NoAnswer(chain(&error))),
        }
    }
}

impl Poster for Outside {
    async fn post(&self, posting: &Posting) -> Result<u16, PostError> {
        self.send(request(posting)?).await
    }
}

/// The request of a posting. The host is a name, which the type of the address holds: the client
/// would not ask its resolver about a number.
fn request(posting: &Posting) -> Result<HttpRequest, PostError> {
    let bad = |error: &dyn Error| PostError::NoAnswer(format!("no request can be made: {error}"));
    let mut request = HttpRequest::new(SdkBody::from(posting.body.as_str()));
    request.set_method("POST").map_err(|error| bad(&error))?;
    request
        .set_uri(posting.url.as_str())
        .map_err(|error| bad(&error))?;
    let headers = request.headers_mut();
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", "slipway"),
    ] {
        headers.insert(name, value);
    }
    for (name, value) in &posting.headers {
        headers
            .try_insert(*name, value.clone())
            .map_err(|error| bad(&error))?;
    }
    Ok(request)
}

/// Resolves a name, and gives its addresses only if all of them are admitted.
#[derive(Clone)]
struct Checked {
    resolve: fn(&str) -> std::io::Result<Vec<IpAddr>>,
    admits: fn(IpAddr) -> bool,
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a resolver that refuses addresses inside")
    }
}

/// A name leads to an address inside.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address inside a network")]
struct LeadsInside;

impl ResolveDns for Checked {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        let (resolve, admits, name) = (self.resolve, self.admits, name.to_owned());
        DnsFuture::new(async move {
            // The system's resolver waits.
            let addresses = tokio::task::spawn_blocking(move || resolve(&name))
                .await
                .map_err(ResolveDnsError::new)?
                .map_err(ResolveDnsError::new)?;
            // One is enough: whoever mixes them means no good, or has made a mistake.
            if addresses.iter().all(|address| admits(*address)) {
                Ok(addresses)
            } else {
                Err(ResolveDnsError::new(LeadsInside))
            }
        })
    }
}

fn by_system(name: &str) -> std::io::Result<Vec<IpAddr>> {
    let addresses = (name, 443).to_socket_addrs()?;
    Ok(addresses.map(|address| address.ip()).collect())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(<dyn Error>::is::<E>)
}

/// An error with its causes, without an address: the host's name is told with it elsewhere.
fn chain(error: &(dyn Error + 'static)) -> String {
    let words: Vec<String> = causes(error).map(ToString::to_string).collect();
    words.join(": ")
}

#[cfg(test)]
#[path = "post_tests.rs"]
mod tests;
