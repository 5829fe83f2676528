//! How many tasks a service is to have: the policy, what was observed and what was remembered →
//! one decision, with its reasons.
//!
//! Pure and synchronous. This crate knows no AWS, no clock and no chance: the time comes with each
//! call, and what is to be remembered is handed back with the decision. The scaler calls
//! [`decide()`], and so do the simulator and `slipway decide`: there is one policy.

mod cpu;
mod crew;
mod decide;
mod decision;
mod guards;
mod hours;
mod memory;
mod metric;
mod observation;
mod opinion;
mod points;
mod queue;
mod requests;
pub mod simulate;
mod sleep;
mod startup;
mod state;
mod steps;
mod track;
mod whole;

pub use crew::Count;
pub use decide::decide;
pub use decision::{Decision, Reason, Verdict};
pub use hours::{bounds_at, next_boundary};
pub use observation::{Bounds, Load, Observation, Paused, Point, Targets, Tasks, Trigger};
pub use state::{Memory, State, Wanted};
pub use track::{Awaited, Track};
