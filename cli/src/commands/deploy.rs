//! `slipway deploy`: an image or an archive for one environment.

use slipway_domain::Artifact;

use super::environment::environment;
use super::follow::follow;
use crate::arguments::Deploy;
use crate::client::new_key;
use crate::clock::{Clock, SystemClock};
use crate::connection::connect;
use crate::exit::Failure;
use crate::output::console::Console;
use crate::output::deployments::headline;

pub(super) fn run(options: &Deploy, console: &mut Console) -> Result<(), Failure> {
    let connection = connect(&options.platform)?;
    let name = &options.name;
    let environment = environment(&options.environment, name, &connection)?;
    let client = &connection.client;
    let began = SystemClock.now();
    let image = options.image.clone().map(Artifact::Image);
    let started = match image.or(options.code.clone().map(Artifact::Code)) {
        Some(artifact) => client.deploy(name, &environment, &artifact, &new_key())?,
        None => client.redeploy(name, &environment, &new_key())?,
    }
    .deployment;
    let line = format!("{name}/{environment}: {}", headline(&started));
    follow(&line, &started, (&options.follow, began), client, console)
}
