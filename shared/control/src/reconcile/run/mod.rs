//! Acting on a plan: read, look, decide, write down, do one thing, say what comes next.

mod check;
mod observe;
mod perform;
mod save;

use jiff::{SignedDuration, Timestamp};
use slipway_domain::{Phase, Platform, Scope, ServiceName, StackName, expected_rollout_minutes};

use observe::token_of;
use perform::word_of;

use super::Next;
use super::desired::{Desired, desired};
use super::observed::Observed;
use super::plan::{Action, Circumstances, End, Plan, current, plan};
use super::words::{queue, refuse, refuse_repair};
use crate::error::{PortError, PortErrorKind};
use crate::ports::{
    HistoryReader, ImageKeeper, PortResult, RunEnder, ServiceReader, Slots, StackDoctor,
    StackReader, StackRegistry, StackRescuer, StackWriter, Started, TrafficReader,
};
use crate::preflight::Checks;
use crate::record::{Progress, ServiceState, StackRecord};

/// When to look again where somebody else was quicker.
const OVERTAKEN: Next = Next::Requeue(std::time::Duration::from_secs(1));

/// A look at a stack did not come to its end. Nothing is lost: the next look begins anew.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// A port did not answer.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Brings stacks to what their services want, over a registry and CloudFormation.
#[derive(Debug)]
pub struct Reconciler<R, S, C> {
    /// The registry.
    pub registry: R,
    /// Stacks and what runs in them.
    pub stacks: S,
    /// What is asked before a deployment.
    pub checks: C,
    /// The platform.
    pub platform: Platform,
    /// How long a stack operation may take before it is cancelled.
    pub deadline: SignedDuration,
    /// What this version renders, in one word: `slipway_synth::fingerprint` of the platform.
    pub fingerprint: String,
}

/// What one look is about.
struct Look<'a> {
    state: &'a ServiceState,
    /// The stack's record as the registry has it.
    found: StackRecord,
    /// The same, with what is remembered of the generation that is wanted.
    record: StackRecord,
    name: StackName,
    now: Timestamp,
}

