//! The project's tasks: `cargo xtask demo`, `cargo xtask test`, …
//!
//! This program has no dependencies, so that it is there in a moment, and so that everything
//! else is built once, by one `cargo build` of the whole workspace with one set of features.

mod cargo;
mod demo;
mod mutants;
mod package;
mod steps;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask TASK

  demo [--exit]   the whole platform on this machine: six services deployed over HTTP;
                  stays up until Ctrl-C, or ends with --exit
  test [--full]   every test and judge; with --full every pair of faults and every sequence of
                  changes that the reconciler is tried with, instead of a share of them
  lint            formatting, clippy and rustdoc only
  judge           the judges only: cfn-lint, checkov and SAM over all templates
  bench           the benchmarks
  mutants [NAME]  takes away one guard of the reconciler after the other, or those with NAME
                  in their names: a test must fail for each
  package         the functions' programs for AWS, in target/package
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("", &[] as &[String]),
    };
    let done = match task {
        "demo" => demo::run(rest),
        "test" => test::run(rest),
        "lint" => test::lint(),
        "judge" => test::judge(),
        "bench" => cargo::run(&["bench", "--workspace"]),
        "mutants" => mutants::run(rest),
        "package" => package::run(rest),
        _ => {
            print!("{USAGE}");
            return if matches!(task, "help" | "--help" | "-h") {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(2)
            };
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask {task}: {reason}");
            ExitCode::FAILURE
        }
    }
}
