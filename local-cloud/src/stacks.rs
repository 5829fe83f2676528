//! CloudFormation's calls that change stacks.
//!
//! What AWS refuses and the emulator lets pass is refused before (`checks`), or made to fail
//! inside the stack, so that the emulator's own rollback runs. What is accepted is shown step by
//! step (`run`).

use std::sync::Arc;

use anyhow::Result;

use crate::checks::Submitted;
use crate::companion::{Companion, Incoming};
use crate::operations::Kind;
use crate::run::Before;
use crate::upstream::Answer;
use crate::wire::{self, Intent};
use crate::xml;

/// A stack as callers see it: the emulator's record under the operation in flight.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) outputs: String,
}

impl Companion {
    /// Answers a CloudFormation call.
    pub(crate) async fn cloudformation(self: &Arc<Self>, incoming: &Incoming) -> Result<Answer> {
        match incoming.intent.operation.as_str() {
            "CreateStack" => self.create_stack(incoming).await,
            "UpdateStack" => self.update_stack(incoming).await,
            "DeleteStack" => self.delete_stack(incoming).await,
            "CancelUpdateStack" => self.roll_back(incoming, "UPDATE_IN_PROGRESS").await,
            "ContinueUpdateRollback" => self.roll_back(incoming, "UPDATE_ROLLBACK_FAILED").await,
            "CreateChangeSet" => self.create_change_set(incoming).await,
            "ExecuteChangeSet" => self.execute_change_set(incoming).await,
            "DescribeChangeSet" => self.describe_change_set(incoming).await,
            "DeleteChangeSet" | "ListChangeSets" => self.by_stack_name(incoming).await,
            "DescribeStacks" => self.describe_stacks(incoming).await,
            "ListStacks" => self.list_stacks(incoming).await,
            "DescribeAccountLimits" => Ok(self.stack_limits()),
            "DescribeStackEvents" => self.describe_stack_events(incoming).await,
            "DescribeStackResources" | "ListStackResources" | "DescribeStackResource" => {
                self.describe_stack_resources(incoming).await
            }
            "DetectStackDrift" => self.detect_stack_drift(incoming).await,
            "DescribeStackDriftDetectionStatus" => Ok(self.drift_detection_status(incoming)),
            "DescribeStackResourceDrifts" => self.stack_resource_drifts(incoming).await,
            _ => self.forward(incoming).await,
        }
    }

    async fn create_stack(self: &Arc<Self>, incoming: &Incoming) -> Result<Answer> {
        let intent = &incoming.intent;
        let name = intent.parameter("StackName").unwrap_or_default();
        let _turn = self.turn(name).await;
        let before = self.stack(intent, name).await?;
        // The emulator would replace a stack whose creation was rolled back.
        if before.is_some() {
            let message = format!("Stack [{name}] already exists");
            return Ok(refuse(intent, "AlreadyExistsException", &message));
        }
        match self.submit(incoming, before.as_ref()).await? {
            Submitted::Refused(answer) => Ok(answer),
            Submitted::Form(form) => {
                self.run(incoming, &form, Kind::Create, Before::default())
                    .await
            }
        }
    }

    async fn update_stack(self: &Arc<Self>, incoming: &Incoming) -> Result<Answer> {
        let intent = &incoming.intent;
        let stack = intent.parameter("StackName").unwrap_or_default();
        let _turn = self.turn(stack).await;
        let Some(before) = self.stack(intent, stack).await? else {
            let message = format!("Stack [{stack}] does not exist");
            return Ok(refuse(intent, "ValidationError", &message));
        };
        if let Some(answer) = self.tokens.check(intent, &before.id) {
            return Ok(answer);
        }
        if !updatable(&before.status) {
            return Ok(refuse(intent, "ValidationError", &not_updatable(&before)));
        }
        match self.submit(incoming, Some(&before)).await? {
            Submitted::Refused(answer) => Ok(answer),
            Submitted::Form(form) => self.run(incoming, &form, Kind::Update, before.into()).await,
        }
    }

    /// Cancels an update, or goes on with a rollback that failed. `from` is the status that the
    /// stack has to have (API reference of both calls).
    async fn roll_back(self: &Arc<Self>, incoming: &Incoming, from: &str) -> Result<Answer> {
        let intent = &incoming.intent;
        let stack = intent.parameter("StackName").unwrap_or_default();
        let _turn = self.turn(stack).await;
        let Some(before) = self.stack(intent, stack).await? else {
            let message = format!("Stack [{stack}] does not exist");
            return Ok(refuse(intent, "ValidationError", &message));
        };
        if let Some(answer) = self.tokens.check(intent, &before.id) {
            return Ok(answer);
        }
        if before.status != from {
            let message = format!(
                "{} cannot be called from current stack status",
                intent.operation
            );
            return Ok(refuse(intent, "ValidationError", &message));
        }
        if from == "UPDATE_IN_PROGRESS" && !self.is_held(intent, &before.id).await? {
            // The emulator rolls it back already; nobody has seen it yet.
            self.tokens.note(intent, &before.id);
            return Ok(wire::empty_result(&intent.operation));
        }
        self.run(incoming, &intent.form, Kind::Update, before.into())
            .await
    }

