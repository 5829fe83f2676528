//! A client of the self-service API: blocking, signed, typed.
//!
//! It holds no state beside the way to one platform, and decides nothing: each method is one
//! call, and what the API says is what the caller gets. Calls that may be sent twice are
//! retried; others are not, because only the caller can tell whether they were done.

mod call;
mod costs;
mod deployments;
mod error;
mod retry;
mod runs;
mod scaling;
mod sign;
mod transport;
mod upgrade;
mod webhooks;

use std::sync::Arc;

pub use aws_credential_types::Credentials;
use http::{HeaderValue, Method};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use slipway_control::record::AuditEntry;
use slipway_control::view::{
    DeletionView, EnvironmentView, GenerationView, PageView, PlanView, ServiceSummary, ServiceView,
};
use slipway_domain::{EnvironmentName, ServiceName, TeamName};

pub use self::call::{Answer, Call};
pub use self::error::{ClientError, Refusal};
use self::transport::{Signer, Transport};
use crate::clock::{Clock, SystemClock};

/// What a method of [`Client`] gives.
pub type Result<T, E = ClientError> = std::result::Result<T, E>;

/// A client of one platform's API. Cloning it is cheap, and clones may be used by many
/// threads at once.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
}

/// A value with the `ETag` of its service, for the `If-Match` of the next change.
#[derive(Debug, Clone, PartialEq)]
pub struct Tagged<T> {
    /// The value.
    pub value: T,
    /// The `ETag`.
    pub etag: String,
}

/// What a `PUT` did.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    /// Whether the service is new.
    pub created: bool,
    /// The service.
    pub service: Tagged<ServiceView>,
}

impl Client {
    /// A client of the API below `base`, such as
    /// `https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/platform/v1`, with credentials
    /// that stay as they are.
    pub fn new(base: &str, region: &str, credentials: Credentials) -> Self {
        Self::with_provider(base, region, move || Ok(credentials.clone()))
    }

    /// A client whose credentials come from `provider`, which is asked again when they are
    /// about to expire.
    pub fn with_provider(
        base: &str,
        region: &str,
        provider: impl Fn() -> Result<Credentials> + Send + Sync + 'static,
    ) -> Self {
        let (base, host) = transport::loopback(base.trim_end_matches('/'));
        Self {
            transport: Transport {
                agent: transport::agent(&base),
                base,
                host,
                region: region.to_owned(),
                signer: Arc::new(Signer::new(Box::new(provider))),
                clock: Arc::new(SystemClock),
            },
        }
    }

    /// Sends (and signs) `host` as the `Host` header, whatever the base URL says: local
    /// clouds find an API by it.
    pub fn with_host(mut self, host: &str) -> Result<Self> {
        let host = HeaderValue::from_str(host)
            .map_err(|_| ClientError::Request(format!("{host:?} cannot be a host")))?;
        self.transport.host = Some(host);
        Ok(self)
    }

