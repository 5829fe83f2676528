//! Running programs of this machine from the project's folder.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a task did not succeed, for people.
pub(crate) type Outcome = Result<(), String>;

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// The folder of the programs that a development build makes.
#[expect(clippy::disallowed_methods, reason = "cargo's own setting")]
pub(crate) fn programs() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("debug")
}

/// Runs cargo with these arguments.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    finish(&mut command(arguments))
}

/// Cargo with these arguments, in the project's folder, with the lock file as it is.
#[expect(clippy::disallowed_methods, reason = "cargo names itself")]
pub(crate) fn command(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root());
    if arguments.first().is_some_and(|first| *first != "fmt") {
        command.env("CARGO_NET_RETRY", "5");
    }
    command
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command) -> Outcome {
    let program = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} ended with {status}")),
        Err(error) => Err(format!("{program} did not start: {error}")),
    }
}
