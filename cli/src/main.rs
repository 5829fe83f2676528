//! `slipway`: parse, run, exit.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    slipway_cli::run(&slipway_cli::Arguments::parse())
}
