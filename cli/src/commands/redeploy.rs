//! `slipway redeploy`: the same once more with new tasks, for some services or for all of a
//! team, a few at a time.

use std::time::Duration;

use slipway_control::view::ServiceSummary;
use slipway_domain::{EnvironmentName, Phase, ServiceName, TeamName};

use super::environment::environment;
use super::{follow::follow, trouble_of};
use crate::arguments::Redeploy;
use crate::client::new_key;
use crate::clock::{Clock, SystemClock};
use crate::connection::{Connection, connect};
use crate::exit::{Exit, Failure};
use crate::output::console::Console;
use crate::output::deployments::headline;
use crate::output::redeployments::{LeftOut, summary};
use crate::wait::several::{Several, Standing};
use crate::wait::{Wait, interrupt};

/// Environments to deploy once more.
type Chosen = Vec<(ServiceName, EnvironmentName)>;

pub(super) fn run(options: &Redeploy, console: &mut Console) -> Result<(), Failure> {
    let connection = connect(&options.platform)?;
    let (chosen, left_out) = match &options.team {
        Some(team) => of_team(options, team, &connection)?,
        None => (named(options, &connection)?, Vec::new()),
    };
    match chosen.as_slice() {
        [] if left_out.is_empty() => {
            console.note("no services");
            Ok(())
        }
        [(name, environment)] if options.team.is_none() => {
            one(options, (name, environment), &connection, console)
        }
        _ => several(options, chosen, &left_out, &connection, console),
    }
}

fn named(options: &Redeploy, connection: &Connection) -> Result<Chosen, Failure> {
    let mut chosen: Chosen = Vec::new();
    for name in &options.names {
        if !chosen.iter().any(|(known, _)| known == name) {
            let environment = environment(&options.environment, name, connection)?;
            chosen.push((name.clone(), environment));
        }
    }
    Ok(chosen)
}

/// What of a team's services can be deployed once more, and what is left out.
fn of_team(
    options: &Redeploy,
    team: &TeamName,
    connection: &Connection,
) -> Result<(Chosen, Vec<LeftOut>), Failure> {
    let mut chosen = Vec::new();
    let mut left_out = Vec::new();
    for service in connection.client.all_services(Some(team))? {
        if service.deleting {
            let reason = "is being deleted".to_owned();
            left_out.push((service.name.to_string(), None, reason));
            continue;
        }
        let environment = environment(&options.environment, &service.name, connection)?;
        match objection(&service, &environment) {
            Some(reason) => {
                left_out.push((
                    service.name.to_string(),
                    Some(environment),
                    reason.to_owned(),
                ));
            }
            None => chosen.push((service.name, environment)),
        }
    }
    Ok((chosen, left_out))
}

/// Why there is nothing to deploy once more.
fn objection(service: &ServiceSummary, environment: &EnvironmentName) -> Option<&'static str> {
    match service.environments.get(environment) {
        None => Some("has no such environment"),
        Some(it) if it.phase == Phase::Waiting => Some("waits for its first image"),
        Some(it) if it.phase == Phase::Deleting => Some("is being deleted"),
        Some(_) => None,
    }
}

fn one(
    options: &Redeploy,
    (name, environment): (&ServiceName, &EnvironmentName),
    connection: &Connection,
    console: &mut Console,
) -> Result<(), Failure> {
    let client = &connection.client;
    let began = SystemClock.now();
    let started = client.redeploy(name, environment, &new_key())?.deployment;
    let line = format!(
        "{name}/{environment}: {}, with new tasks",
        headline(&started)
    );
    follow(&line, &started, (&options.follow, began), client, console)
}

fn several(
    options: &Redeploy,
    chosen: Chosen,
    left_out: &[LeftOut],
    connection: &Connection,
    console: &mut Console,
) -> Result<(), Failure> {
    let client = &connection.client;
    let mut several = Several::new(chosen, options.at_once.into());
    let waited = if options.follow.no_wait {
        several.begin_all(client).map_err(Failure::from)
    } else {
        let later = "slipway list".to_owned();
        interrupt::say(format!(
            "No more are begun; those under way go on. See them with: {later}"
        ));
        Wait {
            clock: &SystemClock,
            began: SystemClock.now(),
            timeout: Duration::from_secs(options.follow.timeout),
            later,
        }
        .until_end(console, |_| several.look(client))
        .map(|look| {
            trouble_of(&look, console);
        })
    };
    console.result(&summary(several.jobs(), left_out, console.results_sheet()))?;
    waited?;
    let failed = |standing| matches!(standing, Standing::Failed(_));
    if several.jobs().iter().any(|job| failed(job.standing())) {
        return Err(Failure::said(Exit::Refused));
    }
    Ok(())
}
