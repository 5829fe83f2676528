//! Acting on a plan: read, look, decide, do one thing, write, say what comes next.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use slipway_domain::{
    Deployment, Outcome, Phase, Platform, RoutePath, Scope, ServiceName, StackName,
};

use super::Next;
use super::desired::{Desired, desired, token};
use super::observed::{Observed, StackStatus};
use super::plan::{Action, Plan, current, plan};
use super::words::{advance, ask_once, describe, queue, refuse};
use crate::error::PortError;
use crate::ports::{
    HistoryReader, PortResult, ServiceReader, Slots, StackInput, StackReader, StackRegistry,
    StackWrite, StackWriter, UpdateStarted,
};
use crate::record::{ServiceState, StackRecord};

/// Seconds after which the sweep looks at a stack that is not settled.
const ATTENTION_SECONDS: i64 = 60;
/// The most deployments that one look ends: a transaction of DynamoDB has room for 100 items.
const MAX_DEPLOYMENTS: usize = 80;
/// When to look again where somebody else was quicker.
const OVERTAKEN: Next = Next::Requeue(Duration::from_secs(1));
/// How long a stack waits before it asks for a slot again, at first.
pub(super) const QUEUE: Duration = Duration::from_secs(5);
/// The same, at the longest.
pub(super) const LONGEST_QUEUE: Duration = Duration::from_secs(30);

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
    /// The stack's record as the registry has it.
    found: &'a StackRecord,
    /// The same, with what is remembered of the generation that is wanted.
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

    /// Gives back slots whose stacks are gone or settled: a look may have ended between taking
    /// a slot and writing that down.
    pub async fn free_slots(&self) -> Result<(), ReconcileError> {
        for holder in self.registry.holders().await? {
            let needed = match holder.parse::<StackName>() {
                Ok(name) => {
                    let state = self.registry.service(&name.service).await?;
                    let stack = state
                        .as_ref()
                        .and_then(|state| state.stacks.get(&name.scope));
                    stack.is_some_and(|stack| stack.attention.is_some())
                }
                Err(_) => false,
            };
            if !needed {
                self.registry.release(&holder).await?;
            }
        }
        Ok(())
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
        let Some(found) = state.stacks.get(scope) else {
            return Ok(Next::Done);
        };
        let desired = desired(&state, scope, &self.platform);
        // Attempts at an older generation count for nothing, in what is looked at as in what
        // is decided.
        let mut record = found.clone();
        record.progress = current(&found.progress, &desired);
        let name = StackName {
            platform: self.platform.name.clone(),
            service: service.clone(),
            scope: scope.clone(),
        };
        let look = Look {
            state: &state,
            found,
            record: &record,
            name,
            now,
        };
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
                queue(&mut plan, look.record, look.now);
            }
        }
        // A slot may be held that no record tells of: a look may have ended right behind taking
        // it. Whatever was not settled gives it back when it is, and only behind the write: a
        // look that was overtaken may not give back what the other one took.
        let may_hold = plan.phase != look.record.status.phase
            || look.record.progress.holds_slot
            || look.record.attention.is_some();
        let gives_back = !plan.progress.holds_slot && may_hold;
        let next = self.save(look, desired, observed, record, plan).await?;
        if let Some(next) = next {
            if gives_back {
                self.registry.release(&name).await?;
            }
            return Ok(next);
        }
        Ok(OVERTAKEN)
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
        if done {
            self.registry.release(&look.name.to_string()).await?;
            return Ok(next);
        }
        // Somebody changed the service meanwhile: it may be wanted again.
        Ok(OVERTAKEN)
    }

    /// What was under way when an environment went is superseded by its end.
    async fn end_open_deployments(&self, look: &Look<'_>) -> PortResult<()> {
        let mut record = look.record.clone();
        let deployments = self.deployments(look, true, None).await?;
        if deployments.is_empty() {
            return Ok(());
        }
        record.progress.deployment = record.deployment;
        record.attention = Some(look.now);
        let service = look.name.service.clone();
        let write = StackWrite {
            service,
            record,
            release: Vec::new(),
            deployments,
        };
        self.registry.save(&write).await.map(drop)
    }

    /// Writes what the look found; gives when to look again, or nothing when it was overtaken.
    async fn save(
        &self,
        look: &Look<'_>,
        desired: &Desired,
        observed: &Observed,
        mut record: StackRecord,
        mut plan: Plan,
    ) -> Result<Option<Next>, ReconcileError> {
        let adopts = record.deployment != record.progress.deployment;
        let moves = plan.phase != look.record.status.phase
            || plan.end.is_some() && plan.progress != look.record.progress;
        record.progress = plan.progress.clone();
        record.progress.deployment = record.deployment;
        describe(&mut record, desired, observed, &plan, look.now);

        let deployments = if adopts || moves {
            self.deployments(look, false, Some(&plan)).await?
        } else {
            Vec::new()
        };
        // The newest is the last: with it, all were handled.
        if let Some(last) = deployments
            .last()
            .filter(|_| deployments.len() == MAX_DEPLOYMENTS)
        {
            record.progress.deployment = Some(last.id);
            plan.next = OVERTAKEN;
        }
        let release = self.former_paths(look, observed, &plan);
        for path in &release {
            record.paths.remove(path);
        }
        record.attention = match plan.next {
            Next::Done => None,
            Next::Requeue(_) | Next::AwaitChange | Next::Then(_) => {
                let due = look.now + SignedDuration::from_secs(ATTENTION_SECONDS);
                Some(
                    look.record
                        .attention
                        .filter(|at| *at > look.now)
                        .unwrap_or(due),
                )
            }
        };
        ask_once(&mut plan.next, &mut record, look.now);
        if record == *look.found && deployments.is_empty() {
            return Ok(Some(plan.next));
        }
        let write = StackWrite {
            service: look.name.service.clone(),
            record,
            release,
            deployments,
        };
        let saved = self.registry.save(&write).await?;
        Ok(saved.then_some(plan.next))
    }

    /// Paths that the stack holds and does not serve, now that it is as wanted or not there.
    fn former_paths(&self, look: &Look<'_>, observed: &Observed, plan: &Plan) -> Vec<RoutePath> {
        let is_settled = match plan.phase {
            Phase::Ready | Phase::Waiting => true,
            Phase::Failed => observed.stack.is_none(),
            Phase::Pending
            | Phase::Creating
            | Phase::Updating
            | Phase::RollingOut
            | Phase::Deleting => false,
        };
        let environment = look.name.scope.environment().filter(|_| is_settled);
        let Some(environment) = environment else {
            return Vec::new();
        };
        let manifest = &look.state.service.manifest;
        let wanted = manifest
            .effective(environment, &self.platform.environment)
            .map(|e| e.path);
        let held = look.record.paths.iter();
        held.filter(|path| Some(*path) != wanted.as_ref())
            .cloned()
            .collect()
    }

    /// The deployments that this look advances: the newest by the plan's step, and older ones
    /// that it supersedes.
    async fn deployments(
        &self,
        look: &Look<'_>,
        gone: bool,
        plan: Option<&Plan>,
    ) -> PortResult<Vec<Deployment>> {
        let before = look.record;
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
        open.truncate(MAX_DEPLOYMENTS);
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
