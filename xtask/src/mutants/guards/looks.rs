//! Guards of a look: what is written before it is done, and what is given back when.

use super::Guard;

pub(super) const GUARDS: &[Guard] = &[
    Guard {
        name: "what is done was written down before",
        file: "shared/control/src/reconcile/run/mod.rs",
        text: r"        let Some(next) = self.save(&mut look, desired, observed, &plan).await? else {
            return Ok(OVERTAKEN);
        };
        match self.perform(&look, desired, observed, &plan).await {
",
        without: r"        let performed = self.perform(&look, desired, observed, &plan).await;
        let Some(next) = self.save(&mut look, desired, observed, &plan).await? else {
            return Ok(OVERTAKEN);
        };
        match performed {
",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::what_could_not_be_written_down_is_not_done",
    },
    Guard {
        name: "a look that was overtaken does nothing",
        file: "shared/control/src/reconcile/run/mod.rs",
        text: r"        let Some(next) = self.save(&mut look, desired, observed, &plan).await? else {
            return Ok(OVERTAKEN);
        };
        match self.perform(&look, desired, observed, &plan).await {
",
        without: r"        let next = self.save(&mut look, desired, observed, &plan).await?;
        let next = next.unwrap_or(OVERTAKEN);
        match self.perform(&look, desired, observed, &plan).await {
",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::a_look_that_was_overtaken_does_nothing",
    },
    Guard {
        name: "an operation needs a slot",
        file: "shared/control/src/reconcile/run/mod.rs",
        text: "if plan.action.begins_operation() && !self.registry.acquire(&name).await? {",
        without: "if false {",
        package: "slipway-control",
        test: "reconcile::tests::journeys::never_more_stack_operations_than_slots_and_all_come_to_their_turn",
    },
    Guard {
        name: "what CloudFormation has taken on is acknowledged",
        file: "shared/control/src/reconcile/run/mod.rs",
        text: "self.acknowledge(&mut look, desired, observed, plan).await?;",
        without: "",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::what_cloudformation_has_taken_on_is_written_down",
    },
    Guard {
        name: "what CloudFormation knows already is acknowledged",
        file: "shared/control/src/reconcile/run/mod.rs",
        text: r"Ok(Started::Before) => {
                if let Some(operation) = &mut plan.progress.operation {
                    operation.seen = true;",
        without: r"Ok(Started::Before) => {
                if let Some(operation) = &mut plan.progress.operation {
                    operation.seen = false;",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::what_cloudformation_knows_already_is_written_down",
    },
    Guard {
        name: "what was not begun does not count",
        file: "shared/control/src/reconcile/run/mod.rs",
        text: r"self.step_back(&mut look, desired, observed, plan, former)
                    .await?;",
        without: "let _ = former;",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::what_was_not_begun_because_another_operation_is_at_work_does_not_count",
    },
    Guard {
        name: "another operation at work is not taken for ours",
        file: "shared/control/src/reconcile/run/mod.rs",
        text: "if at_work.is_some() && at_work == ours {",
        without: "if at_work.is_some() {",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::what_was_not_begun_because_another_operation_is_at_work_does_not_count",
    },
    Guard {
        name: "what is wanted again is not forgotten",
        file: "shared/control/src/reconcile/run/mod.rs",
        text: r"        if done {
",
        without: r"        if done || !done {
",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::an_environment_that_is_wanted_again_is_not_forgotten",
    },
    Guard {
        name: "a slot in use is kept",
        file: "shared/control/src/reconcile/run/mod.rs",
        text: "stack.is_some_and(|stack| stack.attention.is_some())",
        without: "stack.is_some_and(|stack| stack.attention.is_none())",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::a_slot_in_use_is_not_given_back_by_a_sweep",
    },
    Guard {
        name: "a slot that no record tells of is given back",
        file: "shared/control/src/reconcile/run/mod.rs",
        text: r"            if !needed {
",
        without: r"            if !needed && holder.is_empty() {
",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::a_slot_that_no_record_tells_of_is_given_back_by_a_sweep",
    },
    Guard {
        name: "a slot is given back behind the write",
        file: "shared/control/src/reconcile/run/save.rs",
        text: "if !self.registry.save(&write).await? {",
        without: r"if !plan.progress.holds_slot {
                self.registry.release(&look.name.to_string()).await?;
            }
            if !self.registry.save(&write).await? {",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::a_look_that_was_overtaken_gives_no_slot_back",
    },
    Guard {
        name: "a slot is kept while an operation runs",
        file: "shared/control/src/reconcile/run/save.rs",
        text: "if !plan.progress.holds_slot && may_hold {",
        without: "if may_hold {",
        package: "slipway-control",
        test: "reconcile::tests::failures::a_slot_is_kept_while_an_operation_runs",
    },
    Guard {
        name: "a slot is given back",
        file: "shared/control/src/reconcile/run/save.rs",
        text: "if !plan.progress.holds_slot && may_hold {",
        without: "if false {",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::a_slot_is_given_back_by_the_look_that_needs_it_no_more",
    },
    Guard {
        name: "a path is held while it may be served",
        file: "shared/control/src/reconcile/run/save.rs",
        text: ".environment().filter(|_| is_settled);",
        without: ".environment();",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::a_path_is_held_while_it_may_be_served",
    },
    Guard {
        name: "a path is held where what ran runs on",
        file: "shared/control/src/reconcile/run/save.rs",
        text: "observed.stack.is_none() && !may_be_there",
        without: "!may_be_there",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::a_path_is_held_while_it_may_be_served",
    },
    Guard {
        name: "what was refused gives back nothing of what runs",
        file: "shared/control/src/reconcile/run/save.rs",
        text: "observed.stack.is_none() && !may_be_there",
        without: "observed.stack.is_none()",
        package: "slipway-control",
        test: "reconcile::tests::checks::a_refused_deployment_gives_back_nothing_that_what_runs_holds",
    },
    Guard {
        name: "what failed stays tried while others change",
        file: "shared/control/src/reconcile/run/mod.rs",
        text: "desired.stay_at(found.progress.generation);",
        without: "",
        package: "slipway-control",
        test: "reconcile::tests::failures::what_failed_is_not_tried_again_because_another_environment_changes",
    },
    Guard {
        name: "what is not settled has its attention set",
        file: "shared/control/src/reconcile/run/save.rs",
        text: "Some(set.unwrap_or(due))",
        without: "set.map(|_| due).filter(|_| false)",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::what_is_not_settled_has_its_attention_set",
    },
    Guard {
        name: "deployments are superseded by the newest",
        file: "shared/control/src/reconcile/run/save.rs",
        text: "if Some(deployment.id) == before.deployment {",
        without: "if before.deployment.is_some() {",
        package: "slipway-control",
        test: "reconcile::tests::journeys::only_the_newest_of_several_deployments_is_carried_out",
    },
    Guard {
        name: "deployments end with their environment",
        file: "shared/control/src/reconcile/run/save.rs",
        text: "for deployment in &mut deployments {",
        without: "for deployment in deployments.iter_mut().take(0) {",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::a_deployment_ends_with_its_environment",
    },
    Guard {
        name: "drift is news only behind the last operation",
        file: "shared/control/src/reconcile/run/observe.rs",
        text: "=> found > since,",
        without: "=> found > since || found <= since,",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::drift_that_was_found_before_the_last_update_is_no_news",
    },
    Guard {
        name: "a failure is another operation's if its token is",
        file: "shared/control/src/reconcile/run/observe.rs",
        text: "(Some(ours), Some(token)) => ours == *token,",
        without: "(Some(_), Some(_)) => true,",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::what_failed_under_another_token_is_not_this_updates_failure",
    },
    Guard {
        name: "a look is asked for once",
        file: "shared/control/src/reconcile/words.rs",
        text: "Some(due) if due <= wanted => {",
        without: "Some(due) if due < now => {",
        package: "slipway-control",
        test: "reconcile::tests::guards::looks::a_look_is_asked_for_once",
    },
];
