//! Changing stacks in memory.

use super::stack::{Applied, Effect, Prepared, Stack, WORKING_OUT};
use super::{FakeCloud, Inner, OperationSeen, Script};
use crate::error::{PortError, PortErrorKind};
use crate::ports::{PortResult, RunEnder, StackInput, StackRescuer, StackWriter, Started};
use crate::reconcile::observed::{CloudFormationStatus as S, StuckResource};

impl FakeCloud {
    /// Makes a call: it is noted, may fail on the way as a script says, and changes things.
    async fn change<T>(
        &self,
        call: &'static str,
        stack: &str,
        work: impl FnOnce(&mut Inner, Script) -> PortResult<T> + Send,
    ) -> PortResult<T> {
        let pass = self.tape.enter(call, true).await?;
        let mut inner = self.ticked();
        inner.calls.push(format!("{call} {stack}"));
        let script = inner.scripts.pop_front().unwrap_or(Script::Succeeds);
        if script == Script::Throttled {
            return Err(super::super::transient(call));
        }
        if self.tape.has_late_reads() {
            inner.before = inner.stacks.clone();
        }
        let lost = script == Script::AnswerLost;
        let answer = work(&mut inner, script)?;
        drop(inner);
        if lost {
            return Err(super::super::transient(call));
        }
        pass.leave(answer)
    }
}

impl Inner {
    /// The stack, if it is there and its token is new; otherwise the answer.
    fn begin(
        &mut self,
        kind: &'static str,
        id_or_name: &str,
        token: &str,
        allowed: impl Fn(S) -> bool,
    ) -> PortResult<Option<&mut Stack>> {
        let Some(stack) = self.find(id_or_name) else {
            return Err(busy(kind, "there is no such stack"));
        };
        if stack.tokens.contains(token) {
            return Ok(None);
        }
        if !allowed(stack.status) {
            let status = stack.status;
            return Err(busy(kind, &format!("Stack is in {status} state")));
        }
        stack.tokens.insert(token.to_owned());
        stack.token = Some(token.to_owned());
        let seen = OperationSeen {
            stack: stack.name.clone(),
            kind,
        };
        self.operations.push(seen);
        Ok(self.find(id_or_name))
    }

    fn prepare(&mut self, input: &StackInput, script: Script, at: jiff::Timestamp) -> Started {
        let Some(stack) = self.find(&input.stack) else {
            return Started::Before;
        };
        if stack.change_sets.contains_key(&input.token) {
            return Started::Before;
        }
        let refused = match script {
            Script::Refused(reason) => Some(reason),
            _ => None,
        };
        stack.change_sets.insert(
            input.token.clone(),
            Prepared {
                template: Applied::new(&input.template),
                repairs: false,
                ready_at: at + WORKING_OUT,
                refused,
                executed: false,
            },
        );
        Started::Now
    }
}

fn busy(operation: &'static str, message: &str) -> PortError {
    PortError {
        operation,
        message: message.to_owned(),
        kind: PortErrorKind::Busy,
        source: None,
    }
}

fn refused(operation: &'static str, message: String) -> PortError {
    PortError {
        operation,
        message,
        kind: PortErrorKind::Refused,
        source: None,
    }
}

impl StackWriter for FakeCloud {
    async fn prepare(&self, input: &StackInput) -> PortResult<Started> {
        let now = self.clock.now();
        self.change("prepare", &input.stack, |inner, script| {
            if let Script::Refused(message) = script {
                return Err(refused("prepare", message));
            }
            match inner.find(&input.stack).map(|stack| stack.status) {
                None => {
                    inner.next_id += 1;
                    let id = format!("arn:{}/{:06}", input.stack, inner.next_id);
                    inner.stacks.insert(id, Stack::new(&input.stack));
                }
                Some(S::ReviewInProgress) => {}
                Some(_) => return Err(busy("prepare", "the stack exists")),
            }
            Ok(inner.prepare(input, script, now))
        })
        .await
    }

