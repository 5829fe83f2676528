//! Acting on a plan: read, look, decide, do one thing, write, say what comes next.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use slipway_domain::{Deployment, Outcome, Phase, Platform, Scope, ServiceName, StackName};

use super::Next;
use super::desired::{Desired, desired, token};
use super::observed::{Observed, StackStatus};
use super::plan::{Action, Plan, plan};
use super::words::{advance, describe, queue, refuse};
use crate::error::PortError;
use crate::ports::{
    HistoryReader, PortResult, ServiceReader, Slots, StackInput, StackReader, StackRegistry,
    StackWrite, StackWriter, UpdateStarted,
};
use crate::record::{ServiceState, StackRecord};

/// Seconds after which the sweep looks at a stack that is not settled.
const ATTENTION_SECONDS: i64 = 60;
/// How long a stack waits before it asks for a slot again.
pub(super) const QUEUE: Duration = Duration::from_secs(5);

/// A look at a stack did not come to its end. Nothing is lost: the next look begins anew.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// A port did not answer.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Brings stacks to what their services want, over a registry and CloudFormation.
#[derive(Debug)]
pub struct Reconciler<R, S> {
    /// The registry.
    pub registry: R,
    /// Stacks and what runs in them.
    pub stacks: S,
    /// The platform.
    pub platform: Platform,
}

/// What one look is about.
struct Look<'a> {
    state: &'a ServiceState,
    record: &'a StackRecord,
    name: StackName,
    now: Timestamp,
}

