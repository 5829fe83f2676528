//! What callers of a service reach while it sleeps: they wake it, and are told when to come back.
//!
//! The service's load balancer calls ([`request`]). Of the request only its target group says whom
//! it is for; waking is a use case of `shared/control` ([`Wakers`]). What the caller gets is pure
//! ([`answer`]): 503 with `Retry-After` at once, or, where the manifest says `hold`, a wait and
//! then 307 to the same address.

pub mod answer;
pub mod request;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use slipway_control::error::PortError;
use slipway_control::ports::{LiveReader, Owner, ScalerRegistry, TaskWriter, WakeRules};
use slipway_control::scaler::{Wakers, Woken};
use slipway_domain::scaling::WakeAnswer;
use slipway_lambda::telemetry::chain;
use tracing::{error, info, warn};

use crate::answer::Answer;
use crate::request::Request;

/// How long a caller is kept waiting: the HTTP API waits 30 seconds.
const HOLD: SignedDuration = SignedDuration::from_secs(25);
/// How often it is looked meanwhile whether a task answers.
const LOOK: Duration = Duration::from_secs(2);
/// The most target groups whose owners are remembered.
const REMEMBERED: usize = 1000;

/// Answers callers of services that sleep.
#[derive(Debug)]
pub struct Handler<R, T> {
    wakers: Wakers<R, T>,
    /// Whose target groups are: that never changes.
    owners: Mutex<HashMap<String, Owner>>,
}

impl<R, T> Handler<R, T>
where
    R: ScalerRegistry,
    T: LiveReader + TaskWriter + WakeRules,
{
    /// Over what wakes.
    pub fn new(wakers: Wakers<R, T>) -> Self {
        Self {
            wakers,
            owners: Mutex::default(),
        }
    }

    /// Answers a request of a load balancer, in the form that it wants.
    pub async fn handle(
        &self,
        event: &Value,
        now: impl Fn() -> Timestamp,
        pause: impl AsyncFn(Duration),
    ) -> Value {
        let Some(request) = Request::read(event) else {
            warn!("an event that no load balancer sends");
            return answer::not_found().to_json(false);
        };
        let answer = match self.wake(&request, now, pause).await {
            Ok(answer) => answer,
            Err(error) => {
                error!(error = chain(&error), "a caller is to come again");
                answer::later(&request, "the service")
            }
        };
        answer.to_json(request.has_many_values)
    }

    async fn wake(
        &self,
        request: &Request,
        now: impl Fn() -> Timestamp,
        pause: impl AsyncFn(Duration),
    ) -> Result<Answer, PortError> {
        let Some(owner) = self.owner(&request.target_group).await? else {
            warn!(group = request.target_group, "nobody's target group");
            return Ok(answer::not_found());
        };
        let (service, environment) = (&owner.service, &owner.environment);
        let until = now() + HOLD;
        loop {
            let moment = now();
            let woken = self.wakers.call(service, environment, moment).await?;
            info!(%service, %environment, ?woken, "called");
            match woken {
                Woken::Unknown => return Ok(answer::not_found()),
                Woken::Answers(WakeAnswer::Hold) => {
                    // The load balancer takes a moment to leave the rule out.
                    pause(LOOK).await;
                    return Ok(answer::again(request));
                }
                Woken::Answers(WakeAnswer::Retry) => {
                    return Ok(answer::soon(request, service.as_str()));
                }
                Woken::Starts(WakeAnswer::Hold) if moment + LOOK < until => pause(LOOK).await,
                Woken::Starts(_) => return Ok(answer::later(request, service.as_str())),
            }
        }
    }

    /// Whose target group it is, on this platform.
    async fn owner(&self, group: &str) -> Result<Option<Owner>, PortError> {
        let known = {
            let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
            owners.get(group).cloned()
        };
        if known.is_some() {
            return Ok(known);
        }
        let owner = self.wakers.tasks.owner(group).await?;
        let owner = owner.filter(|owner| owner.platform == self.wakers.platform.name);
        if let Some(owner) = &owner {
            let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
            if owners.len() >= REMEMBERED {
                owners.clear();
            }
            owners.insert(group.to_owned(), owner.clone());
        }
        Ok(owner)
    }
}