    async fn prepare_repair(&self, input: &StackInput) -> PortResult<Started> {
        let now = self.clock.now();
        self.change("prepare_repair", &input.stack, |inner, script| {
            let Some(stack) = inner.find(&input.stack) else {
                return Err(busy("prepare_repair", "there is no such stack"));
            };
            if !stack.status.rests() {
                return Err(busy("prepare_repair", "the stack is busy"));
            }
            let name = stack.name.clone();
            let script = match inner.no_repairs.clone() {
                Some(reason) => Script::Refused(reason),
                None => script,
            };
            let started = inner.prepare(input, script, now);
            if let Some(stack) = inner.find(&name)
                && let Some(prepared) = stack.change_sets.get_mut(&input.token)
            {
                prepared.repairs = true;
            }
            Ok(started)
        })
        .await
    }

    async fn execute(&self, stack: &str, change_set: &str, token: &str) -> PortResult<Started> {
        let now = self.clock.now();
        self.change("execute", stack, |inner, script| {
            let known = inner
                .find(stack)
                .map(|it| it.change_sets.contains_key(change_set));
            if known != Some(true) {
                return Err(busy("execute", "there is no such change set"));
            }
            let allowed = |status: S| status == S::ReviewInProgress || status.rests();
            let rules = inner.rules.clone();
            let Some(stack) = inner.begin("execute", stack, token, allowed)? else {
                return Ok(Started::Before);
            };
            let Some(prepared) = stack.change_sets.get_mut(change_set) else {
                return Err(busy("execute", "there is no such change set"));
            };
            prepared.executed = true;
            let Prepared {
                template, repairs, ..
            } = prepared.clone();
            // What was prepared for a former state cannot be executed any more.
            stack.change_sets.retain(|name, _| name == change_set);
            if repairs {
                stack.status = S::UpdateInProgress;
                match script {
                    Script::Fails(reason) => {
                        stack.reason = Some(reason);
                        stack.plan(
                            now,
                            [
                                (S::UpdateRollbackInProgress, Effect::Nothing),
                                (S::UpdateRollbackComplete, Effect::Nothing),
                            ],
                        );
                    }
                    _ => stack.plan(now, [(S::UpdateComplete, Effect::Repairs(template))]),
                }
                return Ok(Started::Now);
            }
            stack.status = S::CreateInProgress;
            match super::fate(&rules, &template, script) {
                Script::Fails(reason) => {
                    stack.reason = Some(reason);
                    stack.plan(
                        now,
                        [
                            (S::RollbackInProgress, Effect::Nothing),
                            (S::RollbackComplete, Effect::Nothing),
                        ],
                    );
                }
                Script::FailsTwice(reason) => {
                    stack.reason = Some(reason);
                    stack.plan(
                        now,
                        [
                            (S::RollbackInProgress, Effect::Nothing),
                            (S::RollbackFailed, Effect::Nothing),
                        ],
                    );
                }
                Script::Hangs => {}
                _ => stack.plan(now, [(S::CreateComplete, Effect::Creates(template))]),
            }
            Ok(Started::Now)
        })
        .await
    }

    async fn update(&self, input: &StackInput) -> PortResult<Started> {
        let now = self.clock.now();
        self.change("update", &input.stack, |inner, script| {
            if let Script::Refused(message) = script {
                return Err(refused("update", message));
            }
            let template = Applied::new(&input.template);
            let same = inner
                .find(&input.stack)
                .filter(|it| it.status.rests())
                .is_some_and(|it| it.template.is_same(&template));
            if same {
                return Ok(Started::NothingToDo);
            }
            let script = super::fate(&inner.rules, &template, script);
            let Some(stack) = inner.begin("update", &input.stack, &input.token, S::rests)? else {
                return Ok(Started::Before);
            };
            stack.status = S::UpdateInProgress;
            match script {
                Script::Fails(reason) => {
                    stack.reason = Some(reason);
                    stack.plan(
                        now,
                        [
                            (S::UpdateRollbackInProgress, Effect::TakesBack(template)),
                            (S::UpdateRollbackComplete, Effect::Nothing),
                        ],
                    );
                }
                Script::FailsTwice(reason) => {
                    stack.reason = Some(reason);
                    stack.plan(
                        now,
                        [
                            (S::UpdateRollbackInProgress, Effect::TakesBack(template)),
                            (S::UpdateRollbackFailed, Effect::Nothing),
                        ],
                    );
                }
                Script::Hangs => {}
                Script::EcsGoesBack => {
                    stack.plan(now, [(S::UpdateComplete, Effect::AppliesInVain(template))]);
                }
                _ => stack.plan(
                    now,
                    [
                        (
                            S::UpdateCompleteCleanupInProgress,
                            Effect::Applies(template),
                        ),
                        (S::UpdateComplete, Effect::Nothing),
                    ],
                ),
            }
            Ok(Started::Now)
        })
        .await
    }

