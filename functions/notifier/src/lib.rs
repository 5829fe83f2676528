//! Tells people and programs what became of deployments.
//!
//! Two kinds of events come here. The registry's stream says which deployments changed: what is
//! worth telling ([`news()`]) goes to the platform's topic, and for each outgoing webhook of the
//! service a parcel goes into a queue. The queue gives the parcels out: each is signed and
//! posted, and what is not taken comes again, ever later. So a receiver that is down holds up
//! nobody but itself.
//!
//! Nothing is told twice on purpose, and some of it may be all the same: a record that comes
//! again, or an answer that got lost. A notice has one id however often it is told
//! ([`Notice::id`]), so that whoever minds can drop the repeats.

mod events;
mod news;
mod parcel;
mod sign;
mod words;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};
use slipway_control::error::PortError;
use slipway_control::ports::{
    Announcer, NotifySecret, NotifySecrets, Outbox, Poster, Posting, ServiceReader,
};
use slipway_domain::PlatformName;
use slipway_lambda::telemetry::chain;

use events::{Change, Heard, Message, heard};
use parcel::{Verdict, rest, verdict};

pub use news::{Notice, news};
pub use parcel::Parcel;
pub use sign::{BadKey, headers};

/// Tells of deployments.
#[derive(Debug)]
pub struct Handler<R, T, Q, K, P> {
    /// The platform's name.
    pub platform: PlatformName,
    /// The registry, for a service's team and its webhooks.
    pub registry: R,
    /// The platform's topic.
    pub topic: T,
    /// The queue of parcels.
    pub queue: Q,
    /// The keys that parcels are signed with.
    pub keys: K,
    /// What posts them.
    pub poster: P,
    /// 32 bytes that nobody can guess, for a key that is made here.
    pub chance: fn() -> [u8; 32],
}

impl<R, T, Q, K, P> Handler<R, T, Q, K, P>
where
    R: ServiceReader,
    T: Announcer,
    Q: Outbox,
    K: NotifySecrets,
    P: Poster,
{
    /// Handles one event. The answer names the entries of the batch that are to come again.
    pub async fn handle(&self, event: &Value, now: impl Fn() -> Timestamp) -> Value {
        match heard(event) {
            Heard::Changes(changes) => self.tell(&changes).await,
            Heard::Parcels(messages) => {
                // Together: a receiver that takes its time keeps no other waiting.
                let all = messages.iter().map(|message| self.deliver(message, now()));
                let again = join_all(all).await;
                failures(again.iter().flatten().copied())
            }
            Heard::Nothing => {
                tracing::warn!("an event without a deployment or a parcel");
                Value::Null
            }
        }
    }

    /// Tells of changes, up to the first that could not be told: a stream comes again from there.
    async fn tell(&self, changes: &[Change]) -> Value {
        for change in changes {
            let Some(notice) = news(change.old.as_ref(), &change.new) else {
                continue;
            };
            if let Err(error) = self.announce(&notice).await {
                let id = notice.id();
                tracing::error!(error = chain(&error), id, "nobody was told; again later");
                return failures([change.sequence.as_str()]);
            }
        }
        failures([])
    }

    /// Parcels first: what fails behind that is repeated whole, and it is better that programs
    /// drop a repeat than that people read one.
    async fn announce(&self, notice: &Notice) -> Result<(), PortError> {
        let deployment = &notice.deployment;
        let state = self.registry.service(&deployment.service).await?;
        let service = state.as_ref().map(|state| &state.service);
        let team = service.map(|service| &service.manifest.team);
        let told = words::announcement(notice, &self.platform, team);
        if let Some(service) = service {
            let webhooks = service.manifest.notify.webhooks.iter();
            let parcels: Vec<String> = webhooks
                .filter(|webhook| webhook.on.contains(&notice.kind))
                .map(|webhook| Parcel {
                    id: notice.id(),
                    service: deployment.service.clone(),
                    uid: service.uid,
                    url: webhook.url.clone(),
                    body: told.json.clone(),
                })
                .filter_map(|parcel| serde_json::to_string(&parcel).ok())
                .collect();
            if !parcels.is_empty() {
                self.queue.hand_over(&parcels).await?;
            }
        }
        self.topic.announce(&told).await?;
        tracing::info!(id = notice.id(), service = %deployment.service, "told");
        Ok(())
    }

    /// Posts a parcel; the message's id if it is to come again.
    async fn deliver<'a>(&self, message: &'a Message, now: Timestamp) -> Option<&'a str> {
        let parcel = &message.parcel;
        let (id, host, tries) = (&parcel.id, parcel.url.host(), message.tries);
        match self.post(parcel, now).await {
            Ok(Verdict::Taken) => {
                tracing::info!(id, host, tries, "posted");
                return None;
            }
            Ok(Verdict::Unwanted) => {
                tracing::warn!(id, host, tries, "the receiver wants no more (410)");
                return None;
            }
            Ok(Verdict::Again) => {}
            Err(error) => {
                tracing::error!(error = chain(&error), id, "a parcel cannot be signed");
            }
        }
        // Where this fails the message comes again all the same, a little sooner.
        if let Err(error) = self.queue.put_back(&message.handle, rest(tries)).await {
            tracing::warn!(
                error = chain(&error),
                id,
                "a parcel does not rest as it should"
            );
        }
        Some(&message.id)
    }

    async fn post(&self, parcel: &Parcel, now: Timestamp) -> Result<Verdict, PortError> {
        let fresh = NotifySecret::new(parcel.uid, &(self.chance)());
        let key = self.keys.notify_secret(&parcel.service, &fresh).await?;
        let headers = match headers(key.valid(now), &parcel.id, now, &parcel.body) {
            Ok(headers) => headers,
            Err(error) => {
                tracing::error!(error = chain(&error), service = %parcel.service, "bad key");
                return Ok(Verdict::Again);
            }
        };
        let posting = Posting {
            url: parcel.url.clone(),
            headers,
            body: parcel.body.clone(),
        };
        let answer = self.poster.post(&posting).await;
        let verdict = verdict(&answer);
        if verdict == Verdict::Again {
            // The path is left out: some receivers take theirs for a secret.
            let host = parcel.url.host();
            match answer {
                Ok(status) => tracing::warn!(id = parcel.id, host, status, "not taken"),
                Err(error) => tracing::warn!(id = parcel.id, host, %error, "not taken"),
            }
        }
        Ok(verdict)
    }
}

/// What is to come again, as Lambda reads it.
fn failures<'a>(ids: impl IntoIterator<Item = &'a str>) -> Value {
    let ids = ids.into_iter().map(|id| json!({"itemIdentifier": id}));
    json!({"batchItemFailures": ids.collect::<Vec<_>>()})
}
