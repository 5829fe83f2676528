//! Acceptance: the real functions, deployed from `template.yaml`, over HTTP.
//!
//! Each test needs a local cloud, and so Python; `cargo xtask test` runs them all, and a plain
//! `cargo test` passes them over. One file is one concern; ids such as A4 are rows of what the
//! product must do.

mod six_services;
