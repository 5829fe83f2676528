//! Showing what happens to services while it happens.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use slipway_cli::client::Client;
use slipway_domain::ServiceName;
use slipway_domain::status::StackStatus;

use crate::screen::Screen;

/// How long to wait for the services at most.
const LONGEST: Duration = Duration::from_mins(5);
/// How often to look.
const INTERVAL: Duration = Duration::from_millis(250);

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Every stack is settled at the newest generation.
    Settled,
    /// The services are gone.
    Gone,
}

/// What was shown last of each stack, so that nothing is shown twice.
pub(crate) type Shown = BTreeMap<(ServiceName, String), String>;

/// Shows each change of a stack's phase or message until all services are there.
pub(crate) fn watch(
    screen: &Screen,
    client: &Client,
    names: &[ServiceName],
    until: Until,
    shown: &mut Shown,
    interrupted: &Receiver<()>,
) -> Result<()> {
    let deadline = Instant::now() + LONGEST;
    loop {
        let mut open = 0;
        for name in names {
            open += usize::from(look(screen, client, name, until, shown)?);
        }
        if open == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!(
                "{open} services are not there after {} s",
                LONGEST.as_secs()
            );
        }
        match interrupted.recv_timeout(INTERVAL) {
            Ok(()) => bail!("interrupted"),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("cannot wait for Ctrl-C"),
        }
    }
}

/// Shows what is new of a service; answers whether it is still to be waited for.
fn look(
    screen: &Screen,
    client: &Client,
    name: &ServiceName,
    until: Until,
    shown: &mut Shown,
) -> Result<bool> {
    let Some(found) = client.find_service(name)? else {
        let key = (name.clone(), "gone".to_owned());
        if shown.insert(key, String::new()).is_none() {
            screen.event(&format!("{name:<20} gone"));
        }
        return Ok(until == Until::Settled);
    };
    let service = found.value;
    let mut open = until == Until::Gone;
    let stacks = std::iter::once(("repository", &service.service_stack)).chain(
        service
            .environments
            .iter()
            .map(|(name, view)| (name.as_str(), &view.stack)),
    );
    for (part, stack) in stacks {
        let line = format!("{:<12} {}", stack.phase, stack.message);
        let key = (name.clone(), part.to_owned());
        if shown.get(&key) != Some(&line) {
            screen.event(&format!("{:<20} {line}", format!("{name}/{part}")));
            shown.insert(key, line);
        }
        // The repository's stack has no part in a change of an environment.
        let behind = part != "repository" && is_behind(stack, service.generation);
        open |= until == Until::Settled && (!stack.phase.is_settled() || behind);
    }
    Ok(open)
}

fn is_behind(stack: &StackStatus, generation: u64) -> bool {
    stack.observed_generation < generation
}
