//! `cargo xtask demo`: builds everything once, then shows it.

use std::process::Command;

use crate::cargo::{self, Outcome};
use crate::steps::step;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    step(
        "Building the platform's functions and the local cloud",
        || cargo::run(&["build", "--workspace", "--bins", "--locked"]),
    )?;
    cargo::finish(
        Command::new(cargo::programs().join("slipway-demo"))
            .args(arguments)
            .current_dir(cargo::root()),
    )
}
