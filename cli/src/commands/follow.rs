//! Following a deployment that was started, to its end.

use std::time::{Duration, SystemTime};

use slipway_domain::Deployment;

use super::arrived;
use crate::arguments::FollowOptions;
use crate::client::Client;
use crate::clock::SystemClock;
use crate::exit::Failure;
use crate::output::console::Console;
use crate::wait::settled::{Settling, Target};
use crate::wait::{Wait, interrupt};

/// Says `line`, which tells what was started, and follows that unless nobody wants to; `began`
/// is when this command did.
pub(super) fn follow(
    line: &str,
    deployment: &Deployment,
    (options, began): (&FollowOptions, SystemTime),
    client: &Client,
    console: &mut Console,
) -> Result<(), Failure> {
    if options.no_wait {
        return console.result(&format!("{line}\n"));
    }
    console.note(line);
    let later = format!(
        "slipway watch {} --environment {}",
        deployment.service, deployment.environment
    );
    interrupt::say(format!("Left running. See it with: {later}"));
    let mut settling = Settling::new(vec![Target::of(deployment)]);
    let look = Wait {
        clock: &SystemClock,
        began,
        timeout: Duration::from_secs(options.timeout),
        later,
    }
    .until_end(console, |_| settling.look(client))?;
    arrived(&look, console)
}
