//! Looking at stacks in memory.

use jiff::SignedDuration;
use slipway_domain::Evidence;

use super::FakeCloud;
use super::stack::{STEP, Stack};
use crate::ports::{ListedStack, Page, PortResult, StackDoctor, StackLister, StackReader};
use crate::reconcile::observed::{
    ChangeSet, ObservedStack, OperationFailure, ResourceDrift, Rollout, StuckResource,
};

/// How much time a look takes where looks take time.
const LOOK: SignedDuration = SignedDuration::from_secs(7);

impl StackReader for FakeCloud {
    async fn stack(&self, id_or_name: &str) -> PortResult<Option<ObservedStack>> {
        let pass = self.tape.enter("stack", false).await?;
        if self.looks_take_time {
            self.clock.advance(LOOK);
        }
        let inner = self.ticked();
        let stacks = if pass.is_stale() && !inner.before.is_empty() {
            &inner.before
        } else {
            &inner.stacks
        };
        let found = stacks
            .iter()
            .rfind(|(id, stack)| *id == id_or_name || (stack.name == id_or_name && stack.lives()));
        let answer = found.map(|(id, stack)| observed(id, stack));
        drop(inner);
        pass.leave(answer)
    }

    async fn change_set(&self, stack: &str, name: &str) -> PortResult<Option<ChangeSet>> {
        let pass = self.tape.enter("change_set", false).await?;
        let now = self.clock.now();
        let mut inner = self.ticked();
        let prepared = inner
            .find(stack)
            .and_then(|stack| stack.change_sets.get(name).cloned());
        drop(inner);
        let answer = prepared.map(|it| {
            if it.executed {
                ChangeSet::Executed
            } else if now < it.ready_at && !self.looks_take_time {
                ChangeSet::Preparing
            } else if let Some(reason) = it.refused {
                ChangeSet::Failed(reason)
            } else {
                ChangeSet::Ready
            }
        });
        pass.leave(answer)
    }

    async fn rollout(&self, cluster: &str, _: &str) -> PortResult<Option<Rollout>> {
        let pass = self.tape.enter("rollout", false).await?;
        let mut inner = self.ticked();
        let name = cluster.split('/').next().unwrap_or_default();
        let answer = inner.find(name).and_then(|stack| stack.rollout());
        drop(inner);
        pass.leave(answer)
    }
}

impl StackDoctor for FakeCloud {
    async fn failure(&self, stack: &str) -> PortResult<Option<OperationFailure>> {
        let pass = self.tape.enter("failure", false).await?;
        let mut inner = self.ticked();
        let stack = inner.find(stack).filter(|it| it.status.tells_a_failure());
        let answer = stack.map(|stack| OperationFailure {
            token: stack.token.clone(),
            reason: stack.reason.clone(),
        });
        drop(inner);
        pass.leave(answer)
    }

    async fn at_work(&self, stack: &str) -> PortResult<Option<String>> {
        let pass = self.tape.enter("at_work", false).await?;
        let mut inner = self.ticked();
        let stack = inner.find(stack).filter(|it| it.status.is_in_progress());
        let answer = stack.and_then(|stack| stack.token.clone());
        drop(inner);
        pass.leave(answer)
    }

    async fn stuck(&self, stack: &str) -> PortResult<Vec<StuckResource>> {
        let pass = self.tape.enter("stuck", false).await?;
        let answer = self.ticked().find(stack).map(|stack| stack.stuck.clone());
        pass.leave(answer.unwrap_or_default())
    }

    async fn drift(&self, stack: &str) -> PortResult<Vec<ResourceDrift>> {
        let pass = self.tape.enter("drift", false).await?;
        let answer = self.ticked().find(stack).map(|stack| stack.drift.clone());
        pass.leave(answer.unwrap_or_default())
    }

    async fn evidence(&self, stack: &str) -> PortResult<Evidence> {
        let pass = self.tape.enter("evidence", false).await?;
        let reason = self
            .ticked()
            .find(stack)
            .and_then(|stack| stack.reason.clone());
        let found = Evidence {
            resources: reason.iter().cloned().collect(),
            tasks: reason
                .map(|_| "Essential container in task exited (exit code 1)".to_owned())
                .into_iter()
                .collect(),
            ..Evidence::default()
        };
        pass.leave(found)
    }
}

impl StackLister for FakeCloud {
    async fn stacks(&self, after: Option<&str>) -> PortResult<Page<ListedStack>> {
        const PAGE: usize = 100;
        let pass = self.tape.enter("stacks", false).await?;
        let inner = self.ticked();
        let mut living = inner
            .stacks
            .iter()
            .filter(|(id, stack)| stack.lives() && after.is_none_or(|after| id.as_str() > after));
        let items: Vec<ListedStack> = living
            .by_ref()
            .take(PAGE)
            .map(|(id, stack)| ListedStack {
                id: id.clone(),
                name: stack.name.clone(),
                status: stack.status,
                checked_at: stack.checked.map(|(at, _)| at),
                drifted: stack.checked.is_some_and(|(_, drifted)| drifted),
            })
            .collect();
        let next = living.next().and(items.last().map(|it| it.id.clone()));
        drop(inner);
        pass.leave(Page { items, next })
    }

    async fn check_drift(&self, stack_id: &str) -> PortResult<()> {
        let pass = self.tape.enter("check_drift", false).await?;
        let now = self.clock.now();
        let mut inner = self.ticked();
        if let Some(stack) = inner.find(stack_id) {
            let gone = stack.service.is_none() && stack.template.task_definition.is_some();
            if gone && stack.drift.is_empty() {
                stack.drift = vec![ResourceDrift {
                    logical_id: "Service".to_owned(),
                    resource_type: "AWS::ECS::Service".to_owned(),
                    deleted: true,
                    properties: Vec::new(),
                }];
            }
            stack.checked = Some((now + STEP, !stack.drift.is_empty()));
        }
        drop(inner);
        pass.leave(())
    }
}

fn observed(id: &str, stack: &Stack) -> ObservedStack {
    ObservedStack {
        id: id.to_owned(),
        status: stack.status,
        outputs: stack.outputs(),
        drifted_at: stack
            .checked
            .and_then(|(at, drifted)| drifted.then_some(at)),
    }
}
