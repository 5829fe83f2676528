//! Starting deployments: of an image, of the same once more, or back to what ran; and ending one.

use serde::{Serialize, Serializer};
use slipway_domain::{
    Artifact, Cause, Deployment, DeploymentId, EnvironmentName, Manifest, Problem, Problems, Scope,
    ServiceName,
};

use super::keys::{answer_of, remember};
use super::refuse::{alive, replay};
use super::write::{TRIES, request, with_key};
use super::{Caller, Services, no_environment, nothing_to_deploy, takes_another};
use crate::change;
use crate::error::{CommitError, ServiceError};
use crate::ports::{
    ChangeWriter, DeploymentSteerer, HistoryReader, LiveReader, RouteReader, ServiceReader,
};
use crate::preflight::Checks;
use crate::record::ServiceState;
use crate::view::{DeploymentStarted, PlanView};

/// How many deployments are looked through for one that succeeded.
const LOOKED_THROUGH: usize = 100;
/// The most pages of them: a thousand deployments.
const MOST_PAGES: usize = 10;

/// Steering deployments that move traffic.
impl<R, L, G, C> Services<R, L, G, C>
where
    R: ServiceReader + HistoryReader + ChangeWriter,
    L: LiveReader + DeploymentSteerer,
    G: RouteReader,
    C: Checks,
{
    /// Lets a deployment go on that waits to be promoted.
    ///
    /// # Errors
    /// [`ServiceError::DeploymentOver`], and [`ServiceError::NothingWaits`] when it does not wait.
    pub async fn promote(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
    ) -> Result<Deployment, ServiceError> {
        let deployment = self.deployment(name, environment, id).await?;
        let state = self.state(name).await?;
        let stack = state.stacks.get(&Scope::Environment(environment.clone()));
        let Some(stack) = stack.filter(|it| it.deployment == Some(id)) else {
            return Err(ServiceError::DeploymentOver(id));
        };
        if deployment.outcome.is_some() {
            return Err(ServiceError::DeploymentOver(id));
        }
        // What waits in ECS may be the deployment before: then this one was not begun yet.
        let scope = Scope::Environment(environment.clone());
        let template = self.render(&state, &scope)?;
        let operation = stack.progress.operation.as_ref();
        let is_at_work = operation.is_some_and(|it| {
            it.cancelled.is_none() && it.digest.as_deref() == Some(template.digest())
        });
        if !is_at_work {
            return Err(ServiceError::NothingWaits(id));
        }
        let output = |key| stack.status.outputs.get(key);
        let promoted = match (output("Cluster"), output("ServiceName")) {
            (Some(cluster), Some(service)) => self.live.promote(cluster, service).await?,
            _ => false,
        };
        if promoted {
            Ok(deployment)
        } else {
            Err(ServiceError::NothingWaits(id))
        }
    }
}

/// What an environment is brought back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Back {
    /// The last deployment before the newest that succeeded.
    LastGood,
    /// An older generation.
    Generation(u64),
}

/// What a deployment is to bring. As it is written, idempotency keys remember it.
#[derive(Debug, Clone, Copy, Serialize)]
enum Wish<'a> {
    /// What is there now.
    Same,
    /// What was there.
    Back(Back),
    /// What ran before this deployment.
    InsteadOf(DeploymentId),
    /// This image or archive.
    #[serde(untagged, serialize_with = "as_text")]
    Artifact(&'a Artifact),
}

/// The reference itself, which says what it is of.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference to the field"
)]
fn as_text<S: Serializer>(artifact: &&Artifact, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(artifact.as_str())
}

impl Wish<'_> {
    /// As the audit log says it, and as the deployment does.
    fn words(self) -> (&'static str, Cause) {
        match self {
            Self::Artifact(_) => ("deploy", Cause::Deploy),
            Self::Same => ("redeploy", Cause::Redeploy),
            Self::Back(_) => ("rollback", Cause::Rollback),
            Self::InsteadOf(_) => ("cancel", Cause::Rollback),
        }
    }
}

