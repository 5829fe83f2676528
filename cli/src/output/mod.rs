//! Turning answers into text. Pure but for [`console`], which writes.

mod changes;
mod chart;
mod checks;
pub(crate) mod console;
mod cost;
pub(crate) mod costs;
pub(crate) mod deployments;
pub(crate) mod plan;
pub(crate) mod redeployments;
pub(crate) mod runs;
pub(crate) mod scaling;
pub(crate) mod services;
pub(crate) mod sheet;
pub(crate) mod simulation;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod tone;
pub(crate) mod trouble;
pub(crate) mod upgrade;
pub(crate) mod webhooks;
