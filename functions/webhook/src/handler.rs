//! From an event to what it starts.
//!
//! A delivery costs as little as can be before its sender is known: what is not of the sender's
//! form is refused without a call, then the service is read, then the secrets, which are
//! remembered. The deployment is decided on what was read, and committed under it; who was
//! overtaken reads again, for as long as a sender waits.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use slipway_control::Stamp;
use slipway_control::error::ServiceError;
use slipway_control::ports::{
    ChangeWriter, HistoryReader, HookReader, PipelineStarter, Provider, RepositoryReader,
    ServiceReader, Waker,
};
use slipway_control::push::{OWN_REPOSITORY, Push, Pushed, PushedImage, Pushes, own_repository};
use slipway_control::record::ServiceState;
use slipway_domain::{EnvironmentName, Image, ServiceName, Trigger};
use slipway_lambda::telemetry::chain;

use crate::answer::Answer;
use crate::hooks::HookMemory;
use crate::meaning::{self, Meaning, Situation, means};
use crate::payload::{Delivery, Told, delivery_of, provider_of, told};
use crate::pushes::EcrPush;
use crate::request::{Request, Unreadable};
use crate::verify::{Refused, verify};

/// How long a commit that meets others is tried again. Senders wait ten seconds for an answer.
const LONGEST: SignedDuration = SignedDuration::from_secs(8);
/// The longest rest between two tries, in milliseconds.
const REST: u64 = 400;
/// How many services are read in one page of the listing.
const PAGE: usize = 100;
/// How many services' digests are compared at the same time: hundreds within the minute that the
/// function has.
const AT_ONCE: usize = 8;

/// Starts deployments of what is pushed.
#[derive(Debug)]
pub struct Handler<R, H, I, W, P> {
    /// The use case.
    pub pushes: Pushes<R>,
    /// The secrets of webhooks.
    pub hooks: HookMemory<H>,
    /// The services' own repositories.
    pub repositories: I,
    /// What wakes the reconciler.
    pub waker: W,
    /// The services' pipelines.
    pub pipelines: P,
}

/// Who a delivery is for.
struct Target {
    service: ServiceName,
    environment: EnvironmentName,
    provider: Provider,
}

/// What a delivery starts.
enum Starts {
    /// A deployment.
    Deployment(Push),
    /// A run of the service's pipeline.
    Pipeline(Trigger),
    /// Nothing: why, for people.
    Nothing(String),
}

