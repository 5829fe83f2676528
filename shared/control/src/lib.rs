//! The use cases of the control plane: what a call of the API changes, and how a stack is
//! brought to what its service wants.
//!
//! Deciding is pure ([`change`], [`reconcile::plan`]); acting goes through the ports that
//! this crate owns ([`ports`]) and `shared/aws` implements. Nothing here knows an AWS SDK,
//! HTTP, a clock or the environment: the time and new ids come with each call ([`Stamp`]).

pub mod address;
pub mod change;
pub mod costs;
pub mod databases;
pub mod error;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
pub mod hooks;
pub mod places;
pub mod ports;
pub mod preflight;
pub mod preview;
pub mod push;
pub mod reconcile;
pub mod record;
pub mod round;
pub mod runs;
pub mod scaler;
pub mod scaling;
pub mod scanning;
pub mod services;
pub mod signing;
pub mod upgrade;
pub mod view;

use jiff::Timestamp;
use slipway_domain::DeploymentId;
use ulid::Ulid;

/// What a call brings from the outside world: the time, and an id that no other call has.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// Now.
    pub now: Timestamp,
    /// The call's id.
    pub id: Ulid,
}

impl Stamp {
    /// The `n`th deployment id of this call: an environment each.
    pub fn deployment(&self, n: u128) -> DeploymentId {
        DeploymentId(Ulid(self.id.0.wrapping_add(n)))
    }
}
