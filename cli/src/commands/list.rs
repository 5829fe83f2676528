//! `slipway list`: services by team and name.

use crate::arguments::List;
use crate::connection::connect;
use crate::exit::Failure;
use crate::output;
use crate::output::console::Console;

pub(super) fn run(options: &List, console: &Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let team = options.team.as_ref();
    let services = if options.needs_person {
        client.all_services_in_need(team)?
    } else {
        client.all_services(team)?
    };
    if options.json {
        return console.json(&services);
    }
    if services.is_empty() {
        console.note(if options.needs_person {
            "no service needs a person"
        } else {
            "no services"
        });
        return Ok(());
    }
    console.result(&output::services::listing(
        &services,
        console.results_sheet(),
    ))
}
