//! `slipway plan`: what a manifest would change.

use slipway_control::preflight::{Check, Outcome};

use super::refused;
use crate::arguments;
use crate::connection::connect;
use crate::exit::{Exit, Failure};
use crate::manifest_file::{self, findings};
use crate::output;
use crate::output::console::Console;
use slipway_control::view::PlanView;

pub(super) fn run(options: &arguments::Plan, console: &Console) -> Result<(), Failure> {
    let document = manifest_file::read(&options.file).map_err(|finding| refused(&[finding]))?;
    let client = connect(&options.platform)?.client;
    let plan = client
        .plan(&document.value)
        .map_err(|error| match error.refusal() {
            Some(refusal) if !refusal.errors.is_empty() => {
                refused(&findings(&document.file, &refusal.errors))
            }
            Some(_) | None => error.into(),
        })?;
    if options.json {
        console.json(&plan)?;
    } else {
        console.result(&output::plan::plan(&plan, console.results_sheet()))?;
    }
    stands_in_the_way(&plan)
}

/// A plan that shows why it cannot be done ends as a refusal.
pub(super) fn stands_in_the_way(plan: &PlanView) -> Result<(), Failure> {
    let failed = |check: &Check| check.verdict == Outcome::Failed;
    if plan.obstacles.is_empty() && !plan.checks.iter().any(failed) {
        Ok(())
    } else {
        Err(Failure::said(Exit::Refused))
    }
}
