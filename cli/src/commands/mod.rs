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
mod upgrade;
mod validate;

use std::collections::BTreeSet;

use slipway_domain::Phase;

use crate::arguments::Command;
use crate::exit::{Exit, Failure};
use crate::manifest_file::Finding;
use crate::output::console::Console;
use crate::output::sheet::clean;
use crate::output::tone::Tone;
use crate::output::trouble;
use crate::wait::progress::{Look, ScopeLook};

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
        Command::Upgrade(options) => upgrade::run(options, console),
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

/// Tells why something did not work, what was found around it, and what to do.
fn failure(scope: &str, reason: &str, seen: &ScopeLook, console: &Console) {
    let sheet = console.notes_sheet();
    console.error(&format!("{scope}: {}", clean(reason)));
    let mut more = trouble::evidence(&seen.evidence, sheet);
    if let Some(advice) = &seen.advice {
        more.push_str(&trouble::advice(advice, sheet));
    }
    if !more.is_empty() {
        console.note(more.trim_end());
    }
}

/// Tells how the waiting for changes ended: addresses as results, the rest beside them.
fn arrived(look: &Look, console: &Console) -> Result<(), Failure> {
    let mut failed = false;
    let mut urls = BTreeSet::new();
    for (scope, seen) in &look.scopes {
        if let Some(reason) = &seen.failure {
            failed = true;
            failure(scope, reason, seen, console);
        } else if let Some(advice) = &seen.advice {
            let sheet = console.notes_sheet();
            let scope = format!("{scope}:");
            let what = sheet.paragraph(0, (Tone::Plain, &scope), &seen.message);
            console.note((what + &trouble::advice(advice, sheet)).trim_end());
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
