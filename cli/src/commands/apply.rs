//! `slipway apply`: brings services to what their manifests say.
//!
//! What the manifest may say is the platform's to judge: a newer platform knows fields that
//! this program does not. A change is made against the generation that was read just before,
//! so that a change of somebody else in between is refused and not undone.

use slipway_control::view::ServiceView;
use slipway_domain::ServiceName;

use super::{arrived, refused};
use crate::arguments::Apply;
use crate::client::{Client, ClientError, new_key};
use crate::clock::{Clock, SystemClock};
use crate::connection::connect;
use crate::exit::Failure;
use crate::manifest_file::{self, Document, findings};
use crate::output::console::Console;
use crate::wait::settled::{Settling, Target};
use crate::wait::{Wait, interrupt};

pub(super) fn run(options: &Apply, console: &mut Console) -> Result<(), Failure> {
    let documents = read(options)?;
    let client = connect(&options.platform)?.client;
    let began = SystemClock.now();
    let mut targets = Vec::new();
    let mut failure = None;
    for (name, document) in &documents {
        match apply(&client, name, document) {
            Ok((done, service)) => {
                let line = format!("{name} {done}, generation {}", service.generation);
                if options.wait.wait {
                    console.note(&line);
                } else {
                    console.result(&format!("{line}\n"))?;
                }
                targets.push(Target {
                    service: name.clone(),
                    generation: service.generation,
                    environment: None,
                    deployment: None,
                    began: service.updated_at,
                });
            }
            Err(error) => {
                if let Some(message) = &error.message {
                    console.error(message);
                }
                failure.get_or_insert(error.exit);
            }
        }
    }
    let waited = if options.wait.wait && !targets.is_empty() {
        let names: Vec<&str> = targets
            .iter()
            .map(|target| target.service.as_str())
            .collect();
        let later = format!("slipway get {}", names.join(" or "));
        interrupt::say(format!("Left running. See it with: {later}"));
        let timeout = std::time::Duration::from_secs(options.wait.timeout);
        let mut settling = Settling::new(targets.clone());
        Wait {
            clock: &SystemClock,
            began,
            timeout,
            later,
        }
        .until_end(console, |_| settling.look(&client))
        .and_then(|look| arrived(&look, console))
    } else {
        Ok(())
    };
    match failure {
        Some(exit) => waited.and(Err(Failure::said(exit))),
        None => waited,
    }
}

/// All files are read before anything is changed.
fn read(options: &Apply) -> Result<Vec<(ServiceName, Document)>, Failure> {
    let mut documents = Vec::new();
    let mut wrong = Vec::new();
    for file in &options.files {
        match manifest_file::read(file)
            .map_err(|finding| vec![finding])
            .and_then(|it| Ok((it.service()?, it)))
        {
            Ok(found) => documents.push(found),
            Err(findings) => wrong.extend(findings),
        }
    }
    if wrong.is_empty() {
        Ok(documents)
    } else {
        Err(refused(&wrong))
    }
}

fn apply(
    client: &Client,
    name: &ServiceName,
    document: &Document,
) -> Result<(&'static str, ServiceView), Failure> {
    let with_file = |error: ClientError| match error.refusal() {
        Some(refusal) if !refusal.errors.is_empty() => {
            refused(&findings(&document.file, &refusal.errors))
        }
        Some(_) | None => error.into(),
    };
    match client.find_service(name)? {
        None => {
            let service = client
                .register(&document.value, &new_key())
                .map_err(with_file)?;
            Ok(("registered", service.value))
        }
        Some(before) => {
            let after = client
                .put(name, &document.value, Some(&before.etag))
                .map_err(with_file)?
                .service
                .value;
            let same = after.generation == before.value.generation;
            Ok((
                if same {
                    "is as the manifest says"
                } else {
                    "changed"
                },
                after,
            ))
        }
    }
}
