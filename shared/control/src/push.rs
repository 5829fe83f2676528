//! What somebody pushed, and what that starts: a deployment, or the end of a wait.
//!
//! # Guarantees
//! A delivery's id is written in the transaction of the deployment that it causes: told a hundred
//! times, it causes one. Of many deliveries at once each makes a generation of its own; the newest
//! is what runs, and the ones between end superseded.
//!
//! A commit that meets another one is [`ServiceError::Contended`]: nothing was written, and the
//! caller, who has a clock, tries again.

use jiff::{SignedDuration, Timestamp};
use slipway_domain::{
    Artifact, Cause, Deployment, EnvironmentName, Evidence, Image, Outcome, Platform, Scope,
    ServiceName, Step, Trigger,
};

use crate::Stamp;
use crate::change::{self, Request};
use crate::error::{CommitError, ServiceError};
use crate::ports::{ChangeWriter, HistoryReader, RepositoryReader, ServiceReader};
use crate::record::{Seen, ServiceState, Verdict};
use crate::services::{no_environment, nothing_to_deploy, takes_another};
use crate::view::DeploymentStarted;

/// How long a delivery is remembered: longer than any sender goes on to repeat one (GitHub keeps
/// them for redelivery for three days).
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// For how long deliveries overtake each other. Behind that the order of commits' dates counts for
/// nothing: they are the committers' own clocks.
const OVERTAKES: SignedDuration = SignedDuration::from_mins(10);
/// How much a commit's date may be ahead.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(1);

/// How many deployments are looked through for one of somebody's choice.
const LOOKED_THROUGH: usize = 20;

/// Starts deployments of what was pushed.
#[derive(Debug, Clone)]
pub struct Pushes<R> {
    /// The registry.
    pub registry: R,
    /// The platform.
    pub platform: Platform,
}

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The image that is to run.
    pub image: Image,
    /// For how long the deployment waits for that image, where it may not be there yet.
    pub wait: Option<SignedDuration>,
    /// What told of it.
    pub trigger: Trigger,
    /// What tells this delivery from others, and is the same when it comes again.
    pub once: String,
    /// Whether older commits count, too: a branch was set back on purpose.
    pub forced: bool,
}

/// What became of a push.
#[derive(Debug, Clone, PartialEq)]
pub enum Pushed {
    /// A deployment began.
    Started(Box<DeploymentStarted>),
    /// The same delivery began this deployment before.
    Before(Box<DeploymentStarted>),
    /// Nothing began: why, for people.
    Ignored(String),
}

/// An image that was pushed to the service's own repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedImage {
    /// Its tag.
    pub tag: String,
    /// Its digest.
    pub digest: String,
    /// When it was pushed.
    pub pushed_at: Timestamp,
}

