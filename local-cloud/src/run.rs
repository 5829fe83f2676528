//! Runs a stack operation at the emulator, and shows it step by step.
//!
//! A creation or a deletion runs to its end at once; then it is taken apart into steps that
//! become visible one after the other (`timeline`). An update is held at the emulator after its
//! last resource (`python/stacks.py`) until its time has come, so that it can be cancelled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::bus;
use crate::companion::{Companion, Incoming};
use crate::faults::Fault;
use crate::operations::{Kind, Visible};
use crate::stacks::Stack;
use crate::timeline::{Recorded, Step, hang_on, spread};
use crate::upstream::{Answer, Upstream};
use crate::wire::Intent;
use crate::xml;

/// How long the emulator may take for one operation; a stack that never ends is a failure.
const LONGEST: Duration = Duration::from_mins(5);

/// The type whose deployments CloudFormation waits for.
const SERVICE: &str = "AWS::ECS::Service";

/// A stack that an operation is about to change.
#[derive(Debug, Default)]
pub(crate) struct Before<'a> {
    /// As it was; none for one that is new.
    pub(crate) stack: Option<Stack>,
    /// Its id, for calls whose answer does not name it.
    pub(crate) id: Option<&'a str>,
    /// Whether what others changed is brought back.
    pub(crate) reverts: bool,
}

impl From<Stack> for Before<'_> {
    fn from(stack: Stack) -> Self {
        Self {
            stack: Some(stack),
            id: None,
            reverts: false,
        }
    }
}

/// What comes after the steps that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Nothing: the operation is over.
    End,
    /// The emulator holds the update; the rest is known when it goes on.
    Release,
    /// Nothing until somebody cancels or deletes.
    Hang,
}

/// An operation while it is shown.
#[derive(Debug, Clone)]
struct Showing {
    visible: Visible,
    number: usize,
    since: Instant,
}

impl Companion {
    /// Runs an operation at the emulator and shows it step by step from here on.
    pub(crate) async fn run(
        self: &Arc<Self>,
        incoming: &Incoming,
        form: &[(String, String)],
        kind: Kind,
        before: Before<'_>,
    ) -> Result<Answer> {
        let since = Instant::now();
        let intent = &incoming.intent;
        let upstream = self.upstream.in_region(&intent.region);
        let faults = self.faults.of_operation(&incoming.call);
        let mut form = form.to_vec();
        let updates = ["UpdateStack", "ExecuteChangeSet"].contains(&intent.operation.as_str());
        for fault in &faults {
            form.extend(fault.parameters());
        }
        let hang = faults.iter().find_map(Fault::hangs_on);
        if updates && kind == Kind::Update {
            let on = hang.unwrap_or(SERVICE).to_owned();
            form.push(("SlipwayHold".to_owned(), on));
        }
        self.exchange_task_failures(&upstream).await?;
        let answer = upstream.form("cloudformation", &form).await?;
        if !answer.status.is_success() {
            return Ok(answer);
        }
        let named = xml::find(&answer.text(), "StackId");
        let known = before.stack.as_ref().map(|before| before.id.as_str());
        let id = named
            .as_deref()
            .or(before.id)
            .or(known)
            .context("the answer names no stack")?
            .to_owned();
        self.tokens.note(intent, &id);
        self.operations.supersede(&id);
        let state = settle(&upstream, &id).await?;
        for fault in faults.iter().filter(|fault| fault.made(&state)) {
            self.faults.use_up(&incoming.call, fault);
        }
        let mut recorded = self.recorded(&upstream, &id).await?;
        let mut then = if state == HELD {
            Then::Release
        } else {
            Then::End
        };
        let waits = self.exchange_task_failures(&upstream).await?
            && (state == HELD || state == "CREATE_COMPLETE")
            && self
                .waits_for(&upstream, &services(&upstream, &id).await?)
                .await?;
        let never = match hang.or(waits.then_some(SERVICE)) {
            Some(on) => hang_on(&mut recorded, on),
            None => Vec::new(),
        };
        if !never.is_empty() {
            then = Then::Hang;
            if let Some(fault) = faults.iter().find(|fault| fault.hangs_on().is_some()) {
                self.faults.use_up(&incoming.call, fault);
            }
        }
        let name = intent.parameter("StackName").unwrap_or_default();
        let (name, outputs) = before.stack.as_ref().map_or((name, ""), |before| {
            (before.name.as_str(), before.outputs.as_str())
        });
        let mut visible = Visible::new(&id, name, &intent.region, kind, outputs.to_owned());
        visible.reverts = before.reverts;
        visible.hide(never.into_iter().map(|event| event.id));
        let end = if then == Then::Release {
            self.cleanup()
        } else {
            self.delay
        };
        self.show(visible, spread(&recorded, Duration::ZERO, end), since, then);
        Ok(answer)
    }

