//! Doing a plan's one thing.

use super::super::desired::Desired;
use super::super::observed::Observed;
use super::super::plan::{Action, Plan};
use super::observe::{change_set_name, token_of};
use super::{Look, PortResult, Reconciler};
use crate::ports::{
    HistoryReader, ServiceReader, Slots, StackDoctor, StackInput, StackReader, StackRegistry,
    StackRescuer, StackWriter, Started,
};
use crate::record::Operation;

impl<R, S> Reconciler<R, S>
where
    R: ServiceReader + HistoryReader + StackRegistry + Slots,
    S: StackReader + StackDoctor + StackWriter + StackRescuer,
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
        let token = |word| token_of(look, operation, word);
        let change_set = change_set_name(look, operation);
        let target = match desired {
            Desired::Present(target) => Some(target),
            Desired::Absent { .. } | Desired::Held | Desired::Waiting { .. } => None,
        };
        match (&plan.action, target) {
            (Action::Prepare, Some(target)) => {
                let input = self.input(look, &name, target.creation.to_json(), change_set);
                self.stacks.prepare(&input).await
            }
            (Action::Execute, _) => {
                self.stacks
                    .execute(id, &change_set, &token("execute"))
                    .await
            }
            (Action::Update, Some(target)) => {
                let input = self.input(look, id, target.steady.to_json(), token("update"));
                self.stacks.update(&input).await
            }
            (Action::PrepareRepair, Some(target)) => {
                let input = self.input(look, id, target.steady.to_json(), change_set);
                self.stacks.prepare_repair(&input).await
            }
            (Action::ExecuteRepair, _) => {
                let token = token("execute-repair");
                self.stacks.execute(id, &change_set, &token).await
            }
            (Action::Delete { retain }, _) => {
                self.stacks.delete(id, retain, &token("delete")).await
            }
            (Action::Continue, _) => self.stacks.continue_rollback(id, &token("continue")).await,
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
