//! What is shown: six services registered, one changed, one deleted.

use std::path::Path;
use std::sync::mpsc::Receiver;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use slipway_cli::client::{Client, new_key};
use slipway_domain::{Phase, ServiceName};

use crate::screen::Screen;
use crate::watch::{self, Until};

pub(crate) fn tell(
    screen: &Screen,
    client: &Client,
    examples: &Path,
    interrupted: &Receiver<()>,
) -> Result<()> {
    screen.heading("Six services, each registered with one HTTP call");
    let mut names = Vec::new();
    let mut shown = watch::Shown::new();
    for manifest in manifests(examples)? {
        let registered = client
            .register(&manifest, &new_key())
            .with_context(|| format!("{manifest}"))?;
        let service = &registered.value;
        let image = manifest["image"].as_str().unwrap_or("no image yet");
        screen.event(&format!(
            "POST /services → 201  {:<10} generation {}, {image}",
            service.name.as_str(),
            service.generation
        ));
        names.push(service.name.clone());
    }

    screen.heading("The rest is automatic: stream → reconciler → CloudFormation → ECS");
    watch::watch(
        screen,
        client,
        &names,
        Until::Settled,
        &mut shown,
        interrupted,
    )?;
    table(screen, client)?;
    expect(client, &names)?;

    let (changed, deleted) = (&names[0], &names[1]);
    screen.heading(&format!(
        "One change: PATCH /services/{changed} with memory 1024"
    ));
    let etag = client.service(changed)?.etag;
    let patched = client.patch(changed, &json!({"memory": 1024}), &etag)?;
    screen.event(&format!(
        "200  {changed} is at generation {}",
        patched.value.generation
    ));
    watch::watch(
        screen,
        client,
        std::slice::from_ref(changed),
        Until::Settled,
        &mut shown,
        interrupted,
    )?;

    screen.heading(&format!("One deletion: DELETE /services/{deleted}"));
    let etag = client.service(deleted)?.etag;
    let deletion = client.delete(deleted, &etag)?;
    let removed: u32 = deletion.removed.values().sum();
    screen.event(&format!("202  {removed} resources go; kept are"));
    for kept in &deletion.kept {
        screen.line(&format!(
            "            {} ({})",
            kept.name, kept.resource_type
        ));
    }
    watch::watch(
        screen,
        client,
        std::slice::from_ref(deleted),
        Until::Gone,
        &mut shown,
        interrupted,
    )?;
    table(screen, client)
}

/// The examples' manifests, in the order of their names.
fn manifests(folder: &Path) -> Result<Vec<Value>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| format!("{}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            let text = std::fs::read_to_string(file)?;
            serde_saphyr::from_str(&text).with_context(|| format!("{}", file.display()))
        })
        .collect()
}

fn table(screen: &Screen, client: &Client) -> Result<()> {
    screen.line(&format!(
        "\n  {:<11} {:<5} {:<12} {}",
        "SERVICE", "ENV", "PHASE", "URL"
    ));
    for service in client.all_services(None)? {
        if let Some(stack) = &service.service_stack {
            row(screen, &service.name, "-", stack.phase, "-");
            advise(screen, &stack.message, &stack.advice);
        }
        for (environment, summary) in &service.environments {
            let url = summary.url.as_deref().unwrap_or("-");
            row(
                screen,
                &service.name,
                environment.as_str(),
                summary.phase,
                url,
            );
            if let Some(advice) = &summary.advice {
                advise(screen, &summary.message, advice);
            }
        }
    }
    Ok(())
}

fn row(screen: &Screen, service: &ServiceName, environment: &str, phase: Phase, url: &str) {
    screen.line(&format!(
        "  {:<11} {environment:<5} {phase:<12} {url}",
        service.as_str()
    ));
}

/// What a service that does not go on by itself needs of a person.
fn advise(screen: &Screen, message: &str, advice: &str) {
    screen.line(&format!("              {message}"));
    screen.line(&format!("              what to do: {advice}"));
}

/// Every service with an image is ready, and the one without waits.
fn expect(client: &Client, names: &[ServiceName]) -> Result<()> {
    for name in names {
        let service = client.service(name)?.value;
        for (environment, view) in &service.environments {
            let expected = if view.image.is_some() {
                Phase::Ready
            } else {
                Phase::Waiting
            };
            ensure!(
                view.stack.phase == expected,
                "{name}/{environment} is {}, not {expected}: {}",
                view.stack.phase,
                view.stack.message
            );
        }
    }
    Ok(())
}
