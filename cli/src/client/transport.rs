//! Sending a call: the URL, the signature, the timeouts, and once more where that is safe.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use http::{HeaderValue, Request, Uri, header};
use ureq::Agent;

use super::call::{Answer, Call};
use super::error::ClientError;
use super::{retry, sign};
use crate::clock::Clock;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a call may take: the HTTP API itself gives up after 30 s.
const WHOLE: Duration = Duration::from_secs(35);
/// The longest answer that is read.
const LONGEST: u64 = 32 * 1024 * 1024;
/// Credentials that expire within this time are fetched anew.
const EARLY: Duration = Duration::from_mins(1);

type Fetch = dyn Fn() -> Result<Credentials, ClientError> + Send + Sync;

/// Where credentials come from, and those that were fetched last.
pub(super) struct Signer {
    fetch: Box<Fetch>,
    last: Mutex<Option<Credentials>>,
}

impl Signer {
    pub(super) fn new(fetch: Box<Fetch>) -> Self {
        Self {
            fetch,
            last: Mutex::new(None),
        }
    }

    fn credentials(&self, clock: &dyn Clock) -> Result<Credentials, ClientError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let good = last
            .as_ref()
            .filter(|it| it.expiry().is_none_or(|at| at > clock.now() + EARLY));
        if let Some(good) = good {
            return Ok(good.clone());
        }
        let fresh = (self.fetch)()?;
        *last = Some(fresh.clone());
        Ok(fresh)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

/// The way to one API.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    pub(super) base: String,
    pub(super) host: Option<HeaderValue>,
    pub(super) region: String,
    pub(super) signer: Arc<Signer>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) agent: Agent,
}

/// An agent that follows no redirect (a signature is for one address) and keeps no idle
/// connection: one that the other side closed meanwhile would fail a change that cannot be
/// sent twice.
pub(super) fn agent(base: &str) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(0)
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(WHOLE))
        .user_agent(concat!("slipway/", env!("CARGO_PKG_VERSION")));
    if is_local(base) {
        config = config.proxy(None);
    }
    config.build().new_agent()
}

fn is_local(base: &str) -> bool {
    base.parse::<Uri>()
        .is_ok_and(|uri| matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]")))
}

/// Names under `localhost` are this machine (RFC 6761), but not every resolver knows: such a
/// base is asked by its address, and its name goes into the `Host` header.
pub(super) fn loopback(base: &str) -> (String, Option<HeaderValue>) {
    let name = base
        .parse::<Uri>()
        .ok()
        .and_then(|uri| uri.authority().cloned());
    let rewritten = name
        .filter(|name| name.host().ends_with(".localhost"))
        .and_then(|name| {
            let port = name
                .port()
                .map_or_else(String::new, |port| format!(":{port}"));
            let base = base.replacen(name.as_str(), &format!("127.0.0.1{port}"), 1);
            Some((base, Some(HeaderValue::from_str(name.as_str()).ok()?)))
        });
    rewritten.unwrap_or_else(|| (base.to_owned(), None))
}

impl Transport {
    /// Sends `call` and hands back the last answer, whatever its status.
    pub(super) fn send(&self, call: &Call, signed: bool) -> Result<Answer, ClientError> {
        let mut attempt = 1;
        loop {
            let result = self.once(call, signed);
            match retry::pause(attempt, &result).filter(|_| call.is_repeatable()) {
                Some(pause) => self.clock.pause(pause),
                None => return result,
            }
            attempt += 1;
        }
    }

    fn once(&self, call: &Call, signed: bool) -> Result<Answer, ClientError> {
        let url = format!("{}{}", self.base, call.path);
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(&url)
            .body(())
            .map_err(|error| ClientError::Request(format!("{url}: {error}")))?;
        *request.headers_mut() = call.headers.clone();
        if let Some(host) = &self.host {
            request.headers_mut().insert(header::HOST, host.clone());
        }
        if signed {
            let credentials = self.signer.credentials(&*self.clock)?;
            let body = call.body.as_deref().unwrap_or_default();
            sign::apply(
                &mut request,
                body,
                &self.region,
                &credentials,
                self.clock.now(),
            )?;
        }
        let response = match &call.body {
            Some(body) => self.agent.run(request.map(|()| body.as_slice())),
            None => self.agent.run(request),
        };
        let unreachable = |error: &ureq::Error| unreachable(&url, error);
        let mut response = response.map_err(|error| unreachable(&error))?;
        let body = response
            .body_mut()
            .with_config()
            .limit(LONGEST)
            .read_to_vec();
        let (parts, _) = response.into_parts();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.map_err(|error| unreachable(&error))?,
        })
    }
}

fn unreachable(url: &str, error: &ureq::Error) -> ClientError {
    let passing = matches!(
        error,
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed
    );
    let detail = match error {
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    ClientError::Unreachable {
        url: url.to_owned(),
        detail,
        passing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_under_localhost_is_this_machine() {
        let (base, host) = loopback("http://a1b2.execute-api.localhost:4566/platform/v1");
        assert_eq!(base, "http://127.0.0.1:4566/platform/v1");
        assert_eq!(host.unwrap(), "a1b2.execute-api.localhost:4566");
        assert!(is_local(&base));
        let aws = "https://a1b2.execute-api.us-east-1.amazonaws.com/platform/v1";
        assert_eq!(loopback(aws), (aws.to_owned(), None));
        assert!(!is_local(aws));
    }
}
