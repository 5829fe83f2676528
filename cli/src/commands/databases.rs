//! `slipway databases` and `slipway database`: what they are, who may use them and who does.

use crate::arguments::{Database, Databases};
use crate::connection::connect;
use crate::exit::Failure;
use crate::output;
use crate::output::console::Console;

pub(super) fn list(options: &Databases, console: &Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let databases = client.all_databases(options.team.as_ref())?;
    if options.json {
        return console.json(&databases);
    }
    if databases.is_empty() {
        console.note("no databases");
        return Ok(());
    }
    console.result(&output::databases::listing(
        &databases,
        console.results_sheet(),
    ))
}

pub(super) fn one(options: &Database, console: &Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let database = client.database(&options.name)?.value;
    if options.json {
        return console.json(&database);
    }
    console.result(&output::databases::database(
        &database,
        console.results_sheet(),
    ))
}
