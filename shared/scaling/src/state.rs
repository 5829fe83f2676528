//! What one decision leaves for the next.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What one decision leaves for the next. Empty before the first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// When tasks were last added.
    pub out_at: Option<Timestamp>,
    /// When tasks were last taken away.
    pub in_at: Option<Timestamp>,
}