    async fn delete(&self, stack_id: &str, retain: &[String], token: &str) -> PortResult<Started> {
        let now = self.clock.now();
        self.change("delete", stack_id, |inner, script| {
            if let Script::Refused(message) = script {
                return Err(refused("delete", message));
            }
            if inner.find(stack_id).is_none_or(|stack| !stack.lives()) {
                return Ok(Started::Now);
            }
            let allowed = |status: S| {
                (!status.is_in_progress() || status == S::CreateInProgress)
                    && (retain.is_empty() || status == S::DeleteFailed)
            };
            let Some(stack) = inner.begin("delete", stack_id, token, allowed)? else {
                return Ok(Started::Before);
            };
            let name = stack.name.clone();
            let script = inner.fate_of_deletion(&name, script);
            let Some(stack) = inner.find(stack_id) else {
                return Ok(Started::Now);
            };
            stack.status = S::DeleteInProgress;
            let left: Vec<StuckResource> = stack
                .stuck
                .extract_if(.., |it| retain.contains(&it.logical_id))
                .collect();
            match script {
                Script::Fails(reason) => {
                    stack.stuck = vec![StuckResource {
                        logical_id: "SecurityGroup".to_owned(),
                        resource_type: "AWS::EC2::SecurityGroup".to_owned(),
                        physical_id: format!("sg-{}", stack.name),
                        reason: reason.clone(),
                    }];
                    stack.reason = Some(reason);
                    stack.plan(now, [(S::DeleteFailed, Effect::Nothing)]);
                }
                Script::Hangs => {}
                _ => stack.plan(now, [(S::DeleteComplete, Effect::Vanishes)]),
            }
            inner
                .left_behind
                .extend(left.into_iter().map(|it| it.physical_id));
            Ok(Started::Now)
        })
        .await
    }
}

impl RunEnder for FakeCloud {
    async fn end_runs(&self, machine: &str, _: &str) -> PortResult<()> {
        self.change("end_runs", machine, |_, _| Ok(())).await
    }
}

impl StackRescuer for FakeCloud {
    async fn cancel(&self, stack_id: &str, _: &str) -> PortResult<()> {
        let now = self.clock.now();
        self.change("cancel", stack_id, |inner, script| {
            let Some(stack) = inner.find(stack_id) else {
                return Ok(());
            };
            if stack.status != S::UpdateInProgress {
                return Ok(());
            }
            let seen = OperationSeen {
                stack: stack.name.clone(),
                kind: "cancel",
            };
            stack.status = S::UpdateRollbackInProgress;
            let end = match script {
                Script::FailsTwice(reason) => {
                    stack.reason = Some(reason);
                    S::UpdateRollbackFailed
                }
                _ => S::UpdateRollbackComplete,
            };
            stack.plan(now, [(end, Effect::Nothing)]);
            inner.operations.push(seen);
            Ok(())
        })
        .await
    }

    async fn continue_rollback(&self, stack_id: &str, token: &str) -> PortResult<Started> {
        let now = self.clock.now();
        self.change("continue", stack_id, |inner, script| {
            let allowed = |status| status == S::UpdateRollbackFailed;
            let Some(stack) = inner.begin("continue", stack_id, token, allowed)? else {
                return Ok(Started::Before);
            };
            stack.status = S::UpdateRollbackInProgress;
            let end = match script {
                Script::Fails(_) => S::UpdateRollbackFailed,
                _ => S::UpdateRollbackComplete,
            };
            stack.plan(now, [(end, Effect::Nothing)]);
            Ok(Started::Now)
        })
        .await
    }
}
