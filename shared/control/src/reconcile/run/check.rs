//! Checking a deployment before anything is done for it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use slipway_domain::{Cause, Deployment, Effective, EnvironmentName, Image, Scope, ServiceName};
use slipway_synth::RunState;

use super::{Look, PortResult, Reconciler};
use crate::databases;
use crate::error::{PortError, PortErrorKind};
use crate::ports::{
    HistoryReader, ImageKeeper, RunEnder, ServiceReader, Slots, StackDoctor, StackReader,
    StackRegistry, StackRescuer, StackWriter, TrafficReader,
};
use crate::preflight::{Checks, Findings, Needs, needs, preflight};
use crate::push::own_repository;
use crate::record::{Checked, Progress, ServiceState, StackRecord, Verdict};

/// How many images that ran are kept: so far back can be gone.
const KEPT: usize = 10;
/// How many deployments are looked through for images to let go of.
const LOOKED_THROUGH: usize = 50;

impl<R, S, C> Reconciler<R, S, C>
where
    R: ServiceReader + HistoryReader + StackRegistry + Slots,
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
        let Some(image) = effective.settings.image.clone() else {
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
            let image = deployment.image.clone();
            progress.check = Some(Checked {
                deployment: newest,
                verdict: Verdict::Cleared { image },
            });
            return Ok(progress);
        }
        let image = ran_before(&deployment, &image, &progress).unwrap_or(image);
        let needs = match stack.status.stack_id {
            Some(_) => Needs::new(),
            None => {
                slipway_synth::environment_stack(&effective, &self.platform, &RunState::default())
                    .map(|template| needs(None, &template))
                    .unwrap_or_default()
            }
        };
        let findings = preflight(&self.checks, &effective, &image, &needs).await?;
        let mut verdict = self.verdict(&findings, &image, &deployment, now);
        if let Verdict::Cleared { .. } = verdict
            && let Some(waits) = self.for_databases(&effective, &deployment, now).await?
        {
            verdict = waits;
        }
        if let Verdict::Cleared { image } = &verdict {
            self.keep(image, environment, &deployment).await?;
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

    fn verdict(
        &self,
        findings: &Findings,
        image: &Image,
        deployment: &Deployment,
        now: Timestamp,
    ) -> Verdict {
        let waits_until = deployment.waits_until.filter(|until| now < *until);
        if let Some(until) = waits_until.filter(|_| findings.only_image_missing) {
            let what = format!("the image `{image}` to be pushed");
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
                let what = format!("the registry of `{image}` to answer");
                Verdict::Awaits { what, until }
            } else {
                let reasons = format!("The registry of `{image}` does not answer: {said}.");
                Verdict::Refused { reasons }
            };
        }
        Verdict::Cleared {
            image: findings.image.clone(),
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
            Some(Verdict::Cleared { image }) => self.is_own(image, service),
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
        if let Some(Verdict::Cleared { image }) = look.record.verdict() {
            wanted.extend(image.digest().map(str::to_owned));
        }
        for deployment in &page.items {
            if deployment.has_succeeded() && wanted.len() < KEPT {
                wanted.extend(deployment.image.digest().map(str::to_owned));
            }
        }
        let over = page.items.into_iter().filter(|it| it.outcome.is_some());
        let tags: Vec<String> = over
            .filter(|it| self.is_own(&it.image, service))
            .filter(|it| {
                it.image
                    .digest()
                    .is_none_or(|digest| !wanted.contains(digest))
            })
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

    /// Whether an image lies in the service's own repository.
    fn is_own(&self, image: &Image, service: &ServiceName) -> bool {
        image.repository() == own_repository(&self.platform, service)
    }

    /// Keeps an image of the service's own repository from being cleaned away while it may be
    /// wanted.
    async fn keep(
        &self,
        image: &Image,
        environment: &EnvironmentName,
        deployment: &Deployment,
    ) -> PortResult<()> {
        if self.is_own(image, &deployment.service) && image.digest().is_some() {
            let tag = slipway_synth::names::kept_tag(environment, deployment.id);
            self.checks.keep(image, &tag).await?;
        }
        Ok(())
    }
}

/// The image that was cleared before, by its digest, for a deployment that the control plane began
/// so that tasks are replaced: nobody asked for what its tag may mean by now.
fn ran_before(deployment: &Deployment, named: &Image, progress: &Progress) -> Option<Image> {
    let before = progress.check.as_ref()?;
    match &before.verdict {
        Verdict::Cleared { image } if deployment.cause == Cause::Rotation => {
            let same = image.repository() == named.repository() && image.tag() == named.tag();
            same.then(|| image.clone())
        }
        Verdict::Cleared { .. } | Verdict::Refused { .. } | Verdict::Awaits { .. } => None,
    }
}