    async fn delete_stack(self: &Arc<Self>, incoming: &Incoming) -> Result<Answer> {
        let intent = &incoming.intent;
        let stack = intent.parameter("StackName").unwrap_or_default();
        let _turn = self.turn(stack).await;
        if let Some(answer) = self.check_role(intent).await? {
            return Ok(answer);
        }
        let Some(before) = self.stack(intent, stack).await? else {
            // Deleting what is not there succeeds.
            return self.forward(incoming).await;
        };
        if let Some(answer) = self.tokens.check(intent, &before.id) {
            return Ok(answer);
        }
        if before.status == "DELETE_IN_PROGRESS" {
            return Ok(wire::empty_result("DeleteStack"));
        }
        if before.status.starts_with("UPDATE_") && before.status.ends_with("_IN_PROGRESS") {
            let message = format!(
                "Stack [{}] cannot be deleted while in status {}",
                before.id, before.status
            );
            return Ok(refuse(intent, "ValidationError", &message));
        }
        if let Some(answer) = self.check_retained(intent, &before).await? {
            return Ok(answer);
        }
        self.run(incoming, &intent.form, Kind::Delete, before.into())
            .await
    }

    /// Only a stack that failed to be deleted may keep resources, and only those it still has.
    async fn check_retained(&self, intent: &Intent, stack: &Stack) -> Result<Option<Answer>> {
        let retained = intent.members("RetainResources");
        if retained.is_empty() {
            return Ok(None);
        }
        if stack.status != "DELETE_FAILED" {
            let message = format!(
                "Invalid operation on stack [{}]. You can retain resources in a delete stack \
                 operation only when the stack is in the DELETE_FAILED state.",
                stack.id
            );
            return Ok(Some(refuse(intent, "ValidationError", &message)));
        }
        let upstream = self.upstream.in_region(&intent.region);
        let owned = crate::checks::owned(&upstream, &stack.id).await?;
        let has = |wanted: &str| owned.iter().any(|(logical_id, _)| logical_id == wanted);
        if retained.into_iter().all(has) {
            return Ok(None);
        }
        // What was deleted is not in the emulator's stack any more.
        let message = "The specified resources to retain must be in a valid state. Do not specify \
                       resources that are in the DELETE_COMPLETE state.";
        Ok(Some(refuse(intent, "ValidationError", message)))
    }

    /// The stack as callers see it, by name or id; nothing for one that is gone.
    pub(crate) async fn stack(&self, intent: &Intent, stack: &str) -> Result<Option<Stack>> {
        let in_flight = self.operations.of(stack, &intent.region);
        let wanted = in_flight.as_ref().map_or(stack, |it| it.id.as_str());
        let upstream = self.upstream.in_region(&intent.region);
        let parameters = [("StackName", wanted)];
        let answer = upstream
            .query("cloudformation", "DescribeStacks", &parameters)
            .await?;
        if !answer.status.is_success() {
            return Ok(None);
        }
        let text = answer.text();
        let document = xml::parse(&text)?;
        let Some(member) = xml::members(&document, "Stacks").into_iter().next() else {
            return Ok(None);
        };
        let mut stack = Stack {
            id: xml::text(member, "StackId").to_owned(),
            name: xml::text(member, "StackName").to_owned(),
            status: xml::text(member, "StackStatus").to_owned(),
            outputs: xml::child(member, "Outputs")
                .map(|outputs| text[outputs.range()].to_owned())
                .unwrap_or_default(),
        };
        if let Some(in_flight) = in_flight {
            stack.status = in_flight.status;
            stack.outputs = in_flight.outputs;
        }
        Ok(Some(stack).filter(|stack| stack.status != "DELETE_COMPLETE"))
    }

    /// A reason as AWS would give it: what was made to fail says why it was refused.
    pub(crate) fn in_words(&self, reason: &str) -> String {
        let refusals = self
            .refusals
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        refusals
            .iter()
            .find(|(word, _)| reason.contains(word.as_str()))
            .map_or_else(|| reason.to_owned(), |(_, message)| message.clone())
    }
}

/// An error of CloudFormation's.
pub(crate) fn refuse(intent: &Intent, code: &str, message: &str) -> Answer {
    wire::error(intent.protocol, 400, code, message)
}

/// What AWS says of a stack that cannot be updated now.
pub(crate) fn not_updatable(stack: &Stack) -> String {
    format!(
        "Stack:{} is in {} state and can not be updated.",
        stack.id, stack.status
    )
}

/// The statuses from which an update may start.
pub(crate) fn updatable(status: &str) -> bool {
    matches!(
        status,
        "CREATE_COMPLETE"
            | "UPDATE_COMPLETE"
            | "UPDATE_ROLLBACK_COMPLETE"
            | "IMPORT_COMPLETE"
            | "IMPORT_ROLLBACK_COMPLETE"
    )
}
