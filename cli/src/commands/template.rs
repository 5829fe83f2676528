//! `slipway template`: what a manifest becomes, without a platform.

use slipway_domain::{Manifest, Platform};
use slipway_synth::{RunState, environment_stack, service_stack};

use super::read_on;
use crate::arguments::Template;
use crate::exit::Failure;
use crate::output::console::Console;

pub(super) fn run(options: &Template, console: &Console) -> Result<(), Failure> {
    let (manifest, platform) = read_on(&options.file, options.platform.as_deref())?;
    let platform = platform.unwrap_or_else(|| {
        console.note("rendered with the values of a sample platform; --platform FILE takes yours");
        Platform::sample()
    });
    if options.service_stack && !manifest.settings.kind.has_repository() {
        return Err(Failure::refused(format!(
            "{} is a database, whose environments share nothing: there is no such stack",
            manifest.service
        )));
    }
    let template = if options.service_stack {
        service_stack(&manifest, &platform)
    } else {
        environment(options, &manifest, &platform)?
    };
    console.result(&template.to_pretty())
}

fn environment(
    options: &Template,
    manifest: &Manifest,
    platform: &Platform,
) -> Result<slipway_synth::Template, Failure> {
    let name = options
        .environment
        .as_ref()
        .unwrap_or(&platform.environment);
    let effective = manifest
        .effective(name, &platform.environment)
        .ok_or_else(|| {
            let names = manifest.environments(&platform.environment);
            let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
            Failure::refused(format!(
                "{} has no environment `{name}`; it has {}",
                manifest.service,
                names.join(", ")
            ))
        })?;
    environment_stack(&effective, platform, &RunState::default()).ok_or_else(|| {
        Failure::refused(format!(
            "{}/{name} has no image: it waits for its first one, and has no stack until then",
            manifest.service
        ))
    })
}
