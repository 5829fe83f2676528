//! What starts deployments from outside: webhooks of git hosts and registries, and pushes of images.
//!
//! A request is read ([`request`]), verified against the secrets of its sender ([`verify`]), and
//! only then understood ([`payload`]). What it means for an environment is its manifest's choice
//! ([`meaning`]). All of that is pure: the time comes with each call. [`Handler`] does it, over the
//! ports of `shared/control`.

mod answer;
mod handler;
pub mod hooks;
pub mod meaning;
pub mod payload;
pub mod pushes;
pub mod request;
pub mod verify;

pub use handler::Handler;