impl<R, H, I, W, P> Handler<R, H, I, W, P>
where
    R: ServiceReader + HistoryReader + ChangeWriter,
    H: HookReader,
    I: RepositoryReader,
    W: Waker,
    P: PipelineStarter,
{
    /// Handles one event: a webhook's request, a push that ECR tells of, or the schedule. The
    /// answer to a request is API Gateway's. `stamp` gives the time, and an id that is new each
    /// time.
    ///
    /// # Errors
    /// What no sender waits for failed; the event comes again.
    pub async fn handle(
        &self,
        event: Value,
        stamp: impl Fn() -> Stamp,
    ) -> Result<Value, ServiceError> {
        if Request::is_one(&event) {
            let answer = match Request::read(&event) {
                Ok(request) => Box::pin(self.webhook(&request, &stamp)).await,
                Err(Unreadable::TooLarge) => Answer::too_large(),
                Err(Unreadable::Form) => Answer::unauthorized(),
            };
            return Ok(answer.into_value());
        }
        if event["source"] == "slipway.digests" {
            Box::pin(self.catch_up(&stamp)).await?;
        } else if let Some(push) = EcrPush::read(&event, &self.pushes.platform) {
            Box::pin(self.image_pushed(&push, &stamp)).await?;
        } else {
            tracing::info!("an event that tells of no image that could be deployed");
        }
        Ok(Value::Null)
    }

    /// Answers a webhook's request.
    async fn webhook(&self, request: &Request, stamp: &impl Fn() -> Stamp) -> Answer {
        let Some(target) = self.target(request) else {
            return Answer::unauthorized();
        };
        match self.verified(&target, request, stamp().now).await {
            Ok(Ok(state)) => self.deliver(&target, request, state, stamp).await,
            Ok(Err(refused)) => {
                let provider = target.provider.name();
                tracing::warn!(service = %target.service, provider, reason = %refused, "refused");
                Answer::unauthorized()
            }
            Err(error) => Answer::refused(&error),
        }
    }

    /// Who a request is for and from, if it could be.
    fn target(&self, request: &Request) -> Option<Target> {
        let (service, environment) = match request.target.as_slice() {
            [service] => (service, self.pushes.platform.environment.clone()),
            [service, environment] => (service, environment.parse().ok()?),
            _ => return None,
        };
        Some(Target {
            service: service.parse().ok()?,
            environment,
            provider: provider_of(request)?,
        })
    }

    /// The service, if the request comes from who knows a secret of its webhook.
    async fn verified(
        &self,
        target: &Target,
        request: &Request,
        now: Timestamp,
    ) -> Result<Result<ServiceState, Refused>, ServiceError> {
        let proof = |secrets: &[&str]| verify(target.provider, request, secrets, now);
        // What no secret could fit costs no call.
        if let Err(refused) = proof(&[])
            && refused != Refused::Mismatch
        {
            return Ok(Err(refused));
        }
        let Some(state) = self.pushes.service(&target.service).await? else {
            return Ok(Err(Refused::Mismatch));
        };
        let service = (&target.service, state.service.uid);
        let verdict = self.hooks.verified(service, target.provider, now, proof);
        Ok(verdict.await?.map(|()| state))
    }

    /// Does what a request that was verified means.
    async fn deliver(
        &self,
        target: &Target,
        request: &Request,
        state: ServiceState,
        stamp: &impl Fn() -> Stamp,
    ) -> Answer {
        let told = told(target.provider, request);
        let delivery = delivery_of(target.provider, request);
        let decide = |state: &ServiceState| {
            Ok(match self.starts(target, &told, &delivery, state)? {
                Starts::Deployment(push) => Ok(push),
                Starts::Nothing(why) => Err(why),
                Starts::Pipeline(_) => Err("`triggers.push` has just become `pipeline`".to_owned()),
            })
        };
        if let Ok(Starts::Pipeline(trigger)) = self.starts(target, &told, &delivery, &state) {
            return self.start_pipeline(target, &trigger).await;
        }
        let done = self.deploy(state, &target.environment, decide, stamp).await;
        let provider = target.provider.name();
        match done {
            Ok(Pushed::Started(started)) => {
                let deployment = started.deployment.id;
                tracing::info!(service = %target.service, provider, %deployment, "a delivery began a deployment");
                Answer::json(StatusCode::ACCEPTED, &started)
            }
            Ok(Pushed::Before(started)) => Answer::json(StatusCode::OK, &started),
            Ok(Pushed::Ignored(why)) => {
                tracing::info!(service = %target.service, provider, why, "a delivery started nothing");
                Answer::ignored(&why)
            }
            Err(error) => Answer::refused(&error),
        }
    }

    /// What a delivery starts, as the service is.
    fn starts(
        &self,
        target: &Target,
        told: &Told,
        delivery: &Delivery,
        state: &ServiceState,
    ) -> Result<Starts, ServiceError> {
        let platform = &self.pushes.platform;
        let manifest = &state.service.manifest;
        let effective = manifest.effective(&target.environment, &platform.environment);
        let Some(effective) = effective else {
            let (service, environment) = (&target.service, &target.environment);
            let words = format!("`{service}` has no environment `{environment}`");
            return Err(ServiceError::NoPart(words));
        };
        let situation = Situation {
            triggers: &effective.settings.triggers,
            own: &own_repository(platform, &target.service),
            image: effective.settings.image.as_ref(),
        };
        let trigger = |cause| Trigger {
            provider: target.provider.name().to_owned(),
            delivery: delivery.id.clone(),
            ..meaning::trigger(cause)
        };
        Ok(match means(told, &situation) {
            Meaning::Deploy { .. } if effective.settings.takes_archive() => {
                Starts::Nothing("it is a function from an archive, and runs no image".to_owned())
            }
            Meaning::Deploy {
                image,
                waits,
                cause,
            } => Starts::Deployment(Push {
                image,
                wait: waits.map(|minutes| SignedDuration::from_mins(minutes.into())),
                trigger: trigger(cause),
                once: delivery.once.clone(),
                forced: cause.is_forced(),
            }),
            Meaning::Pipeline(push) => Starts::Pipeline(trigger(meaning::Pushed::Code(push))),
            Meaning::Ignore(why) => Starts::Nothing(why),
        })
    }

    async fn start_pipeline(&self, target: &Target, trigger: &Trigger) -> Answer {
        let (service, environment) = (&target.service, &target.environment);
        match self.pipelines.start(service, environment, trigger).await {
            Ok(Some(run)) => {
                tracing::info!(%service, %environment, run, "a delivery started the pipeline");
                Answer::json(StatusCode::ACCEPTED, &json!({"pipeline": run}))
            }
            Ok(None) => Answer::ignored(
                "`triggers.push` is `pipeline`, and this platform has no pipelines yet",
            ),
            Err(error) => Answer::failed(&error),
        }
    }

    /// Starts the deployment that is decided on what is read of the service, and decides anew
    /// where another change came before: until one is through, or time is over.
    async fn deploy(
        &self,
        mut state: ServiceState,
        environment: &EnvironmentName,
        decide: impl Fn(&ServiceState) -> Result<Result<Push, String>, ServiceError>,
        stamp: &impl Fn() -> Stamp,
    ) -> Result<Pushed, ServiceError> {
        let until = stamp().now + LONGEST;
        let mut attempt = 0;
        loop {
            let push = match decide(&state)? {
                Ok(push) => push,
                Err(why) => return Ok(Pushed::Ignored(why)),
            };
            let stamp = stamp();
            let name = state.service.name().clone();
            match self.pushes.deploy(&state, environment, &push, stamp).await {
                Err(ServiceError::Contended(_)) if stamp.now < until => {}
                other => return other,
            }
            tokio::time::sleep(rest(attempt, stamp)).await;
            let Some(read) = self.pushes.service(&name).await? else {
                return Err(ServiceError::NoService(name));
            };
            state = read;
            attempt += 1;
        }
    }

    /// Does what an image starts that ECR tells of.
    async fn image_pushed(
        &self,
        push: &EcrPush,
        stamp: &impl Fn() -> Stamp,
    ) -> Result<(), ServiceError> {
        let Some(state) = self.pushes.service(&push.service).await? else {
            return Ok(());
        };
        let starts = self.pushes.image_pushed(&state, &push.image);
        tracing::info!(
            service = %push.service,
            tag = push.image.tag,
            woken = starts.wake.len(),
            begun = starts.deploy.len(),
            "an image was pushed"
        );
        for scope in &starts.wake {
            self.waker
                .wake(&push.service, scope, Duration::ZERO)
                .await?;
        }
        for (environment, _) in &starts.deploy {
            let again = |state: &ServiceState| {
                let starts = self.pushes.image_pushed(state, &push.image);
                let wanted = starts.deploy.into_iter().find(|(it, _)| it == environment);
                Ok(wanted
                    .map(|(_, image)| own_push(image, &push.image, &push.delivery))
                    .ok_or_else(|| "it is deployed already".to_owned()))
            };
            self.deploy(state.clone(), environment, again, stamp)
                .await?;
        }
        Ok(())
    }

    /// Deploys what was pushed under followed tags and nobody told of. A service that fails keeps
    /// no other from its turn.
    async fn catch_up(&self, stamp: &impl Fn() -> Stamp) -> Result<(), ServiceError> {
        let mut first = Ok(());
        let mut after = None;
        loop {
            let registry = &self.pushes.registry;
            let page = registry.services(None, after.as_deref(), PAGE).await?;
            let following = page.items.iter().filter(|it| it.follows && !it.deleting);
            let compared = following.map(async |service| {
                let done = self.catch_up_with(&service.name, stamp).await;
                if let Err(error) = &done {
                    let error = chain(error);
                    tracing::error!(error, service = %service.name, "its digests were not compared");
                }
                done
            });
            let compared: Vec<_> = stream::iter(compared)
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            for done in compared {
                // What a team's own manifest is refused for is no failure of the platform.
                let passes = matches!(
                    done,
                    Err(ServiceError::Port(_) | ServiceError::Contended(_))
                );
                if passes {
                    first = first.and(done);
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return first,
            }
        }
    }

    async fn catch_up_with(
        &self,
        service: &ServiceName,
        stamp: &impl Fn() -> Stamp,
    ) -> Result<(), ServiceError> {
        let Some(state) = self.pushes.service(service).await? else {
            return Ok(());
        };
        let missed = self.pushes.catch_up(&state, &self.repositories).await?;
        for (environment, pushed) in missed {
            tracing::warn!(%service, tag = pushed.tag, "nobody told of an image");
            let deploy = |state: &ServiceState| {
                let image = self.pushes.own_image(state, &pushed);
                // What was pushed once more under the same tag is another push.
                let delivery = format!("{}/{}", pushed.pushed_at, pushed.digest);
                Ok(image
                    .map(|image| own_push(image, &pushed, &delivery))
                    .ok_or_else(|| "the image's name cannot be read".to_owned()))
            };
            self.deploy(state.clone(), &environment, deploy, stamp)
                .await?;
        }
        Ok(())
    }
}

/// What a push to the service's own repository is.
fn own_push(image: Image, pushed: &PushedImage, delivery: &str) -> Push {
    Push {
        image,
        wait: None,
        once: delivery.to_owned(),
        trigger: Trigger {
            provider: OWN_REPOSITORY.to_owned(),
            delivery: delivery.to_owned(),
            reference: Some(pushed.tag.clone()),
            commit: None,
            // Events overtake each other: of two images under one tag the later one counts.
            committed_at: Some(pushed.pushed_at),
            title: None,
            sender: None,
        },
        forced: false,
    }
}

/// How long to rest after a try that met another change: longer each time, and for everybody
/// another time, by chance of their ids.
fn rest(attempt: u32, stamp: Stamp) -> Duration {
    let longest = REST.min(25 << attempt.min(10));
    let chance = u64::try_from(stamp.id.random() & 0xffff).unwrap_or(0);
    Duration::from_millis(longest * chance / 0xffff)
}
