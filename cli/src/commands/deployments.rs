//! `slipway deployments`: what was deployed, newest first.

use crate::arguments::Deployments;
use crate::connection::connect;
use crate::exit::Failure;
use crate::output;
use crate::output::console::Console;

pub(super) fn run(options: &Deployments, console: &Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let environments = match &options.environment {
        Some(environment) => vec![environment.clone()],
        None => client
            .service(&options.name)?
            .value
            .environments
            .into_keys()
            .collect(),
    };
    let mut all = Vec::new();
    for environment in &environments {
        all.extend(
            client
                .deployments(&options.name, environment, None, Some(options.limit))?
                .items,
        );
    }
    // Ids sort by the time of their making.
    all.sort_by_key(|deployment| std::cmp::Reverse(deployment.id));
    if options.json {
        return console.json(&all);
    }
    if all.is_empty() {
        console.note("no deployments");
        return Ok(());
    }
    console.result(&output::deployments::listing(&all, console.results_sheet()))
}
