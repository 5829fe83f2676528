//! The six services of one HTTP API, from registration to the last deletion.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::Value;
use slipway_cli::client::new_key;
use slipway_domain::{Phase, ServiceName};
use slipway_tests::local_platform::{LocalPlatform, root};

/// The manifests of `examples/six-services`, in the order of their names.
fn manifests() -> Result<Vec<Value>> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("examples/six-services"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            let text = std::fs::read_to_string(file)?;
            serde_saphyr::from_str(&text).with_context(|| file.display().to_string())
        })
        .collect()
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a9_six_services_go_from_registered_to_ready_and_leave_only_what_delete_named() -> Result<()> {
    let platform = LocalPlatform::start("six-services")?;
    let client = platform.client();
    let before = platform.resources()?;

    let mut names: Vec<ServiceName> = Vec::new();
    for manifest in manifests()? {
        names.push(client.register(&manifest, &new_key())?.value.name);
    }
    assert_eq!(names.len(), 6);
    for name in &names {
        let service = platform.settled(name)?;
        let environment = &service.environments[&"prod".parse()?];
        assert_eq!(service.service_stack.phase, Phase::Ready, "{name}");
        if name.as_str() == "share" {
            assert_eq!(environment.stack.phase, Phase::Waiting);
            assert_eq!(environment.stack.url, None);
        } else {
            assert_eq!(
                environment.stack.phase,
                Phase::Ready,
                "{name}: {}",
                environment.stack.message
            );
            let url = environment.stack.url.as_deref().context("an address")?;
            assert!(url.ends_with(&format!("/{name}")), "{url}");
        }
    }

    let mut kept = BTreeSet::new();
    for name in &names {
        let deletion = client.delete(name, "*")?;
        kept.extend(deletion.kept.into_iter().map(|it| it.name));
    }
    for name in &names {
        platform.gone(name)?;
    }
    // Five with two log groups each, and six repositories.
    assert_eq!(kept.len(), 16, "{kept:#?}");
    let left: BTreeSet<String> = platform
        .resources()?
        .since(&before)
        .by_kind
        .into_values()
        .flatten()
        .collect();
    assert_eq!(left, kept);
    Ok(())
}
