//! An upgrade as the API shows it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::{Failed, InFlight, Resumed, Stopped, Upgrade, UpgradeState};

/// An upgrade of the platform's stacks to what the control plane's version renders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpgradeView {
    /// Whether it goes on.
    pub state: UpgradeState,
    /// The fingerprint of what the version renders.
    pub fingerprint: String,
    /// When it began.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub ended_at: Option<Timestamp>,
    /// The last time that it was stopped, by whom and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// The last time that it was resumed, and by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Resumed>,
    /// How many stacks may be in flight at once.
    pub at_once: u32,
    /// How many failed stacks stop it.
    pub max_failures: u32,
    /// Stacks that were updated.
    pub done: u64,
    /// Stacks that were as the version renders them.
    pub unchanged: u64,
    /// Stacks that were left alone: they were being changed, or had failed before. Their own
    /// next update brings the new rendering.
    pub skipped: u64,
    /// Stacks that failed, since it began or was resumed.
    pub failed: u64,
    /// Stacks that are being updated.
    pub in_flight: Vec<InFlight>,
    /// What failed and why; the first 50.
    pub failures: Vec<Failed>,
}

impl From<Upgrade> for UpgradeView {
    fn from(upgrade: Upgrade) -> Self {
        Self {
            state: upgrade.state,
            fingerprint: upgrade.fingerprint,
            started_at: upgrade.started_at,
            ended_at: upgrade.ended_at,
            stopped: upgrade.stopped,
            resumed: upgrade.resumed,
            at_once: upgrade.limits.at_once,
            max_failures: upgrade.limits.max_failures,
            done: upgrade.done,
            unchanged: upgrade.unchanged,
            skipped: upgrade.skipped,
            failed: upgrade.failed,
            in_flight: upgrade.in_flight,
            failures: upgrade.failures,
        }
    }
}
