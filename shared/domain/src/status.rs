//! What a stack's status says to people and programs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a stack is on its way, in one word.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Registered; the reconciler has not begun, or waits for its turn.
    Pending,
    /// There is no image to run yet: the first one starts the stack.
    Waiting,
    /// CloudFormation creates the stack.
    Creating,
    /// CloudFormation updates the stack.
    Updating,
    /// The stack is as it should be; ECS is still replacing tasks.
    RollingOut,
    /// Everything is as the newest generation says.
    Ready,
    /// It did not work, and is not tried again by itself; the message says why and what to do.
    Failed,
    /// CloudFormation deletes the stack.
    Deleting,
}

impl Phase {
    /// Whether nothing is under way: the reconciler waits for a change from outside.
    pub fn is_settled(self) -> bool {
        match self {
            Self::Waiting | Self::Ready | Self::Failed => true,
            Self::Pending | Self::Creating | Self::Updating | Self::RollingOut | Self::Deleting => {
                false
            }
        }
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Creating => "creating",
            Self::Updating => "updating",
            Self::RollingOut => "rolling-out",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        })
    }
}

/// What a condition is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum ConditionType {
    /// There is an image to run.
    ImageAvailable,
    /// CloudFormation has applied the newest generation.
    StackApplied,
    /// ECS runs the newest task definition, and only that.
    RolloutComplete,
    /// Nobody has changed or deleted by hand what the stack is to be.
    InSync,
    /// What runs is rendered by this version of the control plane.
    UpToDate,
    /// It does not go on without a person: `advice` says what to do.
    Stalled,
    /// The service is as its newest generation says, and runs.
    Ready,
}

/// Whether a condition holds. An absent condition is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is not known yet.
    Unknown,
}

/// One aspect of a stack's state, in the form of Kubernetes' API conventions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    pub r#type: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// The reason for its last transition, one word in camel case, for programs.
    pub reason: String,
    /// The reason for people.
    pub message: String,
    /// The generation that it was found for.
    pub observed_generation: u64,
    /// When `status` last changed.
    #[schemars(with = "String")]
    pub last_transition_time: Timestamp,
}

/// What is known of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StackStatus {
    /// Where it is on its way.
    pub phase: Phase,
    /// What happens now, or what went wrong and what to do, in a sentence.
    pub message: String,
    /// What a person should do; absent while nobody need do anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Its aspects one by one.
    pub conditions: Vec<Condition>,
    /// The newest generation that the reconciler has acted on.
    pub observed_generation: u64,
    /// The stack's id, once it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_id: Option<String>,
    /// Where the service answers, once it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The stack's outputs.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
    /// When the phase last changed.
    #[schemars(with = "String")]
    pub since: Timestamp,
}

impl StackStatus {
    /// The status of a stack that nobody has looked at yet.
    pub fn new(now: Timestamp) -> Self {
        Self {
            phase: Phase::Pending,
            message: "Registered.".to_owned(),
            advice: None,
            conditions: Vec::new(),
            observed_generation: 0,
            stack_id: None,
            url: None,
            outputs: BTreeMap::new(),
            since: now,
        }
    }

    /// Sets the phase and its message; `since` moves only when the phase changes.
    pub fn enter(&mut self, phase: Phase, message: impl Into<String>, now: Timestamp) {
        if self.phase != phase {
            self.since = now;
        }
        self.phase = phase;
        self.message = message.into();
    }

    /// Sets a condition; its transition time moves only when its status changes.
    pub fn set(&mut self, mut condition: Condition) {
        match self
            .conditions
            .iter_mut()
            .find(|c| c.r#type == condition.r#type)
        {
            Some(old) => {
                if old.status == condition.status {
                    condition.last_transition_time = old.last_transition_time;
                }
                *old = condition;
            }
            None => {
                self.conditions.push(condition);
                self.conditions.sort_by_key(|c| c.r#type);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_conditions_transition_time_moves_only_with_its_status() {
        let mut status = StackStatus::new(at(0));
        let condition = |value, second| Condition {
            r#type: ConditionType::Ready,
            status: value,
            reason: "X".to_owned(),
            message: String::new(),
            observed_generation: 1,
            last_transition_time: at(second),
        };
        status.set(condition(ConditionStatus::False, 1));
        status.set(condition(ConditionStatus::False, 2));
        assert_eq!(status.conditions[0].last_transition_time, at(1));
        status.set(condition(ConditionStatus::True, 3));
        assert_eq!(status.conditions[0].last_transition_time, at(3));
        assert_eq!(status.conditions.len(), 1);
    }

    #[test]
    fn since_moves_only_with_the_phase() {
        let mut status = StackStatus::new(at(0));
        status.enter(Phase::Pending, "still", at(5));
        assert_eq!(status.since, at(0));
        status.enter(Phase::Creating, "now", at(6));
        assert_eq!(status.since, at(6));
    }
}
