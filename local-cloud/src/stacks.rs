//! CloudFormation's calls that change stacks.
//!
//! A stack operation runs at the emulator at once and to its end; then it is taken apart into
//! steps that become visible one after the other (`timeline`). What AWS refuses and the emulator
//! lets pass is refused before (`checks`), or made to fail inside the stack, so that the
//! emulator's own rollback runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::bus;
use crate::checks::Submitted;
use crate::companion::{Companion, Incoming};
use crate::operations::{Kind, Visible};
use crate::timeline::{Recorded, Step, spread};
use crate::upstream::{Answer, Upstream};
use crate::wire::{self, Intent};
use crate::xml;

/// How long the emulator may take for one operation; a stack that never ends is a failure.
const LONGEST: Duration = Duration::from_mins(5);

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
            "ContinueUpdateRollback" | "RollbackStack" => {
                let stack = incoming.intent.parameter("StackName").unwrap_or_default();
                let _turn = self.turn(stack).await;
                let before = self.stack(&incoming.intent, stack).await?;
                self.run(incoming, &incoming.intent.form, Kind::Update, before, None)
                    .await
            }
            "CreateChangeSet" => self.create_change_set(incoming).await,
            "ExecuteChangeSet" => self.execute_change_set(incoming).await,
            "DescribeChangeSet" => self.describe_change_set(incoming).await,
            "DeleteChangeSet" | "ListChangeSets" => self.by_stack_name(incoming).await,
            "DescribeStacks" => self.describe_stacks(incoming).await,
            "ListStacks" => self.list_stacks(incoming).await,
            "DescribeStackEvents" => self.describe_stack_events(incoming).await,
            "DescribeStackResources" | "ListStackResources" | "DescribeStackResource" => {
                self.describe_stack_resources(incoming).await
            }
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
            Submitted::Form(form) => self.run(incoming, &form, Kind::Create, None, None).await,
        }
    }

    async fn update_stack(self: &Arc<Self>, incoming: &Incoming) -> Result<Answer> {
        let intent = &incoming.intent;
        let stack = intent.parameter("StackName").unwrap_or_default();
        let _turn = self.turn(stack).await;
        let before = self.stack(intent, stack).await?;
        if let Some(before) = before.as_ref().filter(|before| !updatable(&before.status)) {
            return Ok(refuse(intent, "ValidationError", &not_updatable(before)));
        }
        match self.submit(incoming, before.as_ref()).await? {
            Submitted::Refused(answer) => Ok(answer),
            Submitted::Form(form) => self.run(incoming, &form, Kind::Update, before, None).await,
        }
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
        self.run(incoming, &intent.form, Kind::Delete, Some(before), None)
            .await
    }

    /// Runs an operation at the emulator to its end and shows it step by step from here on.
    /// `id` is known for calls whose answer does not name the stack.
    pub(crate) async fn run(
        self: &Arc<Self>,
        incoming: &Incoming,
        form: &[(String, String)],
        kind: Kind,
        before: Option<Stack>,
        id: Option<&str>,
    ) -> Result<Answer> {
        let since = Instant::now();
        let intent = &incoming.intent;
        let upstream = self.upstream.in_region(&intent.region);
        let answer = upstream.form("cloudformation", form).await?;
        if !answer.status.is_success() {
            return Ok(answer);
        }
        let named = xml::find(&answer.text(), "StackId");
        let known = before.as_ref().map(|before| before.id.as_str());
        let id = named
            .as_deref()
            .or(id)
            .or(known)
            .context("the answer names no stack")?;
        let name = intent.parameter("StackName").unwrap_or_default();
        let name = before.as_ref().map_or(name, |before| before.name.as_str());
        self.operations.supersede(id);
        settle(&upstream, id).await?;
        let steps = self.steps(&upstream, id).await?;
        let outputs = before
            .as_ref()
            .map(|before| before.outputs.clone())
            .unwrap_or_default();
        let visible = Visible::new(id, name, &intent.region, kind, outputs);
        self.show(visible, steps, since);
        Ok(answer)
    }

    /// The steps of the newest operation: the events that no operation has shown yet.
    async fn steps(&self, upstream: &Upstream, id: &str) -> Result<Vec<Step>> {
        let mut events = Vec::new();
        let mut token = String::new();
        loop {
            let mut parameters = vec![("StackName", id)];
            if !token.is_empty() {
                parameters.push(("NextToken", token.as_str()));
            }
            let answer = upstream
                .query("cloudformation", "DescribeStackEvents", &parameters)
                .await?;
            let text = answer.success()?.text();
            let document = xml::parse(&text)?;
            for event in xml::members(&document, "StackEvents") {
                let event_id = xml::text(event, "EventId");
                if self.operations.shown(event_id).is_some() || self.operations.suppressed(event_id)
                {
                    continue;
                }
                let about_stack = xml::text(event, "PhysicalResourceId") == id
                    && xml::text(event, "ResourceType") == "AWS::CloudFormation::Stack";
                events.push(Recorded {
                    id: event_id.to_owned(),
                    stack: about_stack,
                    status: xml::text(event, "ResourceStatus").to_owned(),
                    reason: xml::text(event, "ResourceStatusReason").to_owned(),
                });
            }
            match xml::find(&text, "NextToken") {
                Some(next) => token = next,
                None => break,
            }
        }
        // AWS lists the newest first.
        events.reverse();
        Ok(spread(&events, self.delay))
    }

    fn show(self: &Arc<Self>, visible: Visible, steps: Vec<Step>, since: Instant) {
        let number = self.operations.begin(visible.clone(), &steps, since);
        let companion = self.clone();
        let mut steps = steps.into_iter().peekable();
        // The first step is visible before the call is answered.
        if steps.len() > 1
            && let Some(step) = steps.next()
        {
            companion.take_step(&visible, number, &step, false);
        }
        self.spawn(async move {
            while let Some(step) = steps.next() {
                tokio::time::sleep_until((since + step.after).into()).await;
                let last = steps.peek().is_none();
                if last {
                    companion.settle_stand_ins(&visible, &step).await;
                }
                if !companion.take_step(&visible, number, &step, last) {
                    return;
                }
                if last {
                    companion.announce_deployments(&visible, &step).await;
                }
            }
        });
    }

    fn take_step(
        self: &Arc<Self>,
        visible: &Visible,
        number: usize,
        step: &Step,
        last: bool,
    ) -> bool {
        if !self.operations.advance(&visible.id, number, step, last) {
            return false;
        }
        if let Some((status, reason)) = &step.status {
            let reason = self.in_words(reason);
            let (region, account) = (&visible.region, &self.account);
            self.emit(
                &bus::stack_status(&visible.id, status, &reason, region, account),
                region,
            );
        }
        true
    }

    /// What stands in comes and goes with its stack.
    async fn settle_stand_ins(&self, visible: &Visible, step: &Step) {
        let upstream = self.upstream.in_region(&visible.region);
        match step.status.as_ref().map(|(status, _)| status.as_str()) {
            Some("DELETE_COMPLETE" | "ROLLBACK_COMPLETE") => self.stood_in.forget(&visible.id),
            Some(status) if status.ends_with("_COMPLETE") => {
                // The stack may be gone again by now.
                let _ = self
                    .stood_in
                    .adopt(&upstream, &visible.id, &visible.name)
                    .await;
            }
            _ => {}
        }
    }

    /// ECS says on the bus when a deployment is complete; the emulator's are complete at once.
    async fn announce_deployments(self: &Arc<Self>, visible: &Visible, step: &Step) {
        let status = step.status.as_ref().map(|(status, _)| status.as_str());
        if !matches!(status, Some("CREATE_COMPLETE" | "UPDATE_COMPLETE")) {
            return;
        }
        let upstream = self.upstream.in_region(&visible.region);
        let parameters = [("StackName", visible.id.as_str())];
        let described = upstream
            .query("cloudformation", "DescribeStackResources", &parameters)
            .await;
        let Ok(text) = described.map(|answer| answer.text()) else {
            return;
        };
        let Ok(document) = xml::parse(&text) else {
            return;
        };
        let services: Vec<String> = xml::members(&document, "StackResources")
            .into_iter()
            .filter(|resource| xml::text(*resource, "ResourceType") == "AWS::ECS::Service")
            .map(|resource| xml::text(resource, "PhysicalResourceId").to_owned())
            .collect();
        for service in services {
            let event = bus::deployment_completed(&service, &visible.region, &self.account);
            self.emit(&event, &visible.region);
        }
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

/// Waits until the emulator's own work on a stack is over.
async fn settle(upstream: &Upstream, id: &str) -> Result<()> {
    let deadline = Instant::now() + LONGEST;
    loop {
        let parameters = [("StackName", id)];
        let answer = upstream
            .query("cloudformation", "DescribeStacks", &parameters)
            .await?;
        let status = xml::find(&answer.text(), "StackStatus").unwrap_or_default();
        if !status.ends_with("_IN_PROGRESS") {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the emulator does not come to an end with {id}: {status}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
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
