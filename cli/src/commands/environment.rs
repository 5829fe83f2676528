//! Which environment is meant where none is named.

use std::collections::BTreeSet;

use slipway_domain::{EnvironmentName, ServiceName};

use crate::arguments::EnvironmentOption;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};

/// The environment that was named, the platform's default one, or the only one.
pub(super) fn environment(
    option: &EnvironmentOption,
    name: &ServiceName,
    connection: &Connection,
) -> Result<EnvironmentName, Failure> {
    if let Some(named) = &option.environment {
        return Ok(named.clone());
    }
    if let Some(stack) = &connection.stack {
        return Ok(stack.platform.environment.clone());
    }
    let service = connection.client.service(name)?.value;
    let all: BTreeSet<_> = service.environments.keys().collect();
    // The default environment is there without being named in the manifest.
    let unnamed = all
        .iter()
        .filter(|it| !service.manifest.environments.contains_key(**it));
    let candidates: Vec<_> = unnamed.collect();
    let only = match candidates.as_slice() {
        [only] => Some(*only),
        [] if all.len() == 1 => all.first(),
        _ => None,
    };
    only.map(|it| (*it).clone()).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|it| it.as_str()).collect();
        let message = format!("say --environment: {name} has {}", names.join(", "));
        Failure::new(Exit::Usage, message)
    })
}
