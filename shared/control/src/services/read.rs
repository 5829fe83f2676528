//! Looking at services: what is there, what runs, what would change, what happened.

use serde_json::Value;
use slipway_domain::{
    Deployment, DeploymentId, EnvironmentName, Manifest, Scope, ServiceName, TeamName,
};
use slipway_synth::Template;

use super::{Services, no_environment};
use crate::error::ServiceError;
use crate::ports::{ChangeWriter, HistoryReader, LiveReader, Page, RouteReader, ServiceReader};
use crate::preflight::Checks;
use crate::record::{AuditEntry, ServiceState};
use crate::view::{
    EnvironmentView, GenerationView, PageView, PlanView, ServiceSummary, ServiceView,
};

impl<R, L, G, C> Services<R, L, G, C>
where
    R: ServiceReader + HistoryReader + ChangeWriter,
    L: LiveReader,
    G: RouteReader,
    C: Checks,
{
    /// A service with its stacks. One call.
    pub async fn get(&self, name: &ServiceName) -> Result<ServiceView, ServiceError> {
        Ok(ServiceView::new(&self.state(name).await?, &self.platform))
    }

    /// Services by team and name. One call a page.
    pub async fn list(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<ServiceSummary>, ServiceError> {
        Ok(page(self.registry.services(team, after, limit).await?))
    }

    /// Those services of such a page that need a person. The page may be short, even empty,
    /// and still have a next one: what is left out was read, too.
    pub async fn list_in_need(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<ServiceSummary>, ServiceError> {
        let mut page = self.list(team, after, limit).await?;
        page.items.retain(ServiceSummary::needs_person);
        Ok(page)
    }

    /// One environment, with what runs just now.
    pub async fn environment(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
    ) -> Result<EnvironmentView, ServiceError> {
        let mut view = self
            .get(name)
            .await?
            .environments
            .remove(environment)
            .ok_or_else(|| no_environment(name, environment))?;
        let output = |key| view.stack.outputs.get(key);
        if let (Some(cluster), Some(service)) = (output("Cluster"), output("ServiceName")) {
            // What runs is a look beside the answer, not the answer: it may be absent.
            view.live = self
                .live
                .live(cluster, service)
                .await
                .ok()
                .flatten()
                .map(Into::into);
        }
        Ok(view)
    }

    /// The plain template of one of the service's stacks, at its newest generation.
    pub async fn template(
        &self,
        name: &ServiceName,
        scope: &Scope,
    ) -> Result<Template, ServiceError> {
        let state = self.state(name).await?;
        self.render(&state, scope)
    }

    /// What a manifest would change, and what stands in its way. Nothing is written.
    pub async fn plan(&self, document: &Value) -> Result<PlanView, ServiceError> {
        let mut manifest = self.read(document)?;
        let state = self.registry.service(&manifest.service).await?;
        if let Some(state) = &state {
            manifest.keep_artifacts_of(&state.service.manifest, &self.platform.environment);
        }
        self.plan_of(&manifest, state.as_ref()).await
    }

    pub(super) async fn plan_of(
        &self,
        manifest: &Manifest,
        state: Option<&ServiceState>,
    ) -> Result<PlanView, ServiceError> {
        let (platform, registry) = (&self.platform, &self.registry);
        crate::preview::plan(
            manifest,
            state,
            platform,
            registry,
            &self.gateway,
            &self.checks,
        )
        .await
    }

    /// Deployments of an environment, newest first.
    pub async fn deployments(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<Deployment>, ServiceError> {
        Ok(page(
            self.registry
                .deployments(name, environment, after, limit)
                .await?,
        ))
    }

    /// One deployment.
    pub async fn deployment(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
    ) -> Result<Deployment, ServiceError> {
        self.registry
            .deployment(name, environment, id)
            .await?
            .ok_or_else(|| {
                ServiceError::NoPart(format!("`{name}/{environment}` has no deployment `{id}`"))
            })
    }

    /// Generations of a service, newest first.
    pub async fn generations(
        &self,
        name: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<GenerationView>, ServiceError> {
        let found = self.registry.generations(name, after, limit).await?;
        let items = found.items.into_iter().map(Into::into).collect();
        Ok(PageView {
            items,
            next: found.next,
        })
    }

    /// The audit log of a service, newest first. It outlives the service.
    pub async fn events(
        &self,
        name: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<AuditEntry>, ServiceError> {
        Ok(page(self.registry.events(name, after, limit).await?))
    }
}

fn page<T>(page: Page<T>) -> PageView<T> {
    PageView {
        items: page.items,
        next: page.next,
    }
}
