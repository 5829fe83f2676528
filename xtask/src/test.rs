//! `cargo xtask test`: every test and judge, in the order in which they are cheapest to fail.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::cargo::{self, Outcome};
use crate::steps::step;

/// How many tests passed and failed.
#[derive(Default, Clone, Copy)]
struct Counts {
    passed: u64,
    failed: u64,
}

/// What the tests of `slipway-control` read: whether to try everything.
const FULL: &str = "SLIPWAY_FULL_TESTS";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let full = match arguments {
        [] => false,
        [flag] if flag == "--full" => true,
        _ => return Err("`cargo xtask test` takes `--full` or nothing".to_owned()),
    };
    lint()?;
    step("Building everything", || {
        cargo::run(&["build", "--workspace", "--all-targets", "--locked"])
    })?;
    let mut counts = Counts::default();
    let tests = step("Tests without a cloud", || {
        let mut tests = cargo::command(&["test", "--workspace", "--locked", "--no-fail-fast"]);
        if full {
            tests.env(FULL, "1");
        }
        count(tests, &mut counts)
    });
    // These start local clouds, which a plain `cargo test` does not.
    let acceptance = step("Acceptance tests on local clouds", || {
        count(
            cargo::command(&[
                "test",
                "--workspace",
                "--locked",
                "--no-fail-fast",
                "--",
                "--ignored",
            ]),
            &mut counts,
        )
    });
    let judged = step("Judges", || count(judges(), &mut counts));
    // What was ignored in the first run was run in the second.
    println!("{} passed, {} failed", counts.passed, counts.failed);
    tests.and(acceptance).and(judged)
}

pub(crate) fn lint() -> Outcome {
    step("Formatting", || cargo::run(&["fmt", "--all", "--check"]))?;
    step("Clippy", || {
        cargo::run(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ])
    })?;
    step("Documentation", || {
        let mut doc = cargo::command(&[
            "doc",
            "--workspace",
            "--no-deps",
            "--locked",
            "--document-private-items",
        ]);
        cargo::finish(doc.env("RUSTDOCFLAGS", "--deny warnings"))
    })
}

pub(crate) fn judge() -> Outcome {
    step("Building the judges", || {
        cargo::run(&["build", "--package", "slipway-tests", "--bins", "--locked"])
    })?;
    cargo::finish(&mut judges())
}

fn judges() -> Command {
    let mut command = Command::new(cargo::programs().join("slipway-judges"));
    command.current_dir(cargo::root());
    command
}

/// Runs a command, shows what it prints, and adds up the results it names.
fn count(mut command: Command, counts: &mut Counts) -> Outcome {
    let program = format!("{command:?}");
    let failed = |error: std::io::Error| format!("{program} did not start: {error}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("{line}");
            if let Some(result) = line.strip_prefix("test result: ") {
                counts.add(result);
            }
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} ended with {status}")),
        Err(error) => Err(failed(error)),
    }
}

impl Counts {
    /// Adds `ok. 5 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, result: &str) {
        let result = result.split_once(". ").map_or(result, |(_, counts)| counts);
        for part in result.split("; ") {
            let Some((number, what)) = part.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                _ => {}
            }
        }
    }
}
