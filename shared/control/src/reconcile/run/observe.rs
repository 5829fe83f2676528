//! Looking at a stack: as few calls as the decision needs.

use jiff::SignedDuration;

use super::super::desired::{Desired, Target, token};
use super::super::observed::{
    CloudFormationStatus, Observed, ObservedStack, OperationFailure, RolloutState,
};
use super::perform::word_of;
use super::{Look, PortResult, Reconciler};
use crate::ports::{
    HistoryReader, ImageKeeper, RunEnder, ServiceReader, Slots, StackDoctor, StackReader,
    StackRegistry, StackRescuer, StackWriter, TrafficReader, TrafficRule,
};
use crate::preflight::Checks;
use crate::record::{Operation, OperationKind};

/// How long an operation runs before it is asked why.
const SLOW: SignedDuration = SignedDuration::from_mins(3);
/// How often one generation's failure is looked into, a few calls each; and how many of these looks
/// may be spent on what is only slow.
const EVIDENCE_LOOKS: u32 = 4;
const SLOW_LOOKS: u32 = 2;

impl<R, S, C> Reconciler<R, S, C>
where
    R: ServiceReader + HistoryReader + StackRegistry + Slots,
    S: StackReader + TrafficReader + StackDoctor + StackWriter + StackRescuer + RunEnder,
    C: Checks + ImageKeeper,
{
    pub(super) async fn observe(&self, look: &Look<'_>, desired: &Desired) -> PortResult<Observed> {
        let record = &look.record;
        // What waits has no stack, or keeps it as it is, and needs no look.
        if !desired.is_looked_at() {
            return self.observe_former(look, desired).await;
        }
        let name = look.name.to_string();
        let found = self
            .stacks
            .stack(record.status.stack_id.as_deref().unwrap_or(&name))
            .await?;
        let Some(stack) = found.filter(|it| it.status != CloudFormationStatus::DeleteComplete)
        else {
            return Ok(Observed::default());
        };
        let mut observed = Observed::default();
        if stack.status.tells_a_failure() {
            let told = self.stacks.failure(&stack.id).await?;
            observed.failure = told.filter(|failure| may_be_ours(look, failure));
        }
        match desired {
            Desired::Present(target) => {
                self.look_closer(look, target, &stack, &mut observed)
                    .await?;
            }
            Desired::Absent { .. }
            | Desired::Held
            | Desired::NoStack { .. }
            | Desired::Waiting { .. }
            | Desired::Refused { .. }
            | Desired::Awaiting { .. } => {}
        }
        if stack.status == CloudFormationStatus::DeleteFailed {
            observed.stuck = self.stacks.stuck(&stack.id).await?;
        }
        observed.stack = Some(stack);
        Ok(observed)
    }

    /// The stack of a deployment that waits or was refused, while the one before may be at work.
    async fn observe_former(&self, look: &Look<'_>, desired: &Desired) -> PortResult<Observed> {
        let stays = matches!(desired, Desired::Refused { .. } | Desired::Awaiting { .. });
        let status = &look.record.status;
        let stack = match &status.stack_id {
            Some(id) if stays && look.record.progress.operation.is_some() => {
                self.stacks.stack(id).await?
            }
            Some(_) | None => None,
        };
        Ok(Observed {
            stack,
            ..Observed::default()
        })
    }

    /// What a stack that is wanted is asked beside its status.
    async fn look_closer(
        &self,
        look: &Look<'_>,
        target: &Target,
        stack: &ObservedStack,
        observed: &mut Observed,
    ) -> PortResult<()> {
        if let Some(operation) = awaits_change_set(look, stack.status) {
            let name = change_set_name(look, operation);
            observed.change_set = self.stacks.change_set(&stack.id, &name).await?;
        }
        if stack.status.rests() && target.rolls_out {
            let output = |name: &str| stack.outputs.get(name);
            if let (Some(cluster), Some(service)) = (output("Cluster"), output("ServiceName")) {
                observed.rollout = self.stacks.rollout(cluster, service).await?;
            }
            if let (Some(rule), Some(first), Some(second)) = (
                output("ListenerRule"),
                output("TargetGroup"),
                output("AlternateTargetGroup"),
            ) {
                let rule = TrafficRule {
                    rule,
                    first,
                    second,
                };
                observed.weights = self.stacks.weights(rule).await?;
            }
        }
        if stack.status == CloudFormationStatus::UpdateInProgress && target.pauses {
            observed.awaits_promotion = self.awaits_promotion(stack).await;
        }
        if stack.status.rests() && newer_than_operation(look, stack) {
            observed.drift = self.stacks.drift(&stack.id).await?;
        }
        if shows_trouble(look, target, stack, observed) {
            observed.evidence = Some(self.stacks.evidence(&stack.id).await?.bounded());
        }
        Ok(())
    }

    /// Whether somebody is to promote the stack's deployment. Only people want to know: what
    /// cannot be found out holds nothing up.
    async fn awaits_promotion(&self, stack: &ObservedStack) -> bool {
        let output = |name: &str| stack.outputs.get(name);
        let (Some(cluster), Some(service)) = (output("Cluster"), output("ServiceName")) else {
            return false;
        };
        let asked = self.stacks.awaits_promotion(cluster, service).await;
        asked.unwrap_or_else(|error| {
            tracing::warn!(%error, "whether a deployment waits to be promoted is not known");
            false
        })
    }
}