    /// Takes the time from `clock`, and pauses by it.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.transport.clock = clock;
        self
    }

    /// The API's address.
    pub fn base(&self) -> &str {
        &self.transport.base
    }

    /// The region that calls are signed for.
    pub fn region(&self) -> &str {
        &self.transport.region
    }

    /// Sends a call, signed, and hands back whatever came as the answer.
    pub fn send(&self, call: &Call) -> Result<Answer> {
        self.transport.send(call, true)
    }

    /// Sends a call without a signature.
    pub fn send_unsigned(&self, call: &Call) -> Result<Answer> {
        self.transport.send(call, false)
    }

    /// Whether the API answers; the one call that needs no credentials.
    pub fn health(&self) -> Result<Value> {
        self.send_unsigned(&Call::get("/health"))?.read()
    }

    /// The API's OpenAPI document.
    pub fn openapi(&self) -> Result<Value> {
        self.get("/openapi.json")
    }

    /// A page of services, of all teams or of one.
    pub fn services(
        &self,
        team: Option<&TeamName>,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<PageView<ServiceSummary>> {
        self.send(&paged(listing(team), cursor, limit))?.read()
    }

    /// Every service, of all teams or of one, page by page.
    pub fn all_services(&self, team: Option<&TeamName>) -> Result<Vec<ServiceSummary>> {
        self.all(&listing(team))
    }

    /// Every service that does not go on without a person, of all teams or of one.
    pub fn all_services_in_need(&self, team: Option<&TeamName>) -> Result<Vec<ServiceSummary>> {
        self.all(&listing(team).query("needs", "person"))
    }

    fn all<T: DeserializeOwned>(&self, listing: &Call) -> Result<Vec<T>> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let call = paged(listing.clone(), cursor.as_deref(), Some(100));
            let page: PageView<T> = self.send(&call)?.read()?;
            all.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    /// Registers a service. `key` is remembered by the API: the same key with the same
    /// manifest registers once, however often it is sent.
    pub fn register(&self, manifest: &Value, key: &str) -> Result<Tagged<ServiceView>> {
        let call = Call::new(Method::POST, "/services")
            .json(manifest)?
            .text_header("idempotency-key", key)?;
        tagged(&self.send(&call)?)
    }

    /// A service.
    pub fn service(&self, name: &ServiceName) -> Result<Tagged<ServiceView>> {
        tagged(&self.send(&Call::get(format!("/services/{name}")))?)
    }

    /// A service, or `None` if there is none of this name.
    pub fn find_service(&self, name: &ServiceName) -> Result<Option<Tagged<ServiceView>>> {
        let answer = self.send(&Call::get(format!("/services/{name}")))?;
        let is_problem = answer
            .header("content-type")
            .is_some_and(|it| it.starts_with("application/problem+json"));
        if answer.status == 404 && is_problem {
            return Ok(None);
        }
        tagged(&answer).map(Some)
    }

    /// Brings a service to a manifest. Without an `ETag` it must not exist yet.
    pub fn put(&self, name: &ServiceName, manifest: &Value, etag: Option<&str>) -> Result<Put> {
        let mut call = Call::new(Method::PUT, format!("/services/{name}")).json(manifest)?;
        if let Some(etag) = etag {
            call = call.text_header("if-match", etag)?;
        }
        let answer = self.send(&call)?;
        Ok(Put {
            created: answer.status == 201,
            service: tagged(&answer)?,
        })
    }

    /// Changes some fields of a service's manifest (RFC 7396).
    pub fn patch(
        &self,
        name: &ServiceName,
        patch: &Value,
        etag: &str,
    ) -> Result<Tagged<ServiceView>> {
        let body =
            serde_json::to_vec(patch).map_err(|error| ClientError::Request(error.to_string()))?;
        let call = Call::new(Method::PATCH, format!("/services/{name}"))
            .body("application/merge-patch+json", body)
            .text_header("if-match", etag)?;
        tagged(&self.send(&call)?)
    }

    /// Deletes a service. The `ETag` `*` stands for any generation.
    pub fn delete(&self, name: &ServiceName, etag: &str) -> Result<DeletionView> {
        let call =
            Call::new(Method::DELETE, format!("/services/{name}")).text_header("if-match", etag)?;
        self.send(&call)?.read()
    }

    /// The template of a service's stack, or of one of its environments' stacks.
    pub fn template(
        &self,
        name: &ServiceName,
        environment: Option<&EnvironmentName>,
    ) -> Result<Value> {
        self.get(&match environment {
            Some(environment) => format!("/services/{name}/environments/{environment}/template"),
            None => format!("/services/{name}/template"),
        })
    }

    /// A page of a service's generations, newest first.
    pub fn generations(
        &self,
        name: &ServiceName,
        cursor: Option<&str>,
    ) -> Result<PageView<GenerationView>> {
        self.send(&paged(
            Call::get(format!("/services/{name}/generations")),
            cursor,
            None,
        ))?
        .read()
    }

    /// A page of a service's audit log, newest first.
    pub fn events(&self, name: &ServiceName, cursor: Option<&str>) -> Result<PageView<AuditEntry>> {
        self.send(&paged(
            Call::get(format!("/services/{name}/events")),
            cursor,
            None,
        ))?
        .read()
    }

    /// An environment of a service, with what runs just now.
    pub fn environment(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
    ) -> Result<EnvironmentView> {
        self.get(&format!("/services/{name}/environments/{environment}"))
    }

    /// What a manifest would change and cost, and what was checked. Nothing is written.
    pub fn plan(&self, manifest: &Value) -> Result<PlanView> {
        let call = Call::new(Method::POST, "/plan")
            .json(manifest)?
            .text_header("idempotency-key", &new_key())?;
        self.send(&call)?.read()
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.send(&Call::get(path))?.read()
    }
}

/// A key that no other call has, for the header `Idempotency-Key`.
pub fn new_key() -> String {
    format!("slipway-{:032x}", fastrand::u128(..))
}

fn listing(team: Option<&TeamName>) -> Call {
    let call = Call::get("/services");
    match team {
        Some(team) => call.query("team", team.as_str()),
        None => call,
    }
}

fn paged(mut call: Call, cursor: Option<&str>, limit: Option<u32>) -> Call {
    if let Some(cursor) = cursor {
        call = call.query("cursor", cursor);
    }
    if let Some(limit) = limit {
        call = call.query("limit", &limit.to_string());
    }
    call
}

fn tagged<T: for<'a> Deserialize<'a>>(answer: &Answer) -> Result<Tagged<T>> {
    let value = answer.read()?;
    let etag = answer
        .header("etag")
        .ok_or_else(|| ClientError::Unexpected {
            status: answer.status,
            detail: "has no ETag".to_owned(),
        })?;
    Ok(Tagged {
        value,
        etag: etag.to_owned(),
    })
}
