//! Where a stack's traffic goes, and where its tasks are.
//!
//! As on AWS: CloudFormation writes a rule only where two templates differ in it, forward and
//! back; ECS moves traffic with each deployment of a strategy that shifts; and neither knows of
//! the other.

use serde_json::Value;
use slipway_synth::Weights;

use super::FakeCloud;
use super::stack::{Applied, Stack};
use crate::ports::{PortResult, TrafficReader, TrafficRule};
use crate::reconcile::observed::CloudFormationStatus;

/// What a template says of traffic.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Says {
    rule: Value,
    weights: Weights,
    shifts: bool,
}

impl Default for Says {
    fn default() -> Self {
        Self::of(&Value::Null)
    }
}

impl Says {
    pub(super) fn of(template: &Value) -> Self {
        let outputs = &template["Outputs"];
        let weights = outputs[slipway_synth::WEIGHTS_OUTPUT]["Value"].as_str();
        Self {
            rule: template["Resources"]["ListenerRule"].clone(),
            weights: weights
                .and_then(|it| it.parse().ok())
                .unwrap_or(Weights::FIRST),
            shifts: !outputs["AlternateTargetGroup"].is_null(),
        }
    }
}

/// Where the traffic of a stack goes.
#[derive(Debug, Clone)]
pub(super) struct Traffic {
    live: Weights,
    tasks: Weights,
    /// Whether it ever went where no tasks are.
    lost: bool,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            live: Weights::FIRST,
            tasks: Weights::FIRST,
            lost: false,
        }
    }
}

impl Traffic {
    fn goes_to(&mut self, weights: Weights) {
        self.live = weights;
        self.lost |= self.live != self.tasks;
    }

    /// A stack is made from a template.
    pub(super) fn begin(&mut self, template: &Applied) {
        self.live = template.says.weights;
        self.tasks = self.live;
    }

    /// CloudFormation brings a stack from one template to another.
    pub(super) fn update(&mut self, from: &Applied, to: &Applied) {
        if from.says != to.says {
            self.goes_to(to.says.weights);
        }
    }

    /// It puts a stack as a template says, whatever was there.
    pub(super) fn revert(&mut self, to: &Applied) {
        self.goes_to(to.says.weights);
    }

    /// ECS deploys another task definition, as a template says.
    pub(super) fn deploy(&mut self, template: &Applied) {
        if template.says.shifts {
            self.tasks = match self.tasks {
                Weights::FIRST => Weights::SECOND,
                _ => Weights::FIRST,
            };
            self.goes_to(self.tasks);
        }
    }
}

impl FakeCloud {
    /// The live weights of a stack's traffic, and whether it ever went where no tasks are.
    pub fn traffic(&self, stack: &str) -> Option<(Weights, bool)> {
        let inner = self.ticked();
        let mut stacks = inner.stacks.values();
        let found = stacks.find(|it| it.name == stack && it.lives())?;
        Some((found.traffic.live, found.traffic.lost))
    }
}

impl TrafficReader for FakeCloud {
    async fn weights(&self, rule: TrafficRule<'_>) -> PortResult<Option<Weights>> {
        let pass = self.tape.enter("weights", false).await?;
        let inner = self.ticked();
        let of = |stack: &&Stack| format!("{}/ListenerRule", stack.name) == rule.rule;
        let found = inner.stacks.values().filter(|it| it.lives()).find(of);
        let answer = found.map(|it| it.traffic.live);
        drop(inner);
        pass.leave(answer)
    }

    /// A deployment that moves traffic waits for as long as its update runs.
    async fn awaits_promotion(&self, cluster: &str, _: &str) -> PortResult<bool> {
        let pass = self.tape.enter("awaits_promotion", false).await?;
        let inner = self.ticked();
        let stack = cluster.split('/').next().unwrap_or_default();
        let mut stacks = inner.stacks.values();
        let found = stacks.find(|it| it.name == stack && it.lives());
        let answer = found.is_some_and(|it| {
            it.template.says.shifts && it.status == CloudFormationStatus::UpdateInProgress
        });
        drop(inner);
        pass.leave(answer)
    }
}
