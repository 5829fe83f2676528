//! `slipway costs`: of a service, of a manifest before anything is deployed, or of everything.

use std::collections::BTreeMap;
use std::path::Path;

use slipway_domain::manifest::Manifest;
use slipway_domain::{Effective, Platform, ServiceName};
use slipway_synth::cost::{CostView, estimate_with};
use slipway_synth::{RunState, environment_stack, names, service_stack};

use super::read_on;
use crate::arguments::Costs;
use crate::connection::connect;
use crate::exit::{Exit, Failure};
use crate::output::console::Console;
use crate::output::costs;

pub(super) fn run(options: &Costs, console: &Console) -> Result<(), Failure> {
    let Some(of) = &options.of else {
        return of_platform(options, console);
    };
    match of.parse::<ServiceName>() {
        Ok(name) => of_service(&name, options, console),
        Err(_) => of_manifest(Path::new(of), options, console),
    }
}

fn of_platform(options: &Costs, console: &Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let view = client.platform_costs(&options.assume.said())?;
    if options.json {
        return console.json(&view);
    }
    console.result(&costs::platform(&view, console.results_sheet()))
}

fn of_service(name: &ServiceName, options: &Costs, console: &Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let view = client.costs(name, &options.assume.said())?;
    if options.json {
        return console.json(&view);
    }
    console.result(&costs::service(&view, console.results_sheet()))
}

fn of_manifest(file: &Path, options: &Costs, console: &Console) -> Result<(), Failure> {
    let assumed = options
        .assume
        .assumptions()
        .map_err(|sentence| Failure::new(Exit::Usage, sentence))?;
    let (manifest, platform) = read_on(file, options.values.as_deref())?;
    let platform = platform.unwrap_or_else(Platform::sample);
    let mut stacks = BTreeMap::new();
    let name = format!("{}--{}", platform.name, manifest.service);
    if manifest.settings.kind.has_repository() {
        stacks.insert(name.clone(), service_stack(&manifest, &platform));
    }
    for environment in manifest.environments(&platform.environment) {
        let Some(effective) = manifest.effective(&environment, &platform.environment) else {
            continue;
        };
        let effective = with_image(effective, &manifest, &platform, console);
        let template = environment_stack(&effective, &platform, &RunState::default());
        stacks.extend(template.map(|it| (format!("{name}--{environment}"), it)));
    }
    let view: CostView = estimate_with(&stacks, &platform.region, &assumed);
    if options.json {
        return console.json(&view);
    }
    console.result(&costs::own(&view, console.results_sheet()))
}

/// The environment as it will be with its first image or archive, which then comes from the service's own
/// repository: nobody wants to know what it costs to wait for it.
fn with_image(
    mut effective: Effective,
    manifest: &Manifest,
    platform: &Platform,
    console: &Console,
) -> Effective {
    if effective.settings.artifact().is_some() {
        return effective;
    }
    let source = if effective.settings.takes_archive() {
        let archive = format!(
            "s3://{}--{}--code/first.zip",
            platform.name, manifest.service
        );
        effective.settings.function.code = archive.parse().ok();
        "archive yet; reckoned with one from a bucket of its own"
    } else {
        let repository = names::repository(platform, &manifest.service);
        let registry = format!(
            "{}.dkr.ecr.{}.amazonaws.com",
            platform.account, platform.region
        );
        effective.settings.image = format!("{registry}/{repository}:first").parse().ok();
        "image yet; reckoned with one from its own repository"
    };
    let (service, environment) = (&manifest.service, &effective.environment);
    console.note(&format!("{service}/{environment} has no {source}"));
    effective
}
