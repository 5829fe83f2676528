//! Acceptance: the real functions, deployed from `template.yaml`, over HTTP.
//!
//! Each test needs a local cloud, and so Python; `cargo xtask test` runs them all, and a plain
//! `cargo test` passes them over. One file is one concern; ids such as A4 are rows of what the
//! product must do.

mod archives;
mod asking;
mod bad_input;
mod calls;
mod capacity;
mod concurrency;
mod costs;
mod databases;
mod environments;
mod events;
mod evidence;
mod examples;
mod failures;
mod full;
mod healing;
mod ingress;
mod jobs;
mod kinds;
mod large;
mod lifecycle;
mod manners;
mod microburst;
mod notifications;
mod platform;
mod poison;
mod refused;
mod scale;
mod scaling;
mod secrets;
mod shape;

mod steering;
mod strategies;
mod stuck;
mod to_zero;
mod upgrade;
mod webhooks;
