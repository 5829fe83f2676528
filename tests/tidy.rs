//! Rules of the house that no compiler and no lint knows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which of our crates each of our crates may depend on, tests included. The core (domain,
/// synth, scaling, control) stands alone; only `shared/aws` knows the SDK; nothing that runs in an
/// account knows the local cloud.
const DIRECTION: [(&str, &[&str]); 17] = [
    ("slipway-domain", &[]),
    ("slipway-synth", &["slipway-domain"]),
    ("slipway-scaling", &["slipway-domain"]),
    (
        "slipway-control",
        &["slipway-domain", "slipway-scaling", "slipway-synth"],
    ),
    (
        "slipway-aws",
        &[
            "slipway-control",
            "slipway-domain",
            "slipway-scaling",
            "slipway-synth",
        ],
    ),
    ("slipway-lambda", &["slipway-control", "slipway-domain"]),
    (
        "slipway-api",
        &[
            "slipway-aws",
            "slipway-control",
            "slipway-domain",
            "slipway-lambda",
            "slipway-synth",
        ],
    ),
    (
        "slipway-reconciler",
        &[
            "slipway-aws",
            "slipway-control",
            "slipway-domain",
            "slipway-lambda",
        ],
    ),
    (
        "slipway-webhook",
        &[
            "slipway-aws",
            "slipway-control",
            "slipway-domain",
            "slipway-lambda",
        ],
    ),
    (
        "slipway-notifier",
        &[
            "slipway-aws",
            "slipway-control",
            "slipway-domain",
            "slipway-lambda",
        ],
    ),
    (
        "slipway-scaler",
        &[
            "slipway-aws",
            "slipway-control",
            "slipway-domain",
            "slipway-lambda",
            "slipway-scaling",
        ],
    ),
    (
        "slipway-waker",
        &[
            "slipway-aws",
            "slipway-control",
            "slipway-domain",
            "slipway-lambda",
        ],
    ),
    (
        "slipway-cli",
        &[
            "slipway-control",
            "slipway-domain",
            "slipway-scaling",
            "slipway-synth",
        ],
    ),
    ("slipway-local-cloud", &[]),
    (
        "slipway-demo",
        &[
            "slipway-cli",
            "slipway-control",
            "slipway-domain",
            "slipway-local-cloud",
        ],
    ),
    (
        "slipway-tests",
        &[
            "slipway-cli",
            "slipway-control",
            "slipway-domain",
            "slipway-local-cloud",
            "slipway-synth",
        ],
    ),
    ("xtask", &[]),
];

/// What the core may never depend on, however indirectly it came.
const NOT_IN_THE_CORE: [&str; 8] = [
    "aws-", "tokio", "hyper", "axum", "lambda", "reqwest", "ureq", "rand",
];

/// Licences that are compatible with ours (Apache-2.0), as SPDX names them.
const LICENCES: [&str; 15] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Zlib",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "0BSD",
    "Unlicense",
    "BSL-1.0",
    "BlueOak-1.0.0",
];

/// Crates that must not come in: they need a C toolchain beyond a compiler, or cost start-up
/// time (docs/decisions/0003-tls.md).
const BANNED: [&str; 5] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "openssl-sys",
    "cmake",
    "native-tls",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_path_buf()
}

fn metadata() -> Value {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--all-features",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo's metadata")
}

/// Our packages, by name.
fn ours(metadata: &Value) -> BTreeMap<&str, &Value> {
    let members: Vec<&Value> = metadata["workspace_members"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .filter(|package| members.contains(&&package["id"]))
        .map(|package| (package["name"].as_str().expect("a name"), package))
        .collect()
}

fn dependencies(package: &Value) -> impl Iterator<Item = (&str, Option<&str>)> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.map(|dependency| {
        (
            dependency["name"].as_str().expect("a name"),
            dependency["kind"].as_str(),
        )
    })
}

#[test]
fn our_crates_depend_on_one_another_in_one_direction_only() {
    let metadata = metadata();
    let ours = ours(&metadata);
    let direction: BTreeMap<&str, &[&str]> = DIRECTION.into();
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        direction.keys().collect::<Vec<_>>()
    );
    for (name, package) in &ours {
        for (dependency, _) in
            dependencies(package).filter(|(dependency, _)| ours.contains_key(dependency))
        {
            assert!(
                direction[name].contains(&dependency),
                "{name} may not depend on {dependency}"
            );
        }
    }
}

#[test]
fn the_core_knows_no_sdk_no_runtime_and_no_chance() {
    let metadata = metadata();
    for (name, package) in ours(&metadata) {
        if ![
            "slipway-domain",
            "slipway-synth",
            "slipway-scaling",
            "slipway-control",
        ]
        .contains(&name)
        {
            continue;
        }
        for (dependency, _) in dependencies(package).filter(|(_, kind)| kind.is_none()) {
            let known = NOT_IN_THE_CORE
                .iter()
                .find(|banned| dependency.starts_with(**banned));
            assert!(known.is_none(), "{name} may not depend on {dependency}");
        }
    }
}

#[test]
fn only_the_adapter_uses_the_sdk_among_what_runs_in_an_account() {
    let metadata = metadata();
    for (name, package) in ours(&metadata) {
        if ["slipway-aws", "slipway-cli", "slipway-tests"].contains(&name) {
            continue;
        }
        for (dependency, _) in dependencies(package) {
            assert!(
                !dependency.starts_with("aws-sdk-"),
                "{name} may not depend on {dependency}"
            );
        }
    }
}

#[test]
fn dependencies_come_from_the_registry_under_licences_we_may_use() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().expect("a name");
        let Some(source) = package["source"].as_str() else {
            continue;
        };
        assert!(
            source.starts_with("registry+"),
            "{name} comes from {source}"
        );
        assert!(!BANNED.contains(&name), "{name} is banned");
        let licence = package["license"].as_str().unwrap_or_default();
        // `A OR B` and the older `A/B` leave the choice; of `A AND B` both must be allowed.
        let allowed = licence.replace('/', " OR ").split(" OR ").any(|choice| {
            choice
                .split(" AND ")
                .all(|part| LICENCES.contains(&part.trim_matches(['(', ')', ' '])))
        });
        assert!(allowed, "{name} is under {licence:?}");
    }
}

#[test]
fn every_source_file_says_what_it_is_and_holds_one_idea() {
    for file in sources(&root()) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let name = file.display();
        assert!(
            text.starts_with("//!"),
            "{name} does not begin with what it is, in a `//!` comment"
        );
        let lines = text.lines().count();
        assert!(
            lines <= 500,
            "{name} has {lines} lines: which ideas does it hold?"
        );
    }
}

#[test]
fn every_crate_keeps_the_workspaces_lints() {
    for file in manifests(&root()) {
        let text = std::fs::read_to_string(&file).expect("a manifest");
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{} does not inherit the lints",
            file.display()
        );
    }
}

fn manifests(root: &Path) -> Vec<PathBuf> {
    let metadata = metadata();
    let paths = ours(&metadata)
        .into_values()
        .map(|package| PathBuf::from(package["manifest_path"].as_str().expect("a path")));
    paths.filter(|path| path.starts_with(root)).collect()
}

fn sources(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = manifests(root)
        .iter()
        .filter_map(|path| path.parent().map(Path::to_path_buf))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}
