//! The topic, the outbox, keys and receivers in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slipway_domain::ServiceName;

use super::transient;
use crate::ports::{
    Announcement, Announcer, NotifySecret, NotifySecrets, Outbox, PortResult, PostError, Poster,
    Posting,
};

/// Everybody who is told, in memory. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct FakeListeners {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    announced: Vec<Announcement>,
    handed_over: Vec<String>,
    put_back: Vec<(String, Duration)>,
    secrets: BTreeMap<ServiceName, NotifySecret>,
    posted: Vec<Posting>,
    answers: BTreeMap<String, Result<u16, PostError>>,
    broken: Option<&'static str>,
}

impl FakeListeners {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, name: &'static str) -> PortResult<MutexGuard<'_, Inner>> {
        let inner = self.lock();
        if inner.broken == Some(name) {
            return Err(transient(name));
        }
        Ok(inner)
    }

    /// From now on calls of this name fail: `announce`, `hand_over`, `put_back`,
    /// `notify_secret`, `put_notify_secret` or `forget_notify_secret`; none does without a name.
    pub fn break_down(&self, name: Option<&'static str>) {
        self.lock().broken = name;
    }

    /// The receiver at this host answers so. Others answer 200.
    pub fn answers(&self, host: &str, answer: Result<u16, PostError>) {
        self.lock().answers.insert(host.to_owned(), answer);
    }

    /// What the topic was told.
    pub fn announced(&self) -> Vec<Announcement> {
        self.lock().announced.clone()
    }

    /// What the outbox took in.
    pub fn handed_over(&self) -> Vec<String> {
        self.lock().handed_over.clone()
    }

    /// What was put back, by its handle, and for how long.
    pub fn put_back(&self) -> Vec<(String, Duration)> {
        self.lock().put_back.clone()
    }

    /// What receivers were sent.
    pub fn posted(&self) -> Vec<Posting> {
        self.lock().posted.clone()
    }

    /// The key of a service.
    pub fn secret_of(&self, service: &ServiceName) -> Option<NotifySecret> {
        self.lock().secrets.get(service).cloned()
    }
}

impl Announcer for FakeListeners {
    async fn announce(&self, announcement: &Announcement) -> PortResult<()> {
        self.call("announce")?.announced.push(announcement.clone());
        Ok(())
    }
}

impl Outbox for FakeListeners {
    async fn hand_over(&self, messages: &[String]) -> PortResult<()> {
        self.call("hand_over")?
            .handed_over
            .extend_from_slice(messages);
        Ok(())
    }

    async fn put_back(&self, handle: &str, delay: Duration) -> PortResult<()> {
        self.call("put_back")?
            .put_back
            .push((handle.to_owned(), delay));
        Ok(())
    }
}

impl NotifySecrets for FakeListeners {
    async fn notify_secret(
        &self,
        service: &ServiceName,
        fresh: &NotifySecret,
    ) -> PortResult<NotifySecret> {
        let mut inner = self.call("notify_secret")?;
        let known = inner.secrets.entry(service.clone());
        let secret = known.or_insert_with(|| fresh.clone());
        if secret.uid != fresh.uid {
            *secret = fresh.clone();
        }
        Ok(secret.clone())
    }

    async fn put_notify_secret(
        &self,
        service: &ServiceName,
        secret: &NotifySecret,
    ) -> PortResult<()> {
        let mut inner = self.call("put_notify_secret")?;
        inner.secrets.insert(service.clone(), secret.clone());
        Ok(())
    }

    async fn forget_notify_secret(&self, service: &ServiceName) -> PortResult<()> {
        self.call("forget_notify_secret")?.secrets.remove(service);
        Ok(())
    }
}

impl Poster for FakeListeners {
    async fn post(&self, posting: &Posting) -> Result<u16, PostError> {
        let mut inner = self.lock();
        inner.posted.push(posting.clone());
        let answer = inner.answers.get(posting.url.host()).cloned();
        answer.unwrap_or(Ok(200))
    }
}
