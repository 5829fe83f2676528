//! `slipway cancel` and `slipway promote`: steering the deployment that is under way.

use slipway_domain::{Deployment, DeploymentId, EnvironmentName, ServiceName};

use super::environment::environment;
use super::follow::follow;
use crate::arguments::{Cancel, Promote};
use crate::client::{Client, new_key};
use crate::clock::{Clock, SystemClock};
use crate::connection::connect;
use crate::exit::Failure;
use crate::output::console::Console;
use crate::output::deployments::headline;

pub(super) fn cancel(options: &Cancel, console: &mut Console) -> Result<(), Failure> {
    let connection = connect(&options.platform)?;
    let name = &options.name;
    let environment = environment(&options.environment, name, &connection)?;
    let client = &connection.client;
    let id = match options.deployment {
        Some(id) => id,
        None => under_way(client, name, &environment)?,
    };
    let began = SystemClock.now();
    let back = client
        .cancel(name, &environment, id, &new_key())?
        .deployment;
    let line = format!(
        "{name}/{environment}: deployment {id} is cancelled; what ran before comes back with {}",
        headline(&back)
    );
    follow(&line, &back, (&options.follow, began), client, console)
}

pub(super) fn promote(options: &Promote, console: &mut Console) -> Result<(), Failure> {
    let connection = connect(&options.platform)?;
    let name = &options.name;
    let environment = environment(&options.environment, name, &connection)?;
    let client = &connection.client;
    let id = under_way(client, name, &environment)?;
    let began = SystemClock.now();
    let promoted: Deployment = client.promote(name, &environment, id, &new_key())?;
    let line = format!("{name}/{environment} goes on: {}", headline(&promoted));
    follow(&line, &promoted, (&options.follow, began), client, console)
}

/// The deployment of an environment that has not ended.
fn under_way(
    client: &Client,
    name: &ServiceName,
    environment: &EnvironmentName,
) -> Result<DeploymentId, Failure> {
    let newest = client.environment(name, environment)?.deployment;
    let open = match newest {
        Some(id) => Some(client.deployment(name, environment, id)?),
        None => None,
    }
    .filter(|deployment| deployment.outcome.is_none());
    open.map(|deployment| deployment.id).ok_or_else(|| {
        let message = format!(
            "no deployment of {name}/{environment} is under way; see: slipway deployments {name} --environment {environment}"
        );
        Failure::refused(message)
    })
}
