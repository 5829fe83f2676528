//! `slipway list`: services by team and name.

use crate::arguments::List;
use crate::connection::connect;
use crate::exit::Failure;
use crate::output;
use crate::output::console::Console;

pub(super) fn run(options: &List, console: &Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let services = client.all_services(options.team.as_ref())?;
    if options.json {
        return console.json(&services);
    }
    if services.is_empty() {
        console.note("no services");
        return Ok(());
    }
    console.result(&output::services::listing(&services, console.results))
}