/// The operation whose change set the stack awaits, if it awaits one.
fn awaits_change_set<'a>(
    look: &'a Look<'_>,
    status: CloudFormationStatus,
) -> Option<&'a Operation> {
    let operation = look.record.progress.operation.as_ref()?;
    let awaits = match operation.kind {
        OperationKind::Prepare | OperationKind::Execute => {
            status == CloudFormationStatus::ReviewInProgress
        }
        OperationKind::PrepareRepair | OperationKind::ExecuteRepair => status.rests(),
        OperationKind::Update | OperationKind::Delete | OperationKind::Continue => false,
    };
    awaits.then_some(operation)
}

/// The name of an operation's change set, which is the token of its preparation.
pub(super) fn change_set_name(look: &Look<'_>, operation: &Operation) -> String {
    let preparation = match operation.kind {
        OperationKind::PrepareRepair | OperationKind::ExecuteRepair => OperationKind::PrepareRepair,
        OperationKind::Prepare
        | OperationKind::Execute
        | OperationKind::Update
        | OperationKind::Delete
        | OperationKind::Continue => OperationKind::Prepare,
    };
    token_of(look, operation, word_of(preparation))
}

pub(super) fn token_of(look: &Look<'_>, operation: &Operation, word: &str) -> String {
    token(
        look.state.service.uid,
        &look.name.scope,
        operation.generation,
        word,
        operation.serial,
    )
}

/// Whether a failure may be that of the last operation: another token's is older, and what failed
/// then is no news.
fn may_be_ours(look: &Look<'_>, failure: &OperationFailure) -> bool {
    let operation = look.record.progress.operation.as_ref();
    let judged =
        operation.filter(|it| matches!(it.kind, OperationKind::Execute | OperationKind::Update));
    let ours = judged.map(|it| token_of(look, it, word_of(it.kind)));
    match (ours, &failure.token) {
        (Some(ours), Some(token)) => ours == *token,
        (None, _) | (_, None) => true,
    }
}

/// Whether drift was found since the stack was last changed or found as wanted.
fn newer_than_operation(look: &Look<'_>, stack: &ObservedStack) -> bool {
    let progress = &look.record.progress;
    let changed = progress.operation.as_ref().map(|it| it.begun_at);
    let settled = progress.settled.as_ref().map(|it| it.at);
    match (stack.drifted_at, changed.max(settled)) {
        (Some(found), Some(since)) => found > since,
        (_, None) | (None, _) => false,
    }
}

/// Whether something fails, or takes long enough to look whether it does.
fn shows_trouble(
    look: &Look<'_>,
    target: &Target,
    stack: &ObservedStack,
    observed: &Observed,
) -> bool {
    let progress = &look.record.progress;
    // What has come to rest was looked into.
    if look.record.attention.is_none() {
        return false;
    }
    // Not all of it is there at once: a task stops before its target is seen to be unhealthy.
    let known = &progress.evidence;
    let is_whole = !known.tasks.is_empty() && !known.targets.is_empty() && !known.log.is_empty();
    if is_whole || progress.evidence_looks >= EVIDENCE_LOOKS {
        return false;
    }
    let operation = progress.operation.as_ref();
    let may_be_slow = progress.evidence_looks < SLOW_LOOKS;
    let slow =
        may_be_slow && operation.is_some_and(|it| look.now.duration_since(it.begun_at) > SLOW);
    let rollout = observed.rollout.as_ref().is_some_and(|it| {
        it.failed_tasks > 0
            || it.state == RolloutState::Failed
            || it.state == RolloutState::Completed
                && stack
                    .outputs
                    .get("TaskDefinition")
                    .is_some_and(|ours| *ours != it.task_definition)
    });
    // What was taken back to just what is wanted is no trouble.
    let wrong = stack.status.goes_wrong() && stack.digest() != Some(&target.digest);
    rollout || wrong || slow && stack.status.is_in_progress()
}
