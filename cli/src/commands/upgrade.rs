//! `slipway upgrade`: where the platform's upgrade is, stopping it, letting it go on.

use crate::arguments::{Upgrade, UpgradeAction};
use crate::client::new_key;
use crate::connection::connect;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::output::console::Console;

pub(super) fn run(options: &Upgrade, console: &Console) -> Result<(), Failure> {
    let reason = options.reason.as_deref();
    if reason.is_some() && options.action != Some(UpgradeAction::Stop) {
        let message = "--reason says why an upgrade is stopped: slipway upgrade stop --reason TEXT";
        return Err(Failure::new(Exit::Usage, message));
    }
    let client = connect(&options.platform)?.client;
    let upgrade = match options.action {
        None => client.upgrade()?,
        Some(UpgradeAction::Stop) => client.stop_upgrade(reason, &new_key())?,
        Some(UpgradeAction::Resume) => client.resume_upgrade(&new_key())?,
    };
    if options.json {
        return console.json(&upgrade);
    }
    console.result(&output::upgrade::shown(&upgrade, console.results_sheet()))
}