impl<R, S> Reconciler<R, S>
where
    R: ServiceReader + HistoryReader + StackRegistry + Slots,
    S: StackReader + StackWriter,
{
    /// The stacks of a service, its environments first.
    pub async fn scopes(&self, service: &ServiceName) -> Result<Vec<Scope>, ReconcileError> {
        let state = self.registry.service(service).await?;
        let mut scopes: Vec<Scope> = state
            .into_iter()
            .flat_map(|state| state.stacks.into_keys())
            .collect();
        scopes.reverse();
        Ok(scopes)
    }

    /// Looks at one stack of a service once.
    pub async fn reconcile(
        &self,
        service: &ServiceName,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<Next, ReconcileError> {
        let Some(state) = self.registry.service(service).await? else {
            return Ok(Next::Done);
        };
        let Some(record) = state.stacks.get(scope) else {
            return Ok(Next::Done);
        };
        let name = StackName {
            platform: self.platform.name.clone(),
            service: service.clone(),
            scope: scope.clone(),
        };
        let look = Look {
            state: &state,
            record,
            name,
            now,
        };
        let desired = desired(&state, scope, &self.platform);
        let observed = self.observe(&look, &desired).await?;
        let plan = plan(&desired, &record.progress, &observed);
        self.act(&look, &desired, &observed, plan).await
    }

    async fn observe(&self, look: &Look<'_>, desired: &Desired) -> PortResult<Observed> {
        let record = look.record;
        // What waits has no stack, and needs no look.
        if matches!(desired, Desired::Held | Desired::Waiting { .. }) {
            return Ok(Observed::default());
        }
        let name = look.name.to_string();
        let mut stack = self
            .stacks
            .stack(record.status.stack_id.as_deref().unwrap_or(&name))
            .await?;
        stack.take_if(|stack| stack.status == StackStatus::DeleteComplete);
        let mut observed = Observed::default();
        if let Some(stack) = &stack {
            match (stack.status, desired) {
                (StackStatus::ReviewInProgress, Desired::Present(_))
                    if record.progress.attempt > 0 =>
                {
                    let token =
                        Self::token(look, desired, Action::Prepare, record.progress.attempt);
                    observed.change_set = self.stacks.change_set(&stack.id, &token).await?;
                }
                (status, _) if status.tells_a_failure() => {
                    observed.failure = self.stacks.failure(&stack.id).await?;
                }
                (
                    StackStatus::CreateComplete
                    | StackStatus::UpdateComplete
                    | StackStatus::ImportComplete,
                    Desired::Present(target),
                ) if target.rolls_out => {
                    if let (Some(cluster), Some(service)) = (
                        stack.outputs.get("Cluster"),
                        stack.outputs.get("ServiceName"),
                    ) {
                        observed.rollout = self.stacks.rollout(cluster, service).await?;
                    }
                }
                _ => {}
            }
        }
        observed.stack = stack;
        Ok(observed)
    }

    async fn act(
        &self,
        look: &Look<'_>,
        desired: &Desired,
        observed: &Observed,
        mut plan: Plan,
    ) -> Result<Next, ReconcileError> {
        let name = look.name.to_string();
        if plan.action == Action::Forget {
            return self.forget(look).await;
        }
        let mut record = look.record.clone();
        // What is only held was not looked at, and stays as it is known.
        if !matches!(desired, Desired::Held) {
            record.status.stack_id = observed.stack.as_ref().map(|stack| stack.id.clone());
        }
        if plan.action.begins_operation() {
            if self.registry.acquire(&name).await? {
                match self.perform(look, desired, observed, &mut plan).await {
                    Ok(Some(id)) => record.status.stack_id = Some(id),
                    Ok(None) => {}
                    Err(error) if error.is_transient() => return Err(error.into()),
                    Err(error) => refuse(&mut plan, &error),
                }
            } else {
                queue(&mut plan, look.record);
            }
        }
        // A slot may be held that no record tells of: a look may have ended right behind taking
        // it. Whatever was not settled gives it back when it is.
        let may_hold = plan.phase != look.record.status.phase
            || look.record.progress.holds_slot
            || look.record.attention;
        if !plan.progress.holds_slot && may_hold {
            self.registry.release(&name).await?;
        }
        self.save(look, desired, observed, record, plan).await
    }

    /// Does the plan's one thing; gives the id of a stack that came to be.
    async fn perform(
        &self,
        look: &Look<'_>,
        desired: &Desired,
        observed: &Observed,
        plan: &mut Plan,
    ) -> PortResult<Option<String>> {
        let name = look.name.to_string();
        let id = observed.stack.as_ref().map(|stack| stack.id.as_str());
        let token = Self::token(look, desired, plan.action, plan.progress.attempt);
        match (plan.action, desired) {
            (Action::Prepare, Desired::Present(target)) => {
                let input = self.input(look, &name, target.creation.to_json(), token);
                self.stacks.prepare(&input).await.map(Some)
            }
            (Action::Execute, _) => {
                let change_set = Self::token(look, desired, Action::Prepare, plan.progress.attempt);
                self.stacks
                    .execute(id.unwrap_or(&name), &change_set)
                    .await?;
                Ok(None)
            }
            (Action::Update, Desired::Present(target)) => {
                let input = self.input(look, id.unwrap_or(&name), target.steady.to_json(), token);
                if self.stacks.update(&input).await? == UpdateStarted::NothingToDo {
                    plan.progress.unchanged = Some(target.digest.clone());
                    plan.next = Next::Requeue(Duration::ZERO);
                }
                Ok(None)
            }
            (Action::Delete, _) => {
                if let Some(id) = id {
                    self.stacks.delete(id, &token).await?;
                }
                Ok(None)
            }
            (
                Action::Prepare | Action::Update,
                Desired::Absent { .. } | Desired::Held | Desired::Waiting { .. },
            )
            | (Action::Nothing | Action::Forget, _) => Ok(None),
        }
    }

    fn input(&self, look: &Look<'_>, stack: &str, template: String, token: String) -> StackInput {
        let manifest = &look.state.service.manifest;
        let tags = slipway_synth::stack_tags(
            &manifest.service,
            &manifest.team,
            &look.name.scope,
            &self.platform,
        );
        StackInput {
            stack: stack.to_owned(),
            template,
            tags: tags.into_iter().collect(),
            token,
        }
    }

    fn token(look: &Look<'_>, desired: &Desired, action: Action, attempt: u32) -> String {
        let operation = match action {
            Action::Prepare | Action::Execute => "create",
            Action::Update => "update",
            Action::Delete | Action::Forget | Action::Nothing => "delete",
        };
        let service = &look.state.service;
        let generation = desired.generation().unwrap_or(service.generation);
        token(
            service.uid,
            &look.name.scope,
            generation,
            operation,
            attempt,
        )
    }

    async fn forget(&self, look: &Look<'_>) -> Result<Next, ReconcileError> {
        self.registry.release(&look.name.to_string()).await?;
        let service = &look.state.service;
        let (done, next) = match &look.name.scope {
            Scope::Service => {
                let done = self.registry.forget_service(service, look.record).await?;
                (done, Next::Done)
            }
            Scope::Environment(environment) => {
                self.end_open_deployments(look).await?;
                let done = self
                    .registry
                    .forget_environment(service.name(), environment, look.record, look.now)
                    .await?;
                (done, Next::Then(Scope::Service))
            }
        };
        // Somebody changed the service meanwhile: it may be wanted again.
        Ok(if done {
            next
        } else {
            Next::Requeue(Duration::ZERO)
        })
    }

    /// What was under way when an environment went is superseded by its end.
    async fn end_open_deployments(&self, look: &Look<'_>) -> PortResult<()> {
        let mut record = look.record.clone();
        let deployments = self.deployments(look, &record, true, None).await?;
        if deployments.is_empty() {
            return Ok(());
        }
        record.progress.deployment = record.deployment;
        let team = look.state.service.manifest.team.clone();
        let write = StackWrite {
            service: look.name.service.clone(),
            team,
            record,
            attention: Some(look.now),
            release: Vec::new(),
            deployments,
        };
        self.registry.save(&write).await.map(drop)
    }

    async fn save(
        &self,
        look: &Look<'_>,
        desired: &Desired,
        observed: &Observed,
        mut record: StackRecord,
        plan: Plan,
    ) -> Result<Next, ReconcileError> {
        let adopts = record.deployment != record.progress.deployment;
        let moves = plan.phase != look.record.status.phase
            || plan.end.is_some() && plan.progress != look.record.progress;
        record.progress = plan.progress.clone();
        record.progress.deployment = record.deployment;
        describe(&mut record, desired, observed, &plan, look.now);

        let deployments = if adopts || moves {
            self.deployments(look, look.record, false, Some(&plan))
                .await?
        } else {
            Vec::new()
        };
        let release = if plan.phase == Phase::Ready {
            self.former_paths(look)
        } else {
            Vec::new()
        };
        for path in &release {
            record.paths.remove(path);
        }
        let unsettled = !matches!(plan.next, Next::Done);
        let unchanged =
            record == *look.record && deployments.is_empty() && unsettled == look.record.attention;
        if unchanged {
            return Ok(plan.next);
        }
        record.attention = unsettled;
        let write = StackWrite {
            service: look.name.service.clone(),
            team: look.state.service.manifest.team.clone(),
            attention: unsettled.then(|| look.now + SignedDuration::from_secs(ATTENTION_SECONDS)),
            record,
            release,
            deployments,
        };
        let saved = self.registry.save(&write).await?;
        // Somebody changed the service meanwhile: what was found may be out of date.
        Ok(if saved {
            plan.next
        } else {
            Next::Requeue(Duration::ZERO)
        })
    }

    /// Paths that the stack still holds and no longer serves.
    fn former_paths(&self, look: &Look<'_>) -> Vec<slipway_domain::RoutePath> {
        let Some(environment) = look.name.scope.environment() else {
            return Vec::new();
        };
        let manifest = &look.state.service.manifest;
        let current = manifest
            .effective(environment, &self.platform.environment)
            .map(|e| e.path);
        look.record
            .paths
            .iter()
            .filter(|path| Some(*path) != current.as_ref())
            .cloned()
            .collect()
    }

    /// The deployments that this look advances: the newest by the plan's step, and older ones
    /// that it supersedes.
    async fn deployments(
        &self,
        look: &Look<'_>,
        before: &StackRecord,
        gone: bool,
        plan: Option<&Plan>,
    ) -> PortResult<Vec<Deployment>> {
        let (Some(environment), Some(newest)) = (look.name.scope.environment(), before.deployment)
        else {
            return Ok(Vec::new());
        };
        let service = &look.name.service;
        let mut open = if before.progress.deployment == Some(newest) {
            let found = self
                .registry
                .deployment(service, environment, newest)
                .await?;
            found
                .into_iter()
                .filter(|deployment| deployment.outcome.is_none())
                .collect()
        } else {
            self.registry
                .open_deployments(service, environment, before.progress.deployment, newest)
                .await?
        };
        for deployment in &mut open {
            if deployment.id != newest || gone {
                deployment.end(Outcome::Superseded { at: look.now });
            } else if let Some(plan) = plan {
                advance(deployment, plan, look.now);
            }
        }
        Ok(open)
    }
}
