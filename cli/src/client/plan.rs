//! What a plan says beside a service's stacks: what was checked, and what it costs.

use std::ops::Deref;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use slipway_control::preflight::Check;
use slipway_control::view::PlanView;

/// A plan, with what was checked and what it costs where the platform says so. As JSON it is
/// what the platform answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Plan {
    /// What would change.
    pub view: PlanView,
    /// What was checked.
    pub checks: Vec<Check>,
    /// What it costs in a month.
    pub cost: Option<Cost>,
    answer: Value,
}

/// What a plan says beside [`PlanView`].
#[derive(Deserialize)]
struct Beside {
    #[serde(default)]
    checks: Vec<Check>,
    #[serde(default)]
    cost: Option<Cost>,
}

impl TryFrom<Value> for Plan {
    type Error = serde_json::Error;

    fn try_from(answer: Value) -> Result<Self, Self::Error> {
        let Beside { checks, cost } = Beside::deserialize(&answer)?;
        Ok(Self {
            view: PlanView::deserialize(&answer)?,
            checks,
            cost,
            answer,
        })
    }
}

impl From<Plan> for Value {
    fn from(plan: Plan) -> Self {
        plan.answer
    }
}

impl Deref for Plan {
    type Target = PlanView;

    fn deref(&self) -> &PlanView {
        &self.view
    }
}

/// What a service costs in a month, estimated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The sum of the lines, in US dollars.
    pub monthly_usd: String,
    /// The same with the most tasks that scaling allows at all hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_usd: Option<String>,
    /// By how much `monthly_usd` differs from what the service costs as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference_usd: Option<String>,
    /// What the sum is made of.
    pub lines: Vec<CostLine>,
    /// Whose prices these are and of when.
    pub prices_of: String,
}

/// One component of a stack in an estimate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostLine {
    /// What is paid for.
    pub component: String,
    /// The name of the stack that has it.
    pub stack: String,
    /// How much of it.
    pub quantity: String,
    /// What the quantity counts.
    pub unit: String,
    /// What that costs, in US dollars.
    pub monthly_usd: String,
    /// What it costs with the most tasks that scaling allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_usd: Option<String>,
    /// What had to be assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumption: Option<String>,
}
