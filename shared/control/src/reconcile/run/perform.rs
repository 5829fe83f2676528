//! Doing a plan's one thing.

use super::super::desired::{Desired, Target};
use super::super::observed::Observed;
use super::super::plan::{Action, Plan};
use super::observe::{change_set_name, token_of};
use super::{Look, PortResult, Reconciler};
use slipway_synth::MACHINE_OUTPUT;

use crate::ports::{
    HistoryReader, ImageKeeper, RunEnder, ServiceReader, Slots, StackDoctor, StackInput,
    StackReader, StackRegistry, StackRescuer, StackWriter, Started, TrafficReader,
};
use crate::preflight::Checks;
use crate::record::{Operation, OperationKind};

/// Why a run of a job ended that is deleted.
const DELETED: &str = "the job is deleted";

/// What an operation's token is made from, beside what it is for. An execution's is another than
/// its preparation's, which is the change set's name.
pub(super) fn word_of(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Prepare => "create",
        OperationKind::Execute => "execute",
        OperationKind::Update => "update",
        OperationKind::Delete => "delete",
        OperationKind::Continue => "continue",
        OperationKind::PrepareRepair => "repair",
        OperationKind::ExecuteRepair => "execute-repair",
    }
}

impl<R, S, C> Reconciler<R, S, C>
where
    R: ServiceReader + HistoryReader + StackRegistry + Slots,
    S: StackReader + TrafficReader + StackDoctor + StackWriter + StackRescuer + RunEnder,
    C: Checks + ImageKeeper,
{
    pub(super) async fn perform(
        &self,
        look: &Look<'_>,
        desired: &Desired,
        observed: &Observed,
        plan: &Plan,
    ) -> PortResult<Started> {
        let name = look.name.to_string();
        let id = observed.stack.as_ref().map_or(&*name, |stack| &stack.id);
        let Some(operation) = &plan.progress.operation else {
            return match plan.action {
                // Somebody else's update stands in the way of a deletion.
                Action::Cancel => self.cancel(look, id, None).await,
                Action::Nothing
                | Action::Prepare
                | Action::Execute
                | Action::Update
                | Action::Continue
                | Action::PrepareRepair
                | Action::ExecuteRepair
                | Action::Delete { .. }
                | Action::Forget => Ok(Started::Now),
            };
        };
        let token = token_of(look, operation, word_of(operation.kind));
        let change_set = change_set_name(look, operation);
        let target = match desired {
            Desired::Present(target) => Some(target),
            Desired::Absent { .. }
            | Desired::Held
            | Desired::NoStack { .. }
            | Desired::Waiting { .. }
            | Desired::Refused { .. }
            | Desired::Awaiting { .. } => None,
        };
        match (&plan.action, target) {
            (Action::Prepare, Some(target)) => {
                let input = self.input(look, &name, target.creation.to_json(), change_set);
                self.stacks.prepare(&input).await
            }
            (Action::Execute | Action::ExecuteRepair, _) => {
                self.stacks.execute(id, &change_set, &token).await
            }
            (Action::Update, Some(target)) => {
                let input = self.input(look, id, steady(target, observed), token);
                self.stacks.update(&input).await
            }
            (Action::PrepareRepair, Some(target)) => {
                let input = self.input(look, id, steady(target, observed), change_set);
                self.stacks.prepare_repair(&input).await
            }
            (Action::Delete { retain }, _) => {
                // A job's cluster can't go while a task runs on it, and a task may run for days.
                if let Some(machine) = look.record.status.outputs.get(MACHINE_OUTPUT) {
                    self.stacks.end_runs(machine, DELETED).await?;
                }
                self.stacks.delete(id, retain, &token).await
            }
            (Action::Continue, _) => self.stacks.continue_rollback(id, &token).await,
            (Action::Cancel, _) => self.cancel(look, id, Some(operation)).await,
            (Action::Nothing | Action::Forget, _)
            | (Action::Prepare | Action::Update | Action::PrepareRepair, None) => Ok(Started::Now),
        }
    }

    async fn cancel(
        &self,
        look: &Look<'_>,
        id: &str,
        operation: Option<&Operation>,
    ) -> PortResult<Started> {
        let token = match operation {
            Some(operation) => token_of(look, operation, "cancel"),
            None => format!("slipway-cancel-{:032x}", look.hash("cancel")),
        };
        self.stacks.cancel(id, &token).await?;
        Ok(Started::Now)
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
}

/// The template of a stack that is there, with the weights that are live: what is done to it
/// moves no traffic. Where its service is replaced, the new one begins with as many tasks as the
/// old one has.
fn steady(target: &Target, observed: &Observed) -> String {
    let mut template = target.steady.clone();
    if let Some(count) = observed.count_to_keep(&template) {
        template = template.beginning_with(count);
    }
    match observed.live_weights() {
        Some(weights) => template.with_weights(weights).to_json(),
        None => template.to_json(),
    }
}
