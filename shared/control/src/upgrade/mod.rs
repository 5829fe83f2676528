//! Upgrading the platform: stacks that a new version renders differently move in waves.
//!
//! # Flow
//! The sweep of each minute compares the fingerprint of what this version renders with the one
//! that the registry's one item of upgrades is about ([`Upgrades::advance`]). If they differ, an
//! upgrade begins: it goes through the listing of all services, and gives a permit to stacks that
//! are at rest and would be rendered differently, so many at once. Updating them is the
//! reconciler's work, as ever. People look at it, stop it and let it go on ([`UpgradeControl`]).
//!
//! # Guarantees
//! The item is written, under the version that was read, before a permit is given: never are
//! more stacks in flight than it says, whoever else sweeps, and what was lost in between is found
//! again by the next sweep, because whether a stack is outdated is rendered and compared anew.
//!
//! # Assumptions
//! What is not at rest, or new, or changed by its team meanwhile, needs no permit: its own update
//! brings the new rendering. An upgrade that has ended costs a sweep one read.

mod ask;
mod run;
mod standing;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub use ask::UpgradeControl;
pub use run::Upgrades;
pub use slipway_synth::fingerprint;
pub use state::{Failed, InFlight, Limits, Resumed, Stopped, Upgrade, UpgradeRecord, UpgradeState};
pub use view::UpgradeView;
