//! `slipway watch`: the newest deployments of a service, and those that come after.

use std::time::Duration;

use jiff::Timestamp;

use super::arrived;
use crate::arguments::Watch;
use crate::clock::{Clock, SystemClock};
use crate::connection::connect;
use crate::exit::Failure;
use crate::output::console::Console;
use crate::wait::newest::Watching;
use crate::wait::{Wait, interrupt};

pub(super) fn run(options: &Watch, console: &mut Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let mut watching = Watching::new(options.name.clone(), options.environment.clone());
    interrupt::say("Nobody watches any more; what is under way goes on.".to_owned());
    loop {
        if !watching.has_news(&client)? {
            if options.once {
                console.note("no deployment is there to watch");
                return Ok(());
            }
            console.note("nothing is under way; the next deployment is waited for, until Ctrl-C");
            from_now().until_found(console, || watching.has_news(&client))?;
        }
        let look = from_now().until_end(console, |_| watching.look(&client, now()))?;
        let end = arrived(&look, console);
        if options.once || look.scopes.contains_key(options.name.as_str()) {
            return end;
        }
        watching.tell();
    }
}

/// A wait that lasts until somebody ends it.
fn from_now() -> Wait<'static> {
    Wait {
        clock: &SystemClock,
        began: SystemClock.now(),
        timeout: Duration::MAX,
        later: String::new(),
    }
}

fn now() -> Timestamp {
    Timestamp::try_from(SystemClock.now()).unwrap_or(Timestamp::UNIX_EPOCH)
}
