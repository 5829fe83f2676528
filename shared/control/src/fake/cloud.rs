//! CloudFormation and ECS in memory: operations take a number of looks, and end as a script
//! says.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::error::{PortError, PortErrorKind};
use crate::ports::{PortResult, StackInput, StackReader, StackWriter, UpdateStarted};
use crate::reconcile::observed::{ChangeSet, ObservedStack, Rollout, RolloutState, StackStatus};

/// How the next operation ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// It succeeds.
    Succeeds,
    /// It fails, with this reason, and is taken back.
    Fails(String),
    /// The call is refused.
    Refused(String),
    /// The call is lost on the way; nothing happens.
    Throttled,
    /// The call is done, and its answer is lost.
    AnswerLost,
}

/// CloudFormation and ECS in memory. Clones are the same cloud.
#[derive(Debug, Clone, Default)]
pub struct FakeCloud {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By id; a deleted stack stays, as it does on AWS.
    stacks: BTreeMap<String, Stack>,
    next_id: u32,
    scripts: VecDeque<Script>,
    calls: Vec<String>,
}

#[derive(Debug, Clone)]
struct Stack {
    name: String,
    status: StackStatus,
    outputs: BTreeMap<String, String>,
    change_set: Option<(String, String)>,
    /// What the stack becomes after so many looks more.
    pending: Option<(u32, StackStatus, BTreeMap<String, String>)>,
    reason: Option<String>,
    tokens: Vec<String>,
}

/// How many looks an operation takes.
const LOOKS: u32 = 2;

impl FakeCloud {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next operations end so, one each.
    pub fn script(&self, scripts: impl IntoIterator<Item = Script>) {
        self.lock().scripts.extend(scripts);
    }

    /// The calls that changed something, and forgets them.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().calls)
    }

    /// The stacks that are there, with their statuses.
    pub fn stacks(&self) -> BTreeMap<String, StackStatus> {
        let inner = self.lock();
        let living = inner
            .stacks
            .values()
            .filter(|stack| stack.status != StackStatus::DeleteComplete);
        living
            .map(|stack| (stack.name.clone(), stack.status))
            .collect()
    }

    /// Somebody deletes a stack by hand.
    pub fn delete_by_hand(&self, name: &str) {
        let mut inner = self.lock();
        if let Some(stack) = inner.find(name) {
            stack.status = StackStatus::DeleteComplete;
        }
    }
}

impl Inner {
    fn find(&mut self, id_or_name: &str) -> Option<&mut Stack> {
        let by_id = self.stacks.contains_key(id_or_name);
        self.stacks
            .iter_mut()
            .filter(|(id, stack)| {
                if by_id {
                    *id == id_or_name
                } else {
                    stack.name == id_or_name && stack.status != StackStatus::DeleteComplete
                }
            })
            .map(|(_, stack)| stack)
            .next_back()
    }

    /// Counts the call, and says how it goes.
    fn begin(&mut self, call: &'static str, stack: &str) -> PortResult<Option<Script>> {
        self.calls.push(format!("{call} {stack}"));
        match self.scripts.pop_front() {
            Some(Script::Refused(message)) => Err(PortError {
                operation: call,
                message,
                kind: PortErrorKind::Refused,
                source: None,
            }),
            Some(Script::Throttled) => Err(super::transient(call)),
            other => Ok(other),
        }
    }
}

fn answer<T>(script: Option<&Script>, call: &'static str, value: T) -> PortResult<T> {
    if script == Some(&Script::AnswerLost) {
        Err(super::transient(call))
    } else {
        Ok(value)
    }
}

fn outputs(template: &str) -> BTreeMap<String, String> {
    let template: Value = serde_json::from_str(template).unwrap_or_default();
    let all = template["Outputs"].as_object().cloned().unwrap_or_default();
    all.into_iter()
        .map(|(key, output)| {
            let value = output["Value"]
                .as_str()
                .map_or_else(|| format!("physical-{key}"), str::to_owned);
            (key, value)
        })
        .collect()
}

fn in_progress(stack: &Stack) -> PortResult<()> {
    if stack.pending.is_some() {
        let message = format!("Stack is in {} state and can not be updated.", stack.status);
        return Err(PortError {
            operation: "fake",
            message,
            kind: PortErrorKind::Transient,
            source: None,
        });
    }
    Ok(())
}

impl StackReader for FakeCloud {
    async fn stack(&self, id_or_name: &str) -> PortResult<Option<ObservedStack>> {
        let mut inner = self.lock();
        if let Some(stack) = inner.find(id_or_name)
            && let Some((looks, status, outputs)) = stack.pending.take()
        {
            if looks == 0 {
                stack.status = status;
                stack.outputs = outputs;
            } else {
                stack.pending = Some((looks - 1, status, outputs));
            }
        }
        let id = inner
            .stacks
            .iter()
            .filter(|(id, stack)| {
                *id == id_or_name
                    || (stack.name == id_or_name && stack.status != StackStatus::DeleteComplete)
            })
            .map(|(id, _)| id.clone())
            .next_back();
        Ok(id.and_then(|id| {
            let stack = inner.stacks.get(&id)?;
            Some(ObservedStack {
                id: id.clone(),
                status: stack.status,
                outputs: stack.outputs.clone(),
            })
        }))
    }

