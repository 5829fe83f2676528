//! What a service costs in a month, as far as its templates tell, and what the platform does.
//!
//! Pure: templates in, an estimate out. It counts what is billed for being there at the
//! prices of `prices.json`, and adds use where use is billed, saying how much was assumed. It
//! knows no account: free allowances, savings plans, taxes and traffic are not in it. A resource
//! whose price is unknown is named, never taken for free. `docs/COST.md` has the whole of it for
//! people.

mod assumptions;
mod capacity;
mod census;
mod database;
mod estimate;
mod jobs;
mod money;
mod platform;
mod prices;
mod size;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use assumptions::Assumptions;
pub use estimate::{estimate, estimate_with};
pub use money::{InvalidAmount, Usd, UsdChange};
pub use platform::{balancer, platform, share};

/// The component of a line about something whose price is not known.
pub const NOT_ESTIMATED: &str = "not estimated";

/// What a service, or the platform, costs in a month of 730 hours, estimated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CostView {
    /// The sum of the lines, with the fewest tasks that scaling allows at all hours.
    pub monthly_usd: Usd,
    /// The same with the most tasks that scaling allows at all hours.
    pub at_most_usd: Usd,
    /// By how much `monthly_usd` differs from what the service costs as it is; absent where
    /// there is no service yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference_usd: Option<UsdChange>,
    /// What the sum is made of: by stack, in a fixed order.
    pub lines: Vec<CostLine>,
    /// Whose prices these are and of when.
    pub prices_of: String,
    /// What was assumed of the month.
    #[serde(default)]
    pub assumed: Assumptions,
}

/// What the amount of a line goes up and down with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VariesWith {
    /// Nothing: it is paid for being there.
    #[default]
    Nothing,
    /// The number of tasks.
    Tasks,
    /// What is used, such as requests.
    Use,
}

/// One component of a stack in an estimate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CostLine {
    /// What is paid for, or `not estimated` for what has no price here: that comes on top.
    pub component: String,
    /// The name of the stack that has it.
    pub stack: String,
    /// How much of it in a month, a decimal number with at most three places.
    pub quantity: String,
    /// What the quantity counts, such as `vCPU-hours`; of a component that is not estimated,
    /// its CloudFormation type.
    pub unit: String,
    /// What that costs, rounded half up to a cent; `0.00` when it is not estimated.
    pub monthly_usd: Usd,
    /// What it costs with the most tasks that scaling allows; absent where tasks make no
    /// difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_usd: Option<Usd>,
    /// What the amount goes up and down with.
    #[serde(default)]
    pub varies_with: VariesWith,
    /// What had to be assumed; absent where the template alone says the quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumption: Option<String>,
}

impl CostView {
    /// What is paid in every month, whatever runs and whoever calls: by this, ways to reach a
    /// service are compared.
    pub fn fixed_usd(&self) -> Usd {
        let fixed = |line: &&CostLine| line.varies_with == VariesWith::Nothing;
        let lines = self.lines.iter().filter(fixed);
        lines.map(|line| line.monthly_usd).sum()
    }

    /// This estimate with its difference from a former one, or without any when there is none.
    #[must_use]
    pub fn against(mut self, former: Option<&Self>) -> Self {
        self.difference_usd = former.map(|former| self.monthly_usd.since(former.monthly_usd));
        self
    }
}
