//! Checking a deployment before anything is done for it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use slipway_domain::{
    Archive, Artifact, Cause, Deployment, Effective, EnvironmentName, Image, Scope, ServiceName,
};
use slipway_synth::RunState;

use super::{Look, PortResult, Reconciler, commit};
use crate::databases;
use crate::error::{PortError, PortErrorKind};
use crate::places::balancers::{self, Standing};
use crate::ports::{
    ChangeWriter, HistoryReader, ImageKeeper, RunEnder, ServiceReader, Slots, StackDoctor,
    StackReader, StackRegistry, StackRescuer, StackWriter, TrafficReader,
};
use crate::preflight::{Checks, Findings, Needs, needs, preflight};
use crate::push::own_repository;
use crate::record::{Checked, Progress, ServiceRecord, ServiceState, StackRecord, Verdict};

/// How many images that ran are kept: so far back can be gone.
const KEPT: usize = 10;
/// How many deployments are looked through for images to let go of.
const LOOKED_THROUGH: usize = 50;

impl<R, S, C> Reconciler<R, S, C>
where
    R: ServiceReader + HistoryReader + ChangeWriter + StackRegistry + Slots,
    S: StackReader + TrafficReader + StackDoctor + StackWriter + StackRescuer + RunEnder,
    C: Checks + ImageKeeper,
{
    /// Checks the stack's newest deployment, unless that was done: each is checked once, so that
    /// what its image's tag means does not change under it. Gives what is then remembered.
    pub(super) async fn check(
        &self,
        state: &ServiceState,
        stack: &StackRecord,
        now: Timestamp,
    ) -> PortResult<Progress> {
        let mut progress = stack.progress.clone();
        let (Scope::Environment(environment), Some(newest)) = (&stack.scope, stack.deployment)
        else {
            return Ok(progress);
        };
        let service = &state.service;
        if service.deleting || stack.verdict().is_some_and(Verdict::is_final) {
            return Ok(progress);
        }
        let effective = service
            .manifest
            .effective(environment, &self.platform.environment);
        let Some(effective) = effective else {
            return Ok(progress);
        };
        let Some(artifact) = effective.settings.artifact() else {
            return Ok(progress);
        };
        let found = self
            .registry
            .deployment(service.name(), environment, newest)
            .await?;
        // It was written with what names it: one of the two reads is late.
        let Some(deployment) = found else {
            return Err(PortError {
                operation: "deployment",
                message: format!("the deployment {newest} does not show yet"),
                kind: PortErrorKind::Transient,
                source: None,
            });
        };
        // It ended before there were checks: what ran then runs now.
        if deployment.outcome.is_some() && progress.check.is_none() {
            let artifact = deployment.artifact.clone();
            progress.check = Some(Checked {
                deployment: newest,
                verdict: Verdict::Cleared { artifact },
            });
            return Ok(progress);
        }
        let artifact = ran_before(&deployment, &artifact, &progress).unwrap_or(artifact);
        let needs = match stack.status.stack_id {
            Some(_) => Needs::new(),
            None => {
                slipway_synth::environment_stack(&effective, &self.platform, &RunState::default())
                    .map(|template| needs(None, &template))
                    .unwrap_or_default()
            }
        };
        let ran = self.deployed_from(&artifact, service, &deployment).await?;
        let ran = ran.as_ref();
        let findings = preflight(&self.checks, &effective, &artifact, ran, &needs).await?;
        let mut verdict = self.verdict(&findings, &artifact, &deployment, now);
        if let Verdict::Cleared { .. } = verdict
            && let Some(waits) = self.for_databases(&effective, &deployment, now).await?
        {
            verdict = waits;
        }
        if let Verdict::Cleared { .. } = verdict
            && let Some(waits) = self
                .for_balancer(&effective, stack, &deployment, now)
                .await?
        {
            verdict = waits;
        }
        if let Verdict::Cleared { artifact } = &verdict {
            if let Artifact::Image(image) = artifact {
                self.keep(image, environment, &deployment).await?;
            }
            if matches!(deployment.cause, Cause::Redeploy | Cause::Rotation) {
                progress.restart = Some(newest);
            }
        }
        progress.check = Some(Checked {
            deployment: newest,
            verdict,
        });
        Ok(progress)
    }

    /// What was deployed last from where an archive lies, in this life of the service, if that is
    /// known by its ETag alone. The verdict before says it only where that was a good one.
    async fn deployed_from(
        &self,
        artifact: &Artifact,
        service: &ServiceRecord,
        deployment: &Deployment,
    ) -> PortResult<Option<Archive>> {
        let Some(archive) = artifact.archive().filter(|it| it.version().is_none()) else {
            return Ok(None);
        };
        let (name, environment) = (service.name(), &deployment.environment);
        let before = Some(deployment.id.to_string());
        let listed =
            self.registry
                .deployments(name, environment, before.as_deref(), LOOKED_THROUGH);
        let former = listed.await?.items.into_iter();
        let mut former = former.filter(|it| it.created_at >= service.created_at);
        Ok(former.find_map(|it| {
            let ran = it.artifact.archive()?;
            (ran.is_beside(archive) && ran.is_pinned()).then(|| ran.clone())
        }))
    }

    /// Whether the deployment waits for a database that it uses: one whose stack is not made has
    /// nothing yet that leads to it. Databases that have users stay, so it is asked only before.
    async fn for_databases(
        &self,
        effective: &Effective,
        deployment: &Deployment,
        now: Timestamp,
    ) -> PortResult<Option<Verdict>> {
        for used in databases::used(effective) {
            let state = self.registry.service(&used.database).await?;
            if used.is_there(state.as_ref()) {
                continue;
            }
            let until = deployment.created_at + self.deadline;
            return Ok(Some(if now < until {
                let what = format!("the database `{used}` to be ready");
                Verdict::Awaits { what, until }
            } else {
                let reasons = format!("The database `{used}` did not become ready.");
                Verdict::Refused { reasons }
            }));
        }
        Ok(None)
    }

    /// Whether the deployment waits for the load balancer that it shares: the stack of one that is
    /// not made has nothing yet to be imported. One that somebody is on stays, so it is asked only
    /// before. Where it could not be made, whoever comes later has it tried again.
    async fn for_balancer(
        &self,
        effective: &Effective,
        stack: &StackRecord,
        deployment: &Deployment,
        now: Timestamp,
    ) -> PortResult<Option<Verdict>> {
        let Some(name) = balancers::of(effective, stack, &self.platform) else {
            return Ok(None);
        };
        let state = self.registry.service(&name).await?;
        let failed = match balancers::standing(state.as_ref(), &self.platform) {
            Standing::Ready => return Ok(None),
            Standing::Coming => None,
            Standing::Failed(reason, since) if deployment.created_at <= since => Some(reason),
            Standing::Failed(..) => {
                let again = state.and_then(|it| balancers::tried_again(&it, &self.platform, now));
                if let Some(change) = again {
                    commit(&self.registry, &change).await?;
                }
                None
            }
        };
        let until = deployment.created_at + self.deadline;
        Ok(Some(match failed {
            None if now < until => {
                let what = format!("the load balancer `{name}` to be ready");
                Verdict::Awaits { what, until }
            }
            None => {
                let reasons = format!("The load balancer `{name}` did not become ready.");
                Verdict::Refused { reasons }
            }
            Some(reason) => {
                let reasons = format!("The load balancer `{name}` could not be made. {reason}");
                Verdict::Refused { reasons }
            }
        }))
    }

    fn verdict(
        &self,
        findings: &Findings,
        artifact: &Artifact,
        deployment: &Deployment,
        now: Timestamp,
    ) -> Verdict {
        let waits_until = deployment.waits_until.filter(|until| now < *until);
        if let Some(until) = waits_until.filter(|_| findings.only_image_missing) {
            let what = format!("the image `{artifact}` to be pushed");
            return Verdict::Awaits { what, until };
        }
        if let Some(reasons) = findings.refusal() {
            return Verdict::Refused { reasons };
        }
        // A registry that is down is no reason to fail, nor to deploy what nobody has seen.
        if let Some(said) = &findings.silent_registry {
            let patience = deployment.created_at + self.deadline;
            let until = patience.max(deployment.waits_until.unwrap_or(patience));
            return if now < until {
                let what = format!("the {} of `{artifact}` to answer", keeper(artifact));
                Verdict::Awaits { what, until }
            } else {
                let reasons = format!(
                    "The {} of `{artifact}` does not answer: {said}.",
                    keeper(artifact)
                );
                Verdict::Refused { reasons }
            };
        }
        Verdict::Cleared {
            artifact: findings.artifact.clone(),
        }
    }

    /// Lets go of the images that only older deployments kept: those behind the newest
    /// [`KEPT`] that ran. What cannot be let go now is tried again behind the next
    /// deployment.
    pub(super) async fn let_go(&self, look: &Look<'_>) {
        let service = &look.name.service;
        let Some(environment) = look.name.scope.environment() else {
            return;
        };
        let runs = match look.record.verdict() {
            Some(Verdict::Cleared { artifact }) => self.is_own(artifact, service),
            Some(_) | None => false,
        };
        if !runs {
            return;
        }
        let listed = self
            .registry
            .deployments(service, environment, None, LOOKED_THROUGH);
        let Ok(page) = listed.await else { return };
        // Counted by digest: what the control plane began by itself brings what was there, and
        // what failed in time may run after all.
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        if let Some(Verdict::Cleared { artifact }) = look.record.verdict() {
            wanted.extend(digest(artifact).map(str::to_owned));
        }
        for deployment in &page.items {
            if deployment.has_succeeded() && wanted.len() < KEPT {
                wanted.extend(digest(&deployment.artifact).map(str::to_owned));
            }
        }
        let over = page.items.into_iter().filter(|it| it.outcome.is_some());
        let tags: Vec<String> = over
            .filter(|it| self.is_own(&it.artifact, service))
            .filter(|it| digest(&it.artifact).is_none_or(|digest| !wanted.contains(digest)))
            .map(|it| slipway_synth::names::kept_tag(environment, it.id))
            .collect();
        if tags.is_empty() {
            return;
        }
        let repository = slipway_synth::names::repository(&self.platform, service);
        if let Err(error) = self.checks.let_go(&repository, &tags).await {
            tracing::warn!(%service, %environment, %error, "images are kept longer than needed");
        }
    }

    /// Whether it is an image of the service's own repository.
    fn is_own(&self, artifact: &Artifact, service: &ServiceName) -> bool {
        let own = own_repository(&self.platform, service);
        artifact.image().is_some_and(|it| it.repository() == own)
    }

    /// Keeps an image of the service's own repository from being cleaned away while it may be
    /// wanted.
    async fn keep(
        &self,
        image: &Image,
        environment: &EnvironmentName,
        deployment: &Deployment,
    ) -> PortResult<()> {
        let is_own = image.repository() == own_repository(&self.platform, &deployment.service);
        if is_own && image.digest().is_some() {
            let tag = slipway_synth::names::kept_tag(environment, deployment.id);
            self.checks.keep(image, &tag).await?;
        }
        Ok(())
    }
}

/// The digest, of an image that has one.
fn digest(artifact: &Artifact) -> Option<&str> {
    artifact.image().and_then(Image::digest)
}

/// Who is asked for it, for people.
fn keeper(artifact: &Artifact) -> &'static str {
    match artifact {
        Artifact::Image(_) => "registry",
        Artifact::Code(_) => "bucket",
    }
}

/// What was cleared before, pinned, for a deployment that the control plane began so that tasks
/// are replaced: nobody asked for what its tag may mean by now, or lie under its key.
fn ran_before(deployment: &Deployment, named: &Artifact, progress: &Progress) -> Option<Artifact> {
    let before = progress.check.as_ref()?;
    match &before.verdict {
        Verdict::Cleared { artifact } if deployment.cause == Cause::Rotation => {
            artifact.is_of(named).then(|| artifact.clone())
        }
        Verdict::Cleared { .. } | Verdict::Refused { .. } | Verdict::Awaits { .. } => None,
    }
}
