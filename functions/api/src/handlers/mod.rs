//! The handlers: parse, call, answer.

mod environments;
mod platform;
mod services;
mod upgrade;

pub(crate) use environments::*;
pub(crate) use platform::*;
pub(crate) use services::*;
pub(crate) use upgrade::*;
