//! `slipway rollback`: back to what ran before, with a look at what that changes.

use slipway_control::view::PlanView;
use slipway_domain::EnvironmentName;

use super::environment::environment;
use super::follow::follow;
use super::{confirm, plan::stands_in_the_way};
use crate::arguments::Rollback;
use crate::client::{Client, new_key};
use crate::clock::{Clock, SystemClock};
use crate::connection::connect;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::output::console::Console;
use crate::output::deployments::headline;

pub(super) fn run(options: &Rollback, console: &mut Console) -> Result<(), Failure> {
    let connection = connect(&options.platform)?;
    let name = &options.name;
    let environment = environment(&options.environment, name, &connection)?;
    let client = &connection.client;
    if options.plan {
        return plan(options, &environment, client, console);
    }
    look_first(options, &environment, client, console)?;
    let began = SystemClock.now();
    let started = client
        .rollback(name, &environment, options.to, &new_key())?
        .deployment;
    let back = match options.to {
        Some(generation) => format!("back to generation {generation}"),
        None => "back to the last good generation".to_owned(),
    };
    let line = format!("{name}/{environment}: {}, {back}", headline(&started));
    follow(&line, &started, (&options.follow, began), client, console)
}

fn plan(
    options: &Rollback,
    environment: &EnvironmentName,
    client: &Client,
    console: &Console,
) -> Result<(), Failure> {
    let plan = client.plan_rollback(&options.name, environment, options.to)?;
    if options.json {
        console.json(&plan)?;
    } else {
        let shown = shown(options, environment, &plan, console.results_sheet());
        console.result(&shown)?;
    }
    stands_in_the_way(&plan)
}

/// Shows what it would change to whoever is there, and asks unless that is known already.
fn look_first(
    options: &Rollback,
    environment: &EnvironmentName,
    client: &Client,
    console: &Console,
) -> Result<(), Failure> {
    if options.yes && !console.redraws() {
        return Ok(());
    }
    if !options.yes && !Console::can_ask() {
        let message = "nobody can be asked here: say --yes, or --plan to see what it would change";
        return Err(Failure::new(Exit::Usage, message));
    }
    let plan = client.plan_rollback(&options.name, environment, options.to)?;
    let shown = shown(options, environment, &plan, console.notes_sheet());
    console.note(shown.trim_end());
    stands_in_the_way(&plan)?;
    let question = format!("Roll {}/{environment} back?", options.name);
    confirm(console, options.yes, &question)
}

fn shown(
    options: &Rollback,
    environment: &EnvironmentName,
    plan: &PlanView,
    sheet: output::sheet::Sheet,
) -> String {
    let title = match options.to {
        Some(generation) => format!("would go back to generation {generation}"),
        None => "would go back to the last good generation".to_owned(),
    };
    let title = format!("{}/{environment} {title}", options.name);
    output::plan::titled(&title, plan, sheet)
}