impl<R> Pushes<R>
where
    R: ServiceReader + HistoryReader + ChangeWriter,
{
    /// The service, for its manifest and its incarnation; one call. Nothing for one that is not
    /// there or is being deleted.
    pub async fn service(&self, name: &ServiceName) -> Result<Option<ServiceState>, ServiceError> {
        let state = self.registry.service(name).await?;
        Ok(state.filter(|state| !state.service.deleting))
    }

    /// Starts a deployment of what was pushed, of the service as it was read. Two calls of the
    /// registry at most.
    ///
    /// # Errors
    /// [`ServiceError::Contended`]: the service changed since it was read; read it again and
    /// repeat.
    pub async fn deploy(
        &self,
        state: &ServiceState,
        environment: &EnvironmentName,
        push: &Push,
        stamp: Stamp,
    ) -> Result<Pushed, ServiceError> {
        let name = state.service.name().clone();
        let superseded = self
            .is_superseded(state, environment, push, stamp.now)
            .await?;
        let manifest = state.service.manifest.clone();
        if !manifest.settings.kind.has_repository() {
            return Err(nothing_to_deploy(&name));
        }
        let default = &self.platform.environment;
        let Some(effective) = manifest.effective(environment, default) else {
            return Err(no_environment(&name, environment));
        };
        let artifact = Artifact::Image(push.image.clone());
        if !effective.settings.takes(&artifact) {
            return Err(takes_another(&effective, &artifact));
        }
        let mut wanted = manifest.clone();
        wanted.set_artifact(environment, default, artifact);
        wanted.check_on(&self.platform)?;
        let trigger = &push.trigger;
        let request = Request {
            actor: match &trigger.sender {
                Some(sender) => format!("{}:{sender}", trigger.provider),
                None => trigger.provider.clone(),
            },
            stamp,
            action: "push",
            cause: cause_of(trigger),
        };
        if let Some(why) = superseded {
            let change = change::replace(state, manifest, None, &self.platform, &request);
            return self.record(change, environment, push, why, stamp).await;
        }
        let mut change =
            change::replace(state, wanted, Some(environment), &self.platform, &request);
        let begun = change
            .deployments
            .iter_mut()
            .find(|it| it.environment == *environment);
        let Some(deployment) = begun else {
            return Err(no_environment(&name, environment));
        };
        deployment.trigger = Some(trigger.clone());
        deployment.waits_until = push.wait.map(|wait| stamp.now + wait);
        let started = DeploymentStarted {
            generation: change.service.generation,
            deployment: deployment.clone(),
        };
        change.seen = Some(seen(push, environment, &started, stamp.now));
        self.commit(&change, Pushed::Started(Box::new(started)))
            .await
    }

    /// Writes down a push that came too late: nothing changes, and it is not lost either.
    async fn record(
        &self,
        mut change: change::Change,
        environment: &EnvironmentName,
        push: &Push,
        why: String,
        stamp: Stamp,
    ) -> Result<Pushed, ServiceError> {
        let deployment = Deployment {
            id: stamp.deployment(0),
            service: change.service.name().clone(),
            environment: environment.clone(),
            generation: change.service.generation,
            cause: cause_of(&push.trigger),
            actor: change.audit.actor.clone(),
            artifact: Artifact::Image(push.image.clone()),
            trigger: Some(push.trigger.clone()),
            waits_until: None,
            created_at: stamp.now,
            steps: vec![Step {
                name: why.clone(),
                at: stamp.now,
            }],
            evidence: Evidence::default(),
            outcome: Some(Outcome::Superseded { at: stamp.now }),
        };
        let recorded = DeploymentStarted {
            generation: change.service.generation,
            deployment: deployment.clone(),
        };
        change.seen = Some(seen(push, environment, &recorded, stamp.now));
        change.deployments.push(deployment);
        self.commit(&change, Pushed::Ignored(why)).await
    }

    async fn commit(&self, change: &change::Change, done: Pushed) -> Result<Pushed, ServiceError> {
        let name = change.service.name().clone();
        match self.registry.commit(change).await {
            Ok(()) => Ok(done),
            Err(CommitError::Seen(seen)) => Ok(match serde_json::from_value(seen.response) {
                Ok(started) => Pushed::Before(Box::new(started)),
                Err(_) => Pushed::Ignored("this delivery was seen before".to_owned()),
            }),
            Err(CommitError::Contended | CommitError::Moved) => Err(ServiceError::Contended(name)),
            Err(CommitError::PathTaken { path, owner }) => Err(ServiceError::PathTaken {
                pointer: String::new(),
                path,
                owner,
            }),
            Err(CommitError::Port(error)) => Err(error.into()),
        }
    }

    /// Whether a newer commit of the same branch or tag came before: deliveries overtake each
    /// other.
    async fn is_superseded(
        &self,
        state: &ServiceState,
        environment: &EnvironmentName,
        push: &Push,
        now: Timestamp,
    ) -> Result<Option<String>, ServiceError> {
        let (Some(ours), false) = (push.trigger.committed_at, push.forced) else {
            return Ok(None);
        };
        let own = push.trigger.provider == OWN_REPOSITORY;
        let stack = state.stacks.get(&Scope::Environment(environment.clone()));
        let Some(newest) = stack.and_then(|stack| stack.deployment) else {
            return Ok(None);
        };
        let name = state.service.name();
        let newest = self.registry.deployment(name, environment, newest).await?;
        let Some(newest) = newest else {
            return Ok(None);
        };
        let recent = newest.created_at + OVERTAKES > now;
        Ok(match newest.trigger {
            Some(former) => {
                let same = if own {
                    former.provider == OWN_REPOSITORY
                } else {
                    recent
                        && former.provider == push.trigger.provider
                        && former.reference == push.trigger.reference
                };
                let newer = former.committed_at.is_some_and(|theirs| {
                    // A committer's clock may be wrong; a commit of tomorrow says nothing.
                    theirs > ours && theirs <= now + CLOCKS_DIFFER
                });
                let other = former.delivery != push.trigger.delivery;
                (same && newer && other).then(|| {
                    let what = former.commit.or(former.reference).unwrap_or_default();
                    format!("the newer commit {what} was pushed before")
                })
            }
            // Whoever deployed since did so on purpose.
            None if newest.cause == Cause::Rotation => None,
            None => (own && newest.created_at > ours)
                .then(|| "something else was deployed since".to_owned()),
        })
    }

    /// What an image that was pushed to the service's own repository starts: the stacks that
    /// waited for it and are to look now, and the environments that deploy it.
    pub fn image_pushed(&self, state: &ServiceState, pushed: &PushedImage) -> Starts {
        let mut starts = Starts::default();
        // Our own tags mark what is there already.
        if pushed
            .tag
            .starts_with(slipway_synth::names::KEPT_TAG_PREFIX)
        {
            return starts;
        }
        let Some(image) = self.own_image(state, pushed) else {
            return starts;
        };
        let manifest = &state.service.manifest;
        for environment in manifest.environments(&self.platform.environment) {
            let Some(effective) = manifest.effective(&environment, &self.platform.environment)
            else {
                continue;
            };
            let scope = Scope::Environment(environment.clone());
            let stack = state.stacks.get(&scope);
            let awaits = stack.is_some_and(|stack| {
                matches!(stack.verdict(), Some(Verdict::Awaits { .. }) | None)
            });
            match &effective.settings.image {
                Some(wanted)
                    if awaits
                        && wanted.repository() == image.repository()
                        && wanted.tag() == image.tag() =>
                {
                    starts.wake.push(scope);
                }
                // It runs already, or is on its way.
                Some(wanted) if wanted.digest() == image.digest() => {}
                Some(_) if effective.settings.triggers.follows(&pushed.tag) => {
                    starts.deploy.push((environment, image.clone()));
                }
                None if !effective.settings.takes_archive() => {
                    starts.deploy.push((environment, image.clone()));
                }
                Some(_) | None => {}
            }
        }
        starts
    }

    /// The same for what was pushed and nobody told of: the newest image of each followed tag, if
    /// it is newer than what was deployed last. One call for each environment that follows one.
    pub async fn catch_up(
        &self,
        state: &ServiceState,
        repositories: &impl RepositoryReader,
    ) -> Result<Vec<(EnvironmentName, PushedImage)>, ServiceError> {
        let mut missed = Vec::new();
        let name = state.service.name();
        let repository = slipway_synth::names::repository(&self.platform, name);
        let manifest = &state.service.manifest;
        for environment in manifest.environments(&self.platform.environment) {
            let effective = manifest.effective(&environment, &self.platform.environment);
            let Some(pattern) = effective
                .as_ref()
                .and_then(|it| it.settings.triggers.follow.as_deref())
            else {
                continue;
            };
            let Some(pushed) = repositories.newest(&repository, pattern).await? else {
                continue;
            };
            let running = effective.as_ref().and_then(|it| it.settings.image.as_ref());
            if running.and_then(Image::digest) == Some(&pushed.digest) {
                continue;
            }
            let page = self
                .registry
                .deployments(name, &environment, None, LOOKED_THROUGH)
                .await?;
            // Who chose an image since, or went back to one, is not overruled.
            let chose = page.items.iter().find(|it| {
                let chosen = match it.cause {
                    Cause::Deploy | Cause::Rollback | Cause::Push | Cause::Webhook => true,
                    Cause::Api
                    | Cause::Redeploy
                    | Cause::Rotation
                    | Cause::Heal
                    | Cause::Upgrade => false,
                };
                chosen && !matches!(it.outcome, Some(Outcome::Superseded { .. }))
            });
            let is_news = chose.is_none_or(|it| it.created_at < pushed.pushed_at);
            if is_news {
                missed.push((environment, pushed));
            }
        }
        Ok(missed)
    }

    /// The image of the service's own repository, by tag and digest.
    pub fn own_image(&self, state: &ServiceState, pushed: &PushedImage) -> Option<Image> {
        let uri = own_repository(&self.platform, state.service.name());
        format!("{uri}:{}@{}", pushed.tag, pushed.digest)
            .parse()
            .ok()
    }
}

