//! Telling others of deployments.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_domain::{ServiceName, WebhookUrl};
use ulid::Ulid;

use super::PortResult;

/// What the platform's topic is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The subject of mails: ASCII, at most 99 characters.
    pub subject: String,
    /// For people.
    pub text: String,
    /// For programs: JSON.
    pub json: String,
    /// What subscribers may filter by; no value is empty, and there are 10 at most.
    pub attributes: Vec<(&'static str, String)>,
}

/// Tells the subscribers of the platform's topic of deployments.
pub trait Announcer: Send + Sync {
    /// Tells them.
    fn announce(&self, announcement: &Announcement) -> impl Future<Output = PortResult<()>> + Send;
}

/// Keeps what is to be posted until it was.
pub trait Outbox: Send + Sync {
    /// Takes messages in, at most 10.
    fn hand_over(&self, messages: &[String]) -> impl Future<Output = PortResult<()>> + Send;

    /// Gives a message that is being handled out again after `delay`, of whole seconds and at
    /// most 11 hours. `handle` is the one under which it was given out.
    fn put_back(
        &self,
        handle: &str,
        delay: Duration,
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// The key with which the notices of one service are signed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifySecret {
    /// The incarnation of the service that it is for: the key of an earlier life signs nothing.
    pub uid: Ulid,
    /// The key as Standard Webhooks writes it: `whsec_` and 32 bytes in base64.
    pub secret: String,
    /// The keys before it that still sign beside it, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerKey>,
}

/// A key that another took the place of.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerKey {
    /// The key.
    pub secret: String,
    /// Until when it signs, too.
    pub until: Timestamp,
}

impl NotifySecret {
    /// A key of these bytes, which nobody can guess.
    pub fn new(uid: Ulid, bytes: &[u8; 32]) -> Self {
        Self {
            uid,
            secret: format!("whsec_{}", STANDARD.encode(bytes)),
            former: Vec::new(),
        }
    }

    /// The keys that sign at `now`, the newest first.
    pub fn valid(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let former = self.former.iter().filter(move |it| now < it.until);
        std::iter::once(&*self.secret).chain(former.map(|it| &*it.secret))
    }
}

impl fmt::Debug for NotifySecret {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key of {}", self.uid)
    }
}

impl fmt::Debug for FormerKey {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key until {}", self.until)
    }
}

/// The keys with which notices are signed.
pub trait NotifySecrets: Send + Sync {
    /// The service's key. Where there is none for this incarnation, `fresh` becomes it; of two
    /// who make one at once, both get the same.
    fn notify_secret(
        &self,
        service: &ServiceName,
        fresh: &NotifySecret,
    ) -> impl Future<Output = PortResult<NotifySecret>> + Send;

    /// Writes the service's key over the one that is there, if one is.
    fn put_notify_secret(
        &self,
        service: &ServiceName,
        secret: &NotifySecret,
    ) -> impl Future<Output = PortResult<()>> + Send;

    /// Forgets the service's key, so that another is made when one is needed. Nothing happens
    /// where there is none.
    fn forget_notify_secret(
        &self,
        service: &ServiceName,
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// A request to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Where to.
    pub url: WebhookUrl,
    /// Headers, beside those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// The body: JSON.
    pub body: String,
}

/// Why a receiver did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// Its name leads to an address that nothing is sent to.
    #[error("its name leads to an address inside a network")]
    Inside,
    /// It was not found, did not answer in time, or not in HTTP over TLS.
    #[error("{0}")]
    NoAnswer(String),
}

/// Posts to receivers outside.
pub trait Poster: Send + Sync {
    /// Posts, and answers the status. Follows no redirect, takes at most 10 seconds, and connects
    /// to no address but those that are outside.
    fn post(&self, posting: &Posting) -> impl Future<Output = Result<u16, PostError>> + Send;
}
