//! The handlers: parse, call, answer.

mod costs;
mod deployments;
mod environments;
mod platform;
mod runs;
mod scaling;
mod services;
mod signing;
mod upgrade;
mod webhooks;

pub(crate) use costs::*;
pub(crate) use deployments::*;
pub(crate) use environments::*;
pub(crate) use platform::*;
pub(crate) use runs::*;
pub(crate) use scaling::*;
pub(crate) use services::*;
pub(crate) use signing::*;
pub(crate) use upgrade::*;
pub(crate) use webhooks::*;
