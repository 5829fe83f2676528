//! `slipway get`: one service, with what runs of it.

use std::collections::BTreeMap;

use slipway_domain::Phase;

use crate::arguments::Get;
use crate::connection::connect;
use crate::exit::Failure;
use crate::output;
use crate::output::console::Console;

pub(super) fn run(options: &Get, console: &Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let mut service = client.service(&options.name)?.value;
    let mut live = BTreeMap::new();
    for (name, environment) in &mut service.environments {
        if !matches!(environment.stack.phase, Phase::Ready | Phase::RollingOut) {
            continue;
        }
        // What runs is a look beside the answer: without it, the rest still stands.
        if let Ok(with_live) = client.environment(&options.name, name) {
            *environment = with_live;
        }
        if let Some(running) = &environment.live {
            live.insert(name.clone(), running.clone());
        }
    }
    if options.json {
        return console.json(&service);
    }
    console.result(&output::services::service(&service, &live, console.results))
}