    /// Whether the emulator holds an update of this stack.
    pub(crate) async fn is_held(&self, intent: &Intent, id: &str) -> Result<bool> {
        let upstream = self.upstream.in_region(&intent.region);
        Ok(settle(&upstream, id).await? == HELD)
    }

    /// When an update begins to clean up, after which it cannot be cancelled any more.
    fn cleanup(&self) -> Duration {
        self.delay.saturating_sub(self.delay / 10)
    }

    /// What no operation has shown yet, oldest first.
    async fn recorded(&self, upstream: &Upstream, id: &str) -> Result<Vec<Recorded>> {
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
                let kind = xml::text(event, "ResourceType");
                let logical_id = xml::text(event, "LogicalResourceId");
                let stack = xml::text(event, "StackName");
                events.push(Recorded {
                    id: event_id.to_owned(),
                    stack: xml::text(event, "PhysicalResourceId") == id
                        && kind == "AWS::CloudFormation::Stack",
                    kind: self
                        .stood_in
                        .original(upstream.region(), stack, logical_id)
                        .map_or_else(|| kind.to_owned(), |original| original.kind),
                    logical_id: logical_id.to_owned(),
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
        Ok(events)
    }

    fn show(self: &Arc<Self>, visible: Visible, steps: Vec<Step>, since: Instant, then: Then) {
        let number = self.operations.begin(visible.clone(), &steps, since);
        let showing = Showing {
            visible,
            number,
            since,
        };
        let mut steps: std::collections::VecDeque<Step> = steps.into();
        // The first status is visible before the call is answered.
        while steps.len() > usize::from(then == Then::End)
            && let Some(step) = steps.pop_front()
        {
            self.take_step(&showing, &step, false);
            if step.status.is_some() {
                break;
            }
        }
        let companion = self.clone();
        self.spawn(async move {
            if then == Then::End {
                companion.play(&showing, steps, true).await;
            } else if companion.play(&showing, steps, false).await && then == Then::Release {
                // An emulator that is gone has nothing more to show.
                let _ = companion.go_on(&showing).await;
            }
        });
    }

    /// Takes steps when their time has come; false when another operation came between.
    async fn play(
        self: &Arc<Self>,
        showing: &Showing,
        mut steps: std::collections::VecDeque<Step>,
        ends: bool,
    ) -> bool {
        while let Some(step) = steps.pop_front() {
            tokio::time::sleep_until((showing.since + step.after).into()).await;
            let last = ends && steps.is_empty();
            if last {
                self.settle_stand_ins(&showing.visible, &step).await;
            }
            if !self.take_step(showing, &step, last) {
                return false;
            }
            if last {
                self.announce_deployments(&showing.visible, &step).await;
            }
        }
        true
    }

    /// Lets the emulator go on with an update that it holds, and shows the rest.
    async fn go_on(self: &Arc<Self>, showing: &Showing) -> Result<()> {
        let Visible {
            id, name, region, ..
        } = &showing.visible;
        tokio::time::sleep_until((showing.since + self.cleanup()).into()).await;
        let turn = self.turn(name).await;
        if !self.operations.is_current(id, showing.number) {
            return Ok(());
        }
        let upstream = self.upstream.in_region(region);
        let which = [("StackName", id.as_str())];
        upstream
            .query("cloudformation", "SlipwayRelease", &which)
            .await?
            .success()?;
        settle(&upstream, id).await?;
        let recorded = self.recorded(&upstream, id).await?;
        let mut steps: std::collections::VecDeque<Step> =
            spread(&recorded, self.cleanup(), self.delay).into();
        if let Some(step) = steps.pop_front_if(|step| step.after <= self.cleanup()) {
            self.take_step(showing, &step, false);
        }
        drop(turn);
        self.play(showing, steps, true).await;
        Ok(())
    }

    fn take_step(self: &Arc<Self>, showing: &Showing, step: &Step, last: bool) -> bool {
        let Visible { id, region, .. } = &showing.visible;
        if !self.operations.advance(id, showing.number, step, last) {
            return false;
        }
        if let Some((status, reason)) = &step.status {
            let reason = self.in_words(reason);
            let event = bus::stack_status(id, status, &reason, region, &self.account);
            self.emit(&event, region);
        }
        true
    }

    /// What stands in comes and goes with its stack.
    async fn settle_stand_ins(&self, visible: &Visible, step: &Step) {
        let upstream = self.upstream.in_region(&visible.region);
        match step.status.as_ref().map(|(status, _)| status.as_str()) {
            Some("DELETE_COMPLETE" | "ROLLBACK_COMPLETE") => {
                self.stood_in.forget(upstream.region(), &visible.id);
            }
            Some(status) if status.ends_with("_COMPLETE") || status == "DELETE_FAILED" => {
                // The stack may be gone again by now.
                let _ = self
                    .stood_in
                    .adopt(&upstream, &visible.id, &visible.name, visible.reverts)
                    .await;
            }
            _ => {}
        }
    }

    /// ECS says on the bus when a deployment is complete; the emulator's are complete at once.
    async fn announce_deployments(self: &Arc<Self>, visible: &Visible, step: &Step) {
        let status = step.status.as_ref().map(|(status, _)| status.as_str());
        let deployed = [
            "CREATE_COMPLETE",
            "UPDATE_COMPLETE",
            "UPDATE_ROLLBACK_COMPLETE",
        ];
        if !status.is_some_and(|status| deployed.contains(&status)) {
            return;
        }
        let upstream = self.upstream.in_region(&visible.region);
        let Ok(services) = services(&upstream, &visible.id).await else {
            return;
        };
        for service in services {
            let event = bus::deployment_completed(&service, &visible.region, &self.account);
            self.emit(&event, &visible.region);
        }
    }
}

/// The ECS services of a stack, by their ARNs.
async fn services(upstream: &Upstream, stack: &str) -> Result<Vec<String>> {
    let parameters = [("StackName", stack)];
    let described = upstream
        .query("cloudformation", "DescribeStackResources", &parameters)
        .await?;
    let text = described.text();
    let document = xml::parse(&text)?;
    Ok(xml::members(&document, "StackResources")
        .into_iter()
        .filter(|resource| xml::text(*resource, "ResourceType") == SERVICE)
        .map(|resource| xml::text(resource, "PhysicalResourceId").to_owned())
        .collect())
}

/// What the emulator says of an update that waits to be let go.
const HELD: &str = "HELD";

/// Waits until the emulator's own work on a stack is over, or held; answers the stack's status.
async fn settle(upstream: &Upstream, id: &str) -> Result<String> {
    let deadline = Instant::now() + LONGEST;
    loop {
        let parameters = [("StackName", id)];
        let answer = upstream
            .query("cloudformation", "SlipwayState", &parameters)
            .await?
            .success()?;
        let state = xml::find(&answer.text(), "State").unwrap_or_default();
        if !state.ends_with("_IN_PROGRESS") {
            return Ok(state);
        }
        if Instant::now() > deadline {
            bail!("the emulator does not come to an end with {id}: {state}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
