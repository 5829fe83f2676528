//! An address for an HTTP API.
//!
//! The emulator tells APIs apart by the `Host` header (`{api}.execute-api.localhost`), which not
//! every client can set and not every resolver knows. So each API that is asked for gets a port
//! of its own here, and its requests are passed on under the right name.
//!
//! On routes with IAM authorisation the emulator fills in who calls only for access keys that it
//! issued. Any other key that signs a request gets a user of that name, so that a test may call
//! as whom it likes: the key `TEAM-A` is the user `arn:aws:iam::…:user/TEAM-A`. Signatures are
//! verified by nobody.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderValue;
use tokio::sync::Mutex;

use crate::companion::{Companion, listener, respond, serve};
use crate::emulator::HOST;
use crate::upstream::{Answer, Upstream};
use crate::{wire, xml};

#[derive(Debug)]
struct Gateway {
    upstream: Upstream,
    host: HeaderValue,
    /// Access keys that callers made up, and those that the emulator issued for them.
    keys: Mutex<HashMap<String, String>>,
}

/// Opens an address for an HTTP API; it stays until the companion stops.
pub(crate) async fn open(companion: &Companion, api: &str, region: &str) -> Result<SocketAddr> {
    let (listener, address) = listener().await?;
    let gateway = Arc::new(Gateway {
        upstream: companion.upstream.in_region(region),
        host: format!("{api}.execute-api.{HOST}")
            .parse()
            .context("not an API's id")?,
        keys: Mutex::default(),
    });
    let router = Router::new().fallback(answer).with_state(gateway);
    companion.spawn(serve(listener, router));
    Ok(address)
}

async fn answer(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    respond(gateway.pass_on(request).await)
}

impl Gateway {
    async fn pass_on(&self, request: Request) -> Result<Answer> {
        let (mut parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .context("the request broke off")?;
        parts.headers.insert("host", self.host.clone());
        if let Some(key) = wire::access_key(&parts.headers).map(str::to_owned) {
            let issued = self.issued(&key).await?;
            if let Some(authorization) = parts.headers.get_mut("authorization") {
                let text = authorization.to_str()?.replacen(&key, &issued, 1);
                *authorization = text.parse()?;
            }
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        self.upstream
            .forward(parts.method, path, &parts.headers, body)
            .await
    }

    /// The key that the emulator issued for a made-up one.
    async fn issued(&self, key: &str) -> Result<String> {
        let mut keys = self.keys.lock().await;
        if let Some(issued) = keys.get(key) {
            return Ok(issued.clone());
        }
        // The emulator's own sessions have keys that it knows; they begin like AWS's.
        if key.starts_with("ASIA") {
            return Ok(key.to_owned());
        }
        // The user may be there already, from another address of the same cloud.
        self.upstream
            .query("iam", "CreateUser", &[("UserName", key)])
            .await?;
        let answer = self
            .upstream
            .query("iam", "CreateAccessKey", &[("UserName", key)])
            .await?
            .success()?;
        let issued = xml::find(&answer.text(), "AccessKeyId").context("no access key")?;
        keys.insert(key.to_owned(), issued.clone());
        Ok(issued)
    }
}
