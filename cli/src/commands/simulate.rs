//! `slipway simulate`: what policies would have done with a trace of requests, offline.

use std::path::Path;

use slipway_domain::{Manifest, Scaling};
use slipway_scaling::simulate::{
    Delays, FROZEN, Setup, SlipwaySetup, Telemetry, Trace, Tried, simulate_with,
};

use super::refused;
use crate::arguments::Simulate;
use crate::exit::{Exit, Failure};
use crate::manifest_file::{self, Document, Finding, Place};
use crate::output;
use crate::output::console::Console;

/// The longest trace that is read: a row each second for a year is longer than any use.
const LONGEST: u64 = 256 * 1024 * 1024;

pub(super) fn run(options: &Simulate, console: &Console) -> Result<(), Failure> {
    let trace = trace(&options.trace)?;
    let policy = options.policy.as_deref().map(policy).transpose()?;
    let setup = setup(options, &trace, policy.as_ref())?;
    let own = own(options, &setup, policy);
    let tried = if options.windows {
        Tried::Windows
    } else {
        Tried::Defaults
    };
    let simulation = simulate_with(&trace, &setup, &own, tried);
    if let Some(file) = &options.svg {
        let picture = slipway_scaling::simulate::picture(&trace, &setup, &simulation);
        std::fs::write(file, picture).map_err(|error| {
            Failure::refused(format!("{}: cannot be written: {error}", file.display()))
        })?;
    }
    let report = simulation.report();
    if options.json {
        return console.json(&report);
    }
    let text = output::simulation::simulation(&trace, &setup, &report, console.results_sheet());
    console.result(&text)
}

fn trace(path: &Path) -> Result<Trace, Failure> {
    let file = path.display();
    let unreadable = |reason: String| Failure::refused(format!("{file}: cannot be read: {reason}"));
    let length = std::fs::metadata(path)
        .map_err(|error| unreadable(error.to_string()))?
        .len();
    if length > LONGEST {
        return Err(unreadable(format!("it is longer than {LONGEST} bytes")));
    }
    let text = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(text).map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Trace::read(&name, &text).map_err(|error| Failure::refused(format!("{file}:{error}")))
}

/// The policy of a file: of a manifest, or its `scaling` alone. It is held to the same rules.
pub(super) fn policy(path: &Path) -> Result<Scaling, Failure> {
    let document = manifest_file::read(path).map_err(|finding| refused(&[finding]))?;
    policy_of(document).map_err(|findings| refused(&findings))
}

/// The policy of a document: see [`policy`].
pub(super) fn policy_of(document: Document) -> Result<Scaling, Vec<Finding>> {
    let manifest: Manifest = if document.value.get("service").is_some() {
        document.manifest(None)?
    } else {
        let value = serde_json::json!({"service": "simulated", "scaling": document.value});
        let file = document.file;
        Document { file, value }
            .manifest(None)
            .map_err(below_scaling)?
    };
    Ok(manifest.settings.scaling)
}

/// The findings where they are in a file that is the `scaling` of a manifest and no more.
fn below_scaling(mut findings: Vec<Finding>) -> Vec<Finding> {
    for finding in &mut findings {
        if let Place::Pointer { pointer } = &mut finding.place {
            *pointer = pointer.replacen("/scaling", "", 1);
        }
    }
    findings
}

fn setup(options: &Simulate, trace: &Trace, policy: Option<&Scaling>) -> Result<Setup, Failure> {
    let world = &options.world;
    let defaults = Setup::for_trace(trace);
    let bounds = policy.map(|policy| (policy.min.max(1), policy.max));
    let (min, max) = bounds.unwrap_or((defaults.min, defaults.max));
    let (min, max) = (world.min.unwrap_or(min), world.max.unwrap_or(max));
    if min > max {
        let message = format!("--min {min} is more than --max {max}");
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(Setup {
        capacity: world.capacity.unwrap_or(defaults.capacity),
        start_up: world.start_up,
        min,
        max,
        delays: Delays {
            standard: world.metric_delay,
            high_resolution: world.fine_metric_delay,
            ..FROZEN
        },
        telemetry: if world.own_telemetry {
            Telemetry::Own
        } else {
            Telemetry::Published
        },
    })
}

fn own(options: &Simulate, setup: &Setup, policy: Option<Scaling>) -> SlipwaySetup {
    let mut own = policy.map_or_else(SlipwaySetup::by_default, SlipwaySetup::new);
    (own.policy.min, own.policy.max) = (setup.min, setup.max);
    own.high_points = options.world.high_points.unwrap_or(own.high_points);
    own.low_minutes = options.world.low_minutes;
    own.memory = options.world.memory;
    own
}
