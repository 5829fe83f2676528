//! `slipway get`: one service, with what runs of it.

use slipway_domain::Phase;

use crate::arguments::Get;
use crate::connection::connect;
use crate::exit::Failure;
use crate::output;
use crate::output::console::Console;
use crate::output::services::Beside;

pub(super) fn run(options: &Get, console: &Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let mut service = client.service(&options.name)?.value;
    let mut beside = Beside::default();
    for (name, environment) in &mut service.environments {
        let phase = environment.stack.phase;
        // What runs and what was found are looks beside the answer: without them, the rest
        // still stands.
        if matches!(phase, Phase::Ready | Phase::RollingOut)
            && let Ok(with_live) = client.environment(&options.name, name)
        {
            *environment = with_live;
        }
        if let Some(running) = &environment.live {
            beside.live.insert(name.clone(), running.clone());
        }
        let is_as_wanted =
            matches!(phase, Phase::Ready | Phase::Waiting) && environment.stack.advice.is_none();
        if !options.json
            && !is_as_wanted
            && let Some(id) = environment.deployment
            && let Ok(deployment) = client.deployment(&options.name, name, id)
        {
            beside.deployments.insert(name.clone(), deployment);
        }
    }
    if options.json {
        return console.json(&service);
    }
    console.result(&output::services::service(
        &service,
        &beside,
        console.results_sheet(),
    ))
}