impl<R, S, C> Reconciler<R, S, C>
where
    R: ServiceReader + HistoryReader + StackRegistry + Slots,
    S: StackReader + TrafficReader + StackDoctor + StackWriter + StackRescuer + RunEnder,
    C: Checks + ImageKeeper,
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
        let Some(mut state) = self.registry.service(service).await? else {
            return Ok(Next::Done);
        };
        let Some(found) = state.stacks.get(scope).cloned() else {
            return Ok(Next::Done);
        };
        // Most looks check nothing and do nothing: what that would hold is not carried along.
        let checked = Box::pin(self.check(&state, &found, now)).await?;
        if let Some(stack) = state.stacks.get_mut(scope) {
            stack.progress = checked;
        }
        let mut desired = desired(&state, scope, &self.platform);
        // A change that begins no deployment here brings this stack nothing, and what was tried of it
        // stays tried.
        if found.deployment.is_some() && found.deployment == found.progress.deployment {
            desired.stay_at(found.progress.generation);
        }
        // Attempts at an older generation count for nothing, in what is looked at as in what
        // is decided.
        let mut record = state.stacks[scope].clone();
        record.progress = current(&record.progress, &desired);
        let look = Look {
            state: &state,
            found,
            record,
            name: StackName {
                platform: self.platform.name.clone(),
                service: service.clone(),
                scope: scope.clone(),
            },
            now,
        };
        let observed = self.observe(&look, &desired).await?;
        let plan = plan(
            &desired,
            &look.record.progress,
            &observed,
            &self.circumstances(&look),
        );
        Box::pin(self.act(look, &desired, &observed, plan)).await
    }

    /// How long the manifest has a deployment of this stack bake, wait and step.
    fn expected(&self, look: &Look<'_>) -> SignedDuration {
        let manifest = &look.state.service.manifest;
        let effective = look
            .name
            .scope
            .environment()
            .and_then(|name| manifest.effective(name, &self.platform.environment));
        let minutes = effective.map_or(0, |it| expected_rollout_minutes(&it.settings));
        SignedDuration::from_mins(i64::from(minutes))
    }

    fn circumstances(&self, look: &Look<'_>) -> Circumstances {
        let permit = look.record.progress.permit.as_ref();
        Circumstances {
            now: look.now,
            deadline: self.deadline + self.expected(look),
            seed: look.seed(),
            permitted: permit == Some(&self.fingerprint),
        }
    }

    /// Writes the plan down, then does its one thing: a call is never made that the registry
    /// does not know of, nor one that was decided on an older state than the registry's.
    async fn act(
        &self,
        mut look: Look<'_>,
        desired: &Desired,
        observed: &Observed,
        mut plan: Plan,
    ) -> Result<Next, ReconcileError> {
        if plan.action == Action::Forget {
            return self.forget(&look).await;
        }
        let name = look.name.to_string();
        let former = look.record.progress.clone();
        let was_ready = look.record.status.phase == Phase::Ready;
        if plan.action.begins_operation() && !self.registry.acquire(&name).await? {
            queue(&mut plan, &look.record, look.now);
        }
        let is_new = plan.end == Some(End::Succeeded) && !was_ready;
        let Some(next) = self.save(&mut look, desired, observed, &plan).await? else {
            return Ok(OVERTAKEN);
        };
        match self.perform(&look, desired, observed, &plan).await {
            Ok(Started::Now) => {
                self.acknowledge(&mut look, desired, observed, plan).await?;
                if is_new {
                    self.let_go(&look).await;
                }
                return Ok(next);
            }
            // It may have ended before anybody looked.
            Ok(Started::Before) => {
                if let Some(operation) = &mut plan.progress.operation {
                    operation.seen = true;
                }
            }
            Ok(Started::NothingToDo) => {
                let operation = plan.progress.operation.take();
                plan.progress.unchanged = operation.and_then(|it| it.digest);
            }
            Err(error) if error.kind == PortErrorKind::Busy => {
                self.step_back(&mut look, desired, observed, plan, former)
                    .await?;
                return Err(error.into());
            }
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(error) if plan.action.repairs() => {
                // It is drift still, and is found again.
                plan.progress.settled = former.settled;
                let runs = observed.rollout.is_some() || look.name.scope == Scope::Service;
                refuse_repair(&mut plan, &error, runs);
            }
            Err(error) => refuse(&mut plan, &error),
        }
        if plan.end.is_none() {
            plan.next = OVERTAKEN;
        }
        // It was said and done with the first write.
        plan.begins = None;
        plan.action = Action::Nothing;
        let next = self.save(&mut look, desired, observed, &plan).await?;
        Ok(next.unwrap_or(OVERTAKEN))
    }

    /// Something is at work on the stack already. If it is this very operation, whose first answer
    /// was lost, that is written down; otherwise nothing was begun, and what is remembered is what
    /// was before.
    async fn step_back(
        &self,
        look: &mut Look<'_>,
        desired: &Desired,
        observed: &Observed,
        mut plan: Plan,
        former: Progress,
    ) -> Result<(), ReconcileError> {
        let id = look.record.status.stack_id.clone();
        let at_work = match &id {
            Some(id) => self.stacks.at_work(id).await?,
            None => None,
        };
        let operation = plan.progress.operation.as_ref();
        let ours = operation.map(|it| token_of(look, it, word_of(it.kind)));
        if at_work.is_some() && at_work == ours {
            if let Some(operation) = &mut plan.progress.operation {
                operation.seen = true;
            }
        } else {
            plan.progress = Progress {
                operation: former.operation,
                attempt: former.attempt,
                deletions: former.deletions,
                recoveries: former.recoveries,
                settled: former.settled,
                failure: former.failure,
                ..plan.progress
            };
        }
        plan.action = Action::Nothing;
        plan.begins = None;
        self.save(look, desired, observed, &plan).await?;
        Ok(())
    }

    /// Writes down that CloudFormation has taken an operation on, where its end may look as if it
    /// had never begun. Who was quicker knows more: then this is not written.
    async fn acknowledge(
        &self,
        look: &mut Look<'_>,
        desired: &Desired,
        observed: &Observed,
        mut plan: Plan,
    ) -> Result<(), ReconcileError> {
        let begins = plan.action.begins_operation();
        let operation = plan.progress.operation.as_mut().filter(|_| begins);
        let Some(operation) = operation.filter(|it| !it.seen && it.kind.leaves_no_trace()) else {
            return Ok(());
        };
        operation.seen = true;
        plan.action = Action::Nothing;
        plan.begins = None;
        self.save(look, desired, observed, &plan).await?;
        Ok(())
    }

    async fn forget(&self, look: &Look<'_>) -> Result<Next, ReconcileError> {
        let service = &look.state.service;
        let (done, next) = match &look.name.scope {
            Scope::Service => {
                let done = self.registry.forget_service(service, &look.record).await?;
                (done, Next::Done)
            }
            Scope::Environment(environment) => {
                let Some(record) = self.end_open_deployments(look).await? else {
                    return Ok(OVERTAKEN);
                };
                let done = self
                    .registry
                    .forget_environment(service.name(), environment, &record, look.now)
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
}

impl Look<'_> {
    /// A number of the stack's own, as if by chance.
    fn seed(&self) -> u64 {
        u64::try_from(self.hash("rest") >> 64).unwrap_or_default()
    }

    /// 128 bits that are the same for the same stack, generation and word.
    fn hash(&self, word: &str) -> u128 {
        let service = &self.state.service;
        let text = format!(
            "{}/{}/{}/{word}",
            service.uid, self.name.scope, service.generation
        );
        let hex = slipway_synth::sha256(text.as_bytes());
        u128::from_str_radix(&hex[..32], 16).unwrap_or_default()
    }
}
