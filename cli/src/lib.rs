//! `slipway`, the command line of the self-service API, and the client library under it.
//!
//! [`client`] talks to a platform; everything else turns files and arguments into its calls
//! and its answers into text. Offline commands apply the very rules that the API applies,
//! because both use the same crates; nothing here knows a rule of its own.

mod arguments;
mod aws;
pub mod client;
pub mod clock;
mod commands;
mod connection;
mod environment;
mod exit;
mod manifest_file;
mod output;
mod platform_file;
mod wait;

use std::process::ExitCode;

pub use arguments::Arguments;

use exit::Exit;
use output::console::Console;

/// Does what the arguments say, and tells how that ended.
pub fn run(arguments: &Arguments) -> ExitCode {
    let mut console = Console::new();
    let exit = match commands::run(&arguments.command, &mut console) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            if let Some(message) = &failure.message {
                console.error(message);
            }
            failure.exit
        }
    };
    exit.into()
}