impl<R, L, G, C> Services<R, L, G, C>
where
    R: ServiceReader + HistoryReader + ChangeWriter,
    L: LiveReader,
    G: RouteReader,
    C: Checks,
{
    /// Starts a deployment of an image, or of a function's archive, in one environment.
    pub async fn deploy(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        artifact: &Artifact,
        caller: &Caller,
    ) -> Result<DeploymentStarted, ServiceError> {
        self.start(name, environment, Wish::Artifact(artifact), caller)
            .await
    }

    /// Starts a deployment of what an environment is already, with new tasks: its image's tag is
    /// looked up anew.
    pub async fn redeploy(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        caller: &Caller,
    ) -> Result<DeploymentStarted, ServiceError> {
        self.start(name, environment, Wish::Same, caller).await
    }

    /// Brings an environment back to what it was, in one call. Everything of it goes back: its
    /// image by the digest that ran, and its settings.
    ///
    /// # Errors
    /// [`ServiceError::NothingToGoBackTo`], and what the manifest of then is refused for now.
    pub async fn roll_back(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        back: Back,
        caller: &Caller,
    ) -> Result<DeploymentStarted, ServiceError> {
        self.start(name, environment, Wish::Back(back), caller)
            .await
    }

    /// What going back would change. Nothing is written.
    pub async fn plan_roll_back(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        back: Back,
    ) -> Result<PlanView, ServiceError> {
        let state = self.state(name).await?;
        alive(&state)?;
        let manifest = self.former(&state, environment, back).await?;
        self.plan_of(&manifest, Some(&state)).await
    }

    /// Ends a deployment that is under way: what ran before is brought back.
    ///
    /// # Errors
    /// [`ServiceError::DeploymentOver`], and [`ServiceError::NothingToGoBackTo`] when nothing ran
    /// before.
    pub async fn cancel(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
        caller: &Caller,
    ) -> Result<DeploymentStarted, ServiceError> {
        let deployment = self.deployment(name, environment, id).await?;
        if matches!(
            deployment.cause,
            Cause::Heal | Cause::Upgrade | Cause::Rotation
        ) {
            return Err(ServiceError::DeploymentOfOurs(id));
        }
        self.start(name, environment, Wish::InsteadOf(id), caller)
            .await
    }

    async fn start(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        wish: Wish<'_>,
        caller: &Caller,
    ) -> Result<DeploymentStarted, ServiceError> {
        let (action, cause) = wish.words();
        for attempt in 0..TRIES {
            let state = self.state(name).await?;
            alive(&state)?;
            if !state.service.manifest.settings.kind.has_repository() {
                return Err(nothing_to_deploy(name));
            }
            let key = (action, name, environment, wish);
            let manifest = match self.manifest(&state, environment, wish).await {
                Ok(manifest) => manifest,
                Err(error) => return self.answered(name, caller, &key, error).await,
            };
            let request = request(caller, action, cause);
            let platform = &self.platform;
            let change = change::replace(&state, manifest, Some(environment), platform, &request);
            let mut begun = change.deployments.iter();
            let Some(deployment) = begun.find(|it| it.environment == *environment) else {
                return Err(no_image(name, environment));
            };
            let started = DeploymentStarted {
                generation: change.service.generation,
                deployment: deployment.clone(),
            };
            let change = with_key(change, caller, &key, &started);
            let change = Box::pin(self.prepared(change, Some(&state), attempt)).await?;
            match self.registry.commit(&change).await {
                Ok(()) => return Ok(started),
                Err(CommitError::Contended | CommitError::Moved) => {}
                Err(error) => return replay(error, &change, name),
            }
        }
        Err(ServiceError::Contended(name.clone()))
    }

    /// What was answered when the same was asked for under the caller's key before, and `error`
    /// otherwise: once it is done, a wish may be one that cannot be fulfilled.
    async fn answered(
        &self,
        name: &ServiceName,
        caller: &Caller,
        request: &impl Serialize,
        error: ServiceError,
    ) -> Result<DeploymentStarted, ServiceError> {
        let Some(mine) = remember(caller, request, &()) else {
            return Err(error);
        };
        let earlier = self.registry.answered(name, &mine.key).await?;
        earlier
            .filter(|it| it.expires_at > caller.stamp.now)
            .and_then(|it| answer_of(&it, &mine.request))
            .ok_or(error)
    }

    async fn manifest(
        &self,
        state: &ServiceState,
        environment: &EnvironmentName,
        wish: Wish<'_>,
    ) -> Result<Manifest, ServiceError> {
        match wish {
            Wish::Artifact(artifact) => {
                let mut manifest = state.service.manifest.clone();
                let default = &self.platform.environment;
                let Some(effective) = manifest.effective(environment, default) else {
                    return Err(no_environment(state.service.name(), environment));
                };
                if !effective.settings.takes(artifact) {
                    return Err(takes_another(&effective, artifact));
                }
                manifest.set_artifact(environment, default, artifact.clone());
                manifest.check_on(&self.platform)?;
                Ok(manifest)
            }
            Wish::Same => Ok(state.service.manifest.clone()),
            Wish::Back(back) => self.former(state, environment, back).await,
            Wish::InsteadOf(id) => {
                let found = self
                    .deployment(state.service.name(), environment, id)
                    .await?;
                let ended = found.outcome.is_some();
                let stack = state.stacks.get(&Scope::Environment(environment.clone()));
                let is_newest = stack.is_some_and(|stack| stack.deployment == Some(id));
                if ended || !is_newest {
                    return Err(ServiceError::DeploymentOver(id));
                }
                self.former(state, environment, Back::LastGood).await
            }
        }
    }

    /// The service's manifest with the environment brought back.
    async fn former(
        &self,
        state: &ServiceState,
        environment: &EnvironmentName,
        back: Back,
    ) -> Result<Manifest, ServiceError> {
        let default = &self.platform.environment;
        let (generation, ran) = self.target(state, environment, back).await?;
        let name = state.service.name();
        let cursor = format!("{:012}", generation + 1);
        let page = self.registry.generations(name, Some(&cursor), 1).await?;
        let found = page
            .items
            .into_iter()
            .find(|it| it.generation == generation);
        let record = found.ok_or_else(|| {
            ServiceError::NoPart(format!("`{name}` has no generation {generation}"))
        })?;
        let mut former = record
            .manifest
            .effective(environment, default)
            .ok_or_else(|| {
                ServiceError::NoPart(format!(
                    "`{name}` had no environment `{environment}` at generation {generation}"
                ))
            })?;
        // What ran, where that is what the manifest of then names.
        let Some(named) = former.settings.artifact() else {
            return Err(no_image(name, environment));
        };
        if let Some(ran) = ran.filter(|ran| ran.is_of(&named)) {
            former.settings.set_artifact(ran);
        }
        let mut manifest = state.service.manifest.clone();
        manifest
            .bring_back(environment, default, &former)
            .map_err(|pointers| {
                ServiceError::Invalid(Problems {
                    problems: pointers
                        .into_iter()
                        .map(|pointer| {
                            let detail = format!("came after generation {generation} and is shared by all environments; take it away there, or go back by changing the manifest");
                            Problem::new(pointer, detail)
                        })
                        .collect(),
                    schema: false,
                })
            })?;
        manifest.check_on(&self.platform)?;
        Ok(manifest)
    }

    /// The generation to go back to, and what it ran, pinned where that is known.
    async fn target(
        &self,
        state: &ServiceState,
        environment: &EnvironmentName,
        back: Back,
    ) -> Result<(u64, Option<Artifact>), ServiceError> {
        let good = self.last_good(state, environment, back).await?;
        match back {
            Back::Generation(generation) => Ok((generation, good.map(|it| it.artifact))),
            Back::LastGood => {
                let found = good.ok_or_else(|| ServiceError::NothingToGoBackTo {
                    service: state.service.name().clone(),
                    environment: environment.clone(),
                })?;
                Ok((found.generation, Some(found.artifact)))
            }
        }
    }

    /// The newest deployment that succeeded of those that are gone back to. One call for each
    /// [`LOOKED_THROUGH`] deployments since, and at most [`MOST_PAGES`].
    async fn last_good(
        &self,
        state: &ServiceState,
        environment: &EnvironmentName,
        back: Back,
    ) -> Result<Option<Deployment>, ServiceError> {
        let name = state.service.name();
        let stack = state.stacks.get(&Scope::Environment(environment.clone()));
        let newest = stack.and_then(|stack| stack.deployment);
        let mut after = None;
        // The newest wish is what is gone back from.
        let mut is_behind_newest = false;
        for _ in 0..MOST_PAGES {
            let page = self
                .registry
                .deployments(name, environment, after.as_deref(), LOOKED_THROUGH)
                .await?;
            for it in page.items {
                // Deployments outlive a service; those of an earlier life are another's.
                if it.created_at < state.service.created_at {
                    return Ok(None);
                }
                // What was only written down is behind the newest that began.
                if Some(it.id) > newest {
                    continue;
                }
                let is_meant = match back {
                    Back::Generation(generation) => it.generation <= generation,
                    // What the control plane began by itself brings what was wished for before it.
                    Back::LastGood => {
                        let by_itself =
                            matches!(it.cause, Cause::Heal | Cause::Upgrade | Cause::Rotation);
                        !by_itself && std::mem::replace(&mut is_behind_newest, true)
                    }
                };
                if is_meant && it.has_succeeded() {
                    return Ok(Some(it));
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        Ok(None)
    }
}

fn no_image(name: &ServiceName, environment: &EnvironmentName) -> ServiceError {
    ServiceError::NoPart(format!(
        "`{name}/{environment}` has nothing to run: {}",
        "deploy one first"
    ))
}
