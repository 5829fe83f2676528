//! `template.yaml` with parameters of every kind, and what is written of them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod nested;
mod references;
mod sets;
mod table;
