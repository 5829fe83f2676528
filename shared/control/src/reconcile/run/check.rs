//! Checking a deployment before anything is done for it.

use jiff::Timestamp;
use slipway_domain::{Cause, Deployment, EnvironmentName, Image, Scope};
use slipway_synth::RunState;

use super::{PortResult, Reconciler};
use crate::ports::{
    HistoryReader, ImageKeeper, ServiceReader, Slots, StackDoctor, StackReader, StackRegistry,
    StackRescuer, StackWriter, TrafficReader,
};
use crate::preflight::{Checks, Findings, Needs, needs, preflight};
use crate::record::{Checked, Progress, ServiceState, StackRecord, Verdict};

impl<R, S, C> Reconciler<R, S, C>
where
    R: ServiceReader + HistoryReader + StackRegistry + Slots,
    S: StackReader + TrafficReader + StackDoctor + StackWriter + StackRescuer,
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
        // Not there: what was read of the service is older than what is there.
        let Some(deployment) = found else {
            return Ok(progress);
        };
        let needs = match stack.status.stack_id {
            Some(_) => Needs::new(),
            None => {
                slipway_synth::environment_stack(&effective, &self.platform, &RunState::default())
                    .map(|template| needs(None, &template))
                    .unwrap_or_default()
            }
        };
        let findings = preflight(&self.checks, &effective, &image, &needs).await?;
        let verdict = self.verdict(&findings, &image, &deployment, now);
        if let Verdict::Cleared { image } = &verdict {
            self.keep(image, environment, &deployment).await?;
            if deployment.cause == Cause::Redeploy {
                progress.restart = Some(newest);
            }
        }
        progress.check = Some(Checked {
            deployment: newest,
            verdict,
        });
        Ok(progress)
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
            let until = deployment.created_at + self.deadline;
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

    /// Keeps an image of the service's own repository from being cleaned away while it may be
    /// wanted.
    async fn keep(
        &self,
        image: &Image,
        environment: &EnvironmentName,
        deployment: &Deployment,
    ) -> PortResult<()> {
        let is_ours = image.ecr().is_some_and(|ecr| {
            ecr.account == self.platform.account
                && ecr.region == self.platform.region
                && ecr.repository
                    == slipway_synth::names::repository(&self.platform, &deployment.service)
        });
        if is_ours && image.digest().is_some() {
            let tag = slipway_synth::names::kept_tag(environment, deployment.id);
            self.checks.keep(image, &tag).await?;
        }
        Ok(())
    }
}
