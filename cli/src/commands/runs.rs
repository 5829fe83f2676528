//! `slipway run` and `slipway runs`: a job now, what ran, and the end of a run.

use std::time::Duration;

use slipway_control::runs::RunStatus;

use super::environment::environment;
use crate::arguments::{Run, Runs};
use crate::client::new_key;
use crate::clock::{Clock, SystemClock};
use crate::connection::connect;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::output::console::Console;
use crate::wait::Wait;

pub(super) fn list(options: &Runs, console: &Console) -> Result<(), Failure> {
    let connection = connect(&options.platform)?;
    let environment = environment(&options.environment, &options.name, &connection)?;
    if let Some(id) = &options.cancel {
        let run = connection
            .client
            .cancel_run(&options.name, &environment, id)?;
        if options.json {
            return console.json(&run);
        }
        let runs = std::slice::from_ref(&run);
        return console.result(&output::runs::listing(runs, console.results_sheet()));
    }
    let page = connection
        .client
        .runs(&options.name, &environment, None, Some(options.limit))?;
    if options.json {
        return console.json(&page.items);
    }
    if page.items.is_empty() {
        console.note("no runs");
        return Ok(());
    }
    console.result(&output::runs::listing(&page.items, console.results_sheet()))
}

pub(super) fn start(options: &Run, console: &mut Console) -> Result<(), Failure> {
    let connection = connect(&options.platform)?;
    let client = &connection.client;
    let name = &options.name;
    let environment = environment(&options.environment, name, &connection)?;
    let began = SystemClock.now();
    let mut run = client.start_run(name, &environment, &new_key())?;
    console.note(&format!("{name}/{environment}: run {} has begun", run.id));
    if options.wait.wait {
        let wait = Wait {
            clock: &SystemClock,
            began,
            timeout: Duration::from_secs(options.wait.timeout),
            later: format!("slipway runs {name} --env {environment}"),
        };
        wait.until_found(console, || {
            run = client.run(name, &environment, &run.id)?;
            Ok(run.status != RunStatus::Running)
        })?;
    }
    if options.json {
        console.json(&run)?;
    } else if options.wait.wait {
        let runs = std::slice::from_ref(&run);
        console.result(&output::runs::listing(runs, console.results_sheet()))?;
    }
    match run.status {
        RunStatus::Running | RunStatus::Succeeded => Ok(()),
        RunStatus::Failed | RunStatus::Aborted => Err(Failure::said(Exit::Refused)),
    }
}
