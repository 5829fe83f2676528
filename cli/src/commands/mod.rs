//! The commands, a file each: read, call, show.

mod apply;
mod costs;
mod databases;
mod decide;
mod delete;
mod deploy;
mod deployments;
mod environment;
mod follow;
mod get;
mod list;
mod plan;
mod platform;
mod redeploy;
mod rollback;
mod runs;
mod scaling;
mod schema;
mod simulate;
mod steer;
mod teardown;
mod template;
mod upgrade;
mod validate;
mod watch;
mod webhook;

use std::collections::BTreeSet;
use std::path::Path;

use slipway_domain::{Manifest, Phase, Platform};

use crate::arguments::Command;
use crate::exit::{Exit, Failure};
use crate::manifest_file::{self, Finding};
use crate::output::console::Console;
use crate::output::sheet::clean;
use crate::output::tone::Tone;
use crate::output::trouble;
use crate::platform_file;
use crate::wait::progress::{Look, ScopeLook};

/// Does what was asked.
pub(crate) fn run(command: &Command, console: &mut Console) -> Result<(), Failure> {
    match command {
        Command::Validate(options) => validate::run(options, console),
        Command::Template(options) => template::run(options, console),
        Command::Schema => schema::run(console),
        Command::Decide(options) => decide::run(options, console),
        Command::Simulate(options) => simulate::run(options, console),
        Command::Apply(options) => apply::run(options, console),
        Command::Plan(options) => plan::run(options, console),
        Command::Costs(options) => costs::run(options, console),
        Command::Databases(options) => databases::list(options, console),
        Command::Database(options) => databases::one(options, console),
        Command::Get(options) => get::run(options, console),
        Command::List(options) => list::run(options, console),
        Command::Deploy(options) => deploy::run(options, console),
        Command::Redeploy(options) => redeploy::run(options, console),
        Command::Rollback(options) => rollback::run(options, console),
        Command::Cancel(options) => steer::cancel(options, console),
        Command::Promote(options) => steer::promote(options, console),
        Command::Watch(options) => watch::run(options, console),
        Command::Scaling(options) => scaling::run(options, console),
        Command::Run(options) => runs::start(options, console),
        Command::Runs(options) => runs::list(options, console),
        Command::Webhook(options) => webhook::run(options, console),
        Command::Deployments(options) => deployments::run(options, console),
        Command::Delete(options) => delete::run(options, console),
        Command::Teardown(options) => teardown::run(options, console),
        Command::Upgrade(options) => upgrade::run(options, console),
        Command::Platform(options) => platform::run(options, console),
    }
}

/// A manifest that is checked by the values of a platform, if a file of these is given.
fn read_on(file: &Path, values: Option<&Path>) -> Result<(Manifest, Option<Platform>), Failure> {
    let document = manifest_file::read(file).map_err(|finding| refused(&[finding]))?;
    let platform = values.map(platform_file::read).transpose()?;
    let manifest = document.manifest(platform.as_ref());
    let manifest = manifest.map_err(|findings| refused(&findings))?;
    Ok((manifest, platform))
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
    let mut reasons = reason.lines();
    let first = reasons.next().unwrap_or_default();
    console.error(&format!("{scope}: {}", clean(first)));
    let mut more: String = reasons
        .map(|reason| sheet.paragraph(2, (Tone::Plain, ""), reason))
        .collect();
    more.push_str(&trouble::evidence(&seen.evidence, sheet));
    if let Some(advice) = &seen.advice {
        more.push_str(&trouble::advice(advice, sheet));
    }
    if !more.is_empty() {
        console.note(more.trim_end());
    }
}

/// Tells what of a last look is not as it should be, and whether anything failed.
fn trouble_of(look: &Look, console: &Console) -> bool {
    let mut failed = false;
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
    }
    failed
}

/// Tells how the waiting for changes ended: addresses as results, the rest beside them.
fn arrived(look: &Look, console: &Console) -> Result<(), Failure> {
    let failed = trouble_of(look, console);
    let fine = look.scopes.values().filter(|seen| seen.failure.is_none());
    let urls: BTreeSet<&String> = fine.filter_map(|seen| seen.url.as_ref()).collect();
    for url in urls {
        console.result(&format!("{url}\n"))?;
    }
    if failed {
        Err(Failure::said(Exit::Refused))
    } else {
        Ok(())
    }
}
