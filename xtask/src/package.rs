//! `cargo xtask package`: the functions' programs as they run on AWS.

use std::fs;

use crate::cargo::{self, Outcome};
use crate::steps::step;

const FUNCTIONS: [&str; 6] = [
    "slipway-api",
    "slipway-reconciler",
    "slipway-webhook",
    "slipway-notifier",
    "slipway-scaler",
    "slipway-waker",
];

/// Builds for this machine's architecture, or for a target that is given as an argument and
/// installed; `sam build` does the same with cargo-lambda, which links for Lambda's libc.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let mut build = vec!["build", "--release", "--locked"];
    for function in FUNCTIONS {
        build.extend(["--package", function]);
    }
    if let Some(target) = arguments.first() {
        build.extend(["--target", target]);
    }
    step("Building the functions", || cargo::run(&build))?;
    let target = cargo::root().join("target");
    let release = match arguments.first() {
        Some(triple) => target.join(triple).join("release"),
        None => target.join("release"),
    };
    for function in FUNCTIONS {
        let folder = target.join("package").join(function);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let from = release.join(function);
        let size = fs::copy(&from, folder.join("bootstrap"))
            .map_err(|error| format!("{}: {error}", from.display()))?;
        println!(
            "  {} ({} kB)",
            folder.join("bootstrap").display(),
            size / 1000
        );
    }
    Ok(())
}