    async fn change_set(&self, stack: &str, name: &str) -> PortResult<Option<ChangeSet>> {
        let mut inner = self.lock();
        let found = inner.find(stack).and_then(|stack| stack.change_set.clone());
        Ok(found
            .filter(|(token, _)| token == name)
            .map(|_| ChangeSet::Ready))
    }

    async fn failure(&self, stack: &str) -> PortResult<Option<String>> {
        Ok(self
            .lock()
            .find(stack)
            .and_then(|stack| stack.reason.clone()))
    }

    async fn rollout(&self, _: &str, _: &str) -> PortResult<Option<Rollout>> {
        Ok(Some(Rollout {
            task_definition: "physical-TaskDefinition".to_owned(),
            state: RolloutState::Completed,
            reason: String::new(),
            tasks: (2, 2),
        }))
    }
}

impl StackWriter for FakeCloud {
    async fn prepare(&self, input: &StackInput) -> PortResult<String> {
        let mut inner = self.lock();
        let script = inner.begin("prepare", &input.stack)?;
        if inner.find(&input.stack).is_none() {
            inner.next_id += 1;
            let id = format!("arn:{}/{}", input.stack, inner.next_id);
            let stack = Stack {
                name: input.stack.clone(),
                status: StackStatus::ReviewInProgress,
                outputs: BTreeMap::new(),
                change_set: None,
                pending: None,
                reason: None,
                tokens: Vec::new(),
            };
            inner.stacks.insert(id, stack);
        }
        if let Some(stack) = inner.find(&input.stack) {
            stack.change_set = Some((input.token.clone(), input.template.clone()));
        }
        let id = inner
            .stacks
            .iter()
            .filter(|(_, stack)| stack.name == input.stack)
            .map(|(id, _)| id.clone())
            .next_back();
        answer(script.as_ref(), "prepare", id.unwrap_or_default())
    }

    async fn execute(&self, stack: &str, token: &str) -> PortResult<()> {
        let mut inner = self.lock();
        let script = inner.begin("execute", stack)?;
        let Some(stack) = inner.find(stack) else {
            return Err(super::transient("execute"));
        };
        in_progress(stack)?;
        let Some((_, template)) = stack.change_set.take_if(|(name, _)| name == token) else {
            return Err(super::transient("execute"));
        };
        stack.status = StackStatus::CreateInProgress;
        stack.pending = Some(match &script {
            Some(Script::Fails(reason)) => {
                stack.reason = Some(reason.clone());
                (LOOKS, StackStatus::RollbackComplete, BTreeMap::new())
            }
            _ => (LOOKS, StackStatus::CreateComplete, outputs(&template)),
        });
        answer(script.as_ref(), "execute", ())
    }

    async fn update(&self, input: &StackInput) -> PortResult<UpdateStarted> {
        let mut inner = self.lock();
        let script = inner.begin("update", &input.stack)?;
        let Some(stack) = inner.find(&input.stack) else {
            return Err(super::transient("update"));
        };
        in_progress(stack)?;
        if stack.tokens.contains(&input.token) {
            return Ok(UpdateStarted::Started);
        }
        stack.tokens.push(input.token.clone());
        if stack.outputs == outputs(&input.template) {
            return Ok(UpdateStarted::NothingToDo);
        }
        stack.status = StackStatus::UpdateInProgress;
        stack.pending = Some(match &script {
            Some(Script::Fails(reason)) => {
                stack.reason = Some(reason.clone());
                (
                    LOOKS,
                    StackStatus::UpdateRollbackComplete,
                    stack.outputs.clone(),
                )
            }
            _ => (LOOKS, StackStatus::UpdateComplete, outputs(&input.template)),
        });
        answer(script.as_ref(), "update", UpdateStarted::Started)
    }

    async fn delete(&self, stack_id: &str, _: &str) -> PortResult<()> {
        let mut inner = self.lock();
        let script = inner.begin("delete", stack_id)?;
        let Some(stack) = inner.find(stack_id) else {
            return Ok(());
        };
        stack.status = StackStatus::DeleteInProgress;
        stack.pending = Some(match &script {
            Some(Script::Fails(reason)) => {
                stack.reason = Some(reason.clone());
                (LOOKS, StackStatus::DeleteFailed, stack.outputs.clone())
            }
            _ => (LOOKS, StackStatus::DeleteComplete, BTreeMap::new()),
        });
        answer(script.as_ref(), "delete", ())
    }
}
