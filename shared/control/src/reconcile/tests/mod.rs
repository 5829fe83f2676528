//! Services brought to what they want, on a registry and a cloud in memory.

use jiff::SignedDuration;
use serde_json::json;
use slipway_domain::{Cause, Outcome, Phase, Platform, Scope};

use super::Next;
use super::desired::{Desired, desired};
use super::observed::{CloudFormationStatus, Observed, ObservedStack};
use super::plan::{
    Action, Circumstances, MAX_ATTEMPTS, MAX_DELETIONS, backoff, is_transient, plan, significant,
};
use crate::fake::{Fault, Script};
use crate::ports::HistoryReader;
use crate::record::Progress;

mod balancers;
mod checks;
mod decisions;
mod failures;
mod faults;
mod guards;
mod healing;
mod journeys;
mod oracle;
mod placement;
mod scenarios;
mod sequences;
mod table;
mod traffic;
mod world;

use world::{Delivery, World, block_on, name, prod};
