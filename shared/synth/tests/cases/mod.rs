//! Reads the cases of `tests/golden`.

use std::path::{Path, PathBuf};

use slipway_domain::{Manifest, Platform};
use slipway_synth::{RunState, Template, environment_stack, service_stack};

/// A manifest of `tests/golden`.
pub(crate) struct Case {
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) platform: Platform,
}

impl Case {
    /// Every stack of the case by the file that holds it. The default environment's is
    /// `environment.json`, another's `environment.{name}.json`.
    pub(crate) fn stacks(&self) -> Vec<(String, Template)> {
        let default = &self.platform.environment;
        let mut stacks = Vec::new();
        if self.manifest.settings.kind.has_repository() {
            let service = service_stack(&self.manifest, &self.platform);
            stacks.push(("service.json".to_owned(), service));
        }
        for name in self.manifest.environments(default) {
            let file = if name == *default {
                "environment.json".to_owned()
            } else {
                format!("environment.{name}.json")
            };
            let template = self
                .manifest
                .effective(&name, default)
                .and_then(|it| environment_stack(&it, &self.platform, &RunState::default()));
            stacks.extend(template.map(|template| (file, template)));
        }
        stacks
    }
}

/// The cases, in order.
pub(crate) fn cases() -> Vec<Case> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(golden)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(folders.len() >= 8, "golden cases are missing");
    folders.into_iter().map(read).collect()
}

/// The sample platform, with the values of a case that is about another one.
fn platform(own: &Path) -> Platform {
    let mut values = serde_json::to_value(Platform::sample()).unwrap();
    if own.exists() {
        let own = std::fs::read_to_string(own).unwrap();
        let own: serde_json::Value = serde_json::from_str(&own).unwrap();
        for (name, value) in own.as_object().unwrap() {
            values[name] = value.clone();
        }
    }
    serde_json::from_value(values).unwrap()
}

fn read(folder: PathBuf) -> Case {
    let platform = platform(&folder.join("platform.json"));
    let text = std::fs::read_to_string(folder.join("manifest.yaml")).unwrap();
    let document: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    // What the control plane registers itself, nobody can write.
    let manifest = if document["kind"] == "load-balancer" {
        slipway_domain::balancer::manifest(document["service"].as_str().unwrap().parse().unwrap())
    } else {
        Manifest::read(&document).unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
    };
    manifest
        .check_on(&platform)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    Case {
        folder,
        manifest,
        platform,
    }
}