/// What a push to the service's own repository is told by.
pub const OWN_REPOSITORY: &str = "ecr";

/// Where a service's own images are pushed.
pub fn own_repository(platform: &Platform, service: &ServiceName) -> String {
    let suffix = if platform.partition == "aws-cn" {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!(
        "{}.dkr.ecr.{}.{suffix}/{}",
        platform.account,
        platform.region,
        slipway_synth::names::repository(platform, service)
    )
}

/// What an image that was pushed starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Starts {
    /// The stacks that waited for it, and are to look.
    pub wake: Vec<Scope>,
    /// The environments that deploy it.
    pub deploy: Vec<(EnvironmentName, Image)>,
}

fn cause_of(trigger: &Trigger) -> Cause {
    if trigger.provider == OWN_REPOSITORY {
        Cause::Push
    } else {
        Cause::Webhook
    }
}

/// The delivery, remembered. No idempotency key of a caller has a slash in it.
fn seen(
    push: &Push,
    environment: &EnvironmentName,
    started: &DeploymentStarted,
    now: Timestamp,
) -> Seen {
    let key = format!("{}/{environment}/{}", push.trigger.provider, push.once);
    Seen {
        request: slipway_synth::sha256(key.as_bytes()),
        key,
        response: serde_json::to_value(started).unwrap_or_default(),
        expires_at: now + REMEMBERED,
    }
}

#[cfg(test)]
mod tests;
