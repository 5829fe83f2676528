//! `slipway delete`: removes a service, and says what is kept.

use super::{confirm, failure};
use crate::arguments::Delete;
use crate::clock::{Clock, SystemClock};
use crate::connection::connect;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::output::console::Console;
use crate::wait::gone::Going;
use crate::wait::progress::Look;
use crate::wait::{Wait, interrupt};

pub(super) fn run(options: &Delete, console: &mut Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let service = client.service(&options.name)?;
    let environments: Vec<&str> = service
        .value
        .environments
        .keys()
        .map(AsRef::as_ref)
        .collect();
    let question = format!(
        "Delete {} of team {} with its environments {}?",
        options.name,
        service.value.team,
        environments.join(", ")
    );
    confirm(console, options.yes, &question)?;
    let began = SystemClock.now();
    let deletion = client.delete(&options.name, &service.etag)?;
    console.result(&output::plan::deletion(&deletion, client.region()))?;
    if !options.wait.wait {
        return Ok(());
    }
    let later = format!("slipway get {}", options.name);
    interrupt::say(format!("The deletion goes on. See it with: {later}"));
    let uid = service.value.uid.to_string();
    let timeout = std::time::Duration::from_secs(options.wait.timeout);
    let mut going = Going::default();
    let look = Wait {
        clock: &SystemClock,
        began,
        timeout,
        later,
    }
    .until_end(console, |elapsed| {
        going.look_at(&client, &options.name, &uid, elapsed)
    })?;
    left(&look, console)
}

/// Says what could not be deleted, if anything.
pub(super) fn left(look: &Look, console: &Console) -> Result<(), Failure> {
    for (scope, seen) in &look.scopes {
        if let Some(reason) = &seen.failure {
            failure(scope, reason, seen, console);
        }
    }
    if look.scopes.is_empty() {
        Ok(())
    } else {
        Err(Failure::said(Exit::Refused))
    }
}
