//! `slipway deploy`: an image for one environment.

use std::collections::BTreeSet;

use slipway_domain::EnvironmentName;

use super::arrived;
use crate::arguments::Deploy;
use crate::client::new_key;
use crate::clock::{Clock, SystemClock};
use crate::connection::{Connection, connect};
use crate::exit::{Exit, Failure};
use crate::output::console::Console;
use crate::wait::settled::{Settling, Target};
use crate::wait::{Wait, interrupt};

pub(super) fn run(options: &Deploy, console: &mut Console) -> Result<(), Failure> {
    let connection = connect(&options.platform)?;
    let environment = environment(options, &connection)?;
    let client = &connection.client;
    let began = SystemClock.now();
    let started = client.deploy(&options.name, &environment, &options.image, &new_key())?;
    let line = format!(
        "{}/{environment}: deployment {} of {}, generation {}",
        options.name, started.deployment.id, options.image, started.generation
    );
    if !options.wait.wait {
        return console.result(&format!("{line}\n"));
    }
    console.note(&line);
    let later = format!(
        "slipway deployments {} --environment {environment}",
        options.name
    );
    interrupt::say(format!("Left running. See it with: {later}"));
    let mut settling = Settling::new(vec![Target {
        service: options.name.clone(),
        generation: started.generation,
        environment: Some(environment),
        began: started.deployment.created_at,
    }]);
    let timeout = std::time::Duration::from_secs(options.wait.timeout);
    let look = Wait {
        clock: &SystemClock,
        began,
        timeout,
        later,
    }
    .until_end(console, |_| settling.look(client))?;
    arrived(&look, console)
}

/// The environment that was named, the platform's default one, or the only one.
fn environment(options: &Deploy, connection: &Connection) -> Result<EnvironmentName, Failure> {
    if let Some(named) = &options.environment {
        return Ok(named.clone());
    }
    if let Some(stack) = &connection.stack {
        return Ok(stack.platform.environment.clone());
    }
    let service = connection.client.service(&options.name)?.value;
    let all: BTreeSet<_> = service.environments.keys().collect();
    // The default environment is there without being named in the manifest.
    let unnamed: Vec<_> = all
        .iter()
        .filter(|name| !service.manifest.environments.contains_key(**name))
        .collect();
    match (unnamed.as_slice(), all.len()) {
        ([only], _) => Ok((**only).clone()),
        ([], 1) => Ok(all
            .iter()
            .next()
            .map_or_else(|| (**unnamed[0]).clone(), |name| (*name).clone())),
        _ => {
            let names: Vec<&str> = all.iter().map(|name| name.as_str()).collect();
            let message = format!(
                "say --environment: {} has {}",
                options.name,
                names.join(", ")
            );
            Err(Failure::new(Exit::Usage, message))
        }
    }
}
