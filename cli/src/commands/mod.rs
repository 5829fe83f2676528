//! The commands, a file each: read, call, show.

mod apply;
mod delete;
mod deploy;
mod deployments;
mod get;
mod list;
mod plan;
mod platform;
mod schema;
mod teardown;
mod template;
mod validate;

use std::collections::BTreeSet;

use slipway_domain::Phase;

use crate::arguments::Command;
use crate::exit::{Exit, Failure};
use crate::manifest_file::Finding;
use crate::output::console::Console;
use crate::wait::progress::Look;

/// Does what was asked.
pub(crate) fn run(command: &Command, console: &mut Console) -> Result<(), Failure> {
    match command {
        Command::Validate(options) => validate::run(options, console),
        Command::Template(options) => template::run(options, console),
        Command::Schema => schema::run(console),
        Command::Apply(options) => apply::run(options, console),
        Command::Plan(options) => plan::run(options, console),
        Command::Get(options) => get::run(options, console),
        Command::List(options) => list::run(options, console),
        Command::Deploy(options) => deploy::run(options, console),
        Command::Deployments(options) => deployments::run(options, console),
        Command::Delete(options) => delete::run(options, console),
        Command::Teardown(options) => teardown::run(options, console),
        Command::Platform(options) => platform::run(options, console),
    }
}

/// Findings as the end of a command.
fn refused(findings: &[Finding]) -> Failure {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    Failure::refused(lines.join("\n"))
}

/// Asks before something is removed.
fn confirm(console: &Console, yes: bool, question: &str) -> Result<(), Failure> {
    let asked = || {
        let nobody = || Failure::new(Exit::Usage, "nobody can be asked here: say --yes");
        console.confirm(question).ok_or_else(nobody)
    };
    if yes || asked()? {
        Ok(())
    } else {
        Err(Failure::refused("nothing was changed"))
    }
}

/// Tells how the waiting for changes ended: addresses as results, the rest beside them.
fn arrived(look: &Look, console: &Console) -> Result<(), Failure> {
    let mut failed = false;
    let mut urls = BTreeSet::new();
    for (scope, seen) in &look.scopes {
        if let Some(reason) = &seen.failure {
            failed = true;
            console.error(&format!("{scope}: {reason}"));
        } else if seen.phase == Phase::Waiting {
            let service = scope.split('/').next().unwrap_or_default();
            console.note(&format!(
                "{scope} waits for its first image: slipway deploy {service} --image IMAGE"
            ));
        }
        urls.extend(seen.url.clone().filter(|_| seen.failure.is_none()));
    }
    for url in urls {
        console.result(&format!("{url}\n"))?;
    }
    if failed {
        Err(Failure::said(Exit::Refused))
    } else {
        Ok(())
    }
}
