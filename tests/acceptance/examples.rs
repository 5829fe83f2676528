//! The five examples, from registration to the last deletion.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::Value;
use slipway_cli::client::new_key;
use slipway_domain::{Phase, ServiceName};
use slipway_tests::local_platform::{LocalPlatform, root};

use crate::asking::name;

/// The manifests of a folder of `examples`, in the order of their names, databases first: who uses
/// one imports what leads there.
fn manifests(example: &str) -> Result<Vec<Value>> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("examples").join(example))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .collect();
    files.sort();
    let mut manifests = files
        .iter()
        .map(|file| {
            let text = std::fs::read_to_string(file)?;
            serde_saphyr::from_str(&text).with_context(|| file.display().to_string())
        })
        .collect::<Result<Vec<Value>>>()?;
    manifests.sort_by_key(|manifest| !is_database(manifest));
    Ok(manifests)
}

fn is_database(manifest: &Value) -> bool {
    manifest["kind"] == "database"
}

/// Registers all services of an example, sees each become ready (or wait, where it has no image),
/// deletes them, and sees that nothing is left but what the deletions named. Answers how many
/// services there were, and what was kept.
fn come_and_go(platform: &LocalPlatform, example: &str) -> Result<(usize, BTreeSet<String>)> {
    let client = platform.client();
    let before = platform.resources()?;
    let manifests = manifests(example)?;
    let mut names: Vec<ServiceName> = Vec::new();
    for manifest in &manifests {
        let name = client.register(manifest, &new_key())?.value.name;
        if is_database(manifest) {
            platform.settled(&name)?;
        }
        names.push(name);
    }
    for (name, manifest) in names.iter().zip(&manifests) {
        let service = platform.settled(name)?;
        assert_eq!(service.service_stack.phase, Phase::Ready, "{name}");
        for environment in service.environments.values() {
            let stack = &environment.stack;
            if is_database(manifest) {
                assert_eq!(stack.phase, Phase::Ready, "{name}: {}", stack.message);
                assert_eq!(stack.url, None, "{name}");
                continue;
            }
            if manifest["image"].is_null() {
                assert_eq!((stack.phase, &stack.url), (Phase::Waiting, &None), "{name}");
                continue;
            }
            assert_eq!(stack.phase, Phase::Ready, "{name}: {}", stack.message);
            let default = format!("/{name}");
            let path = manifest["path"].as_str().unwrap_or(&default);
            let url = stack.url.as_deref().context("an address")?;
            assert!(url.ends_with(path), "{url}");
        }
    }

    let mut kept = BTreeSet::new();
    let both = names.iter().zip(&manifests);
    let (databases, users): (Vec<_>, Vec<_>) = both.partition(|(_, it)| is_database(it));
    for names in [users, databases] {
        for (name, _) in &names {
            let deletion = client.delete(name, "*")?;
            // Of a database that goes a snapshot is taken, under a name of CloudFormation's.
            let stays = deletion.kept.into_iter();
            let stays = stays.filter(|it| it.resource_type != "AWS::RDS::DBClusterSnapshot");
            kept.extend(stays.map(|it| it.name));
        }
        for (name, _) in &names {
            platform.gone(name)?;
        }
    }
    // What services share goes with the last of them.
    platform.gone(&name("shared-1"))?;
    let left = platform.resources()?.since(&before).by_kind;
    let left: BTreeSet<String> = left.into_values().flatten().collect();
    assert_eq!(left, kept);
    Ok((names.len(), kept))
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a9_six_services_go_from_registered_to_ready_and_leave_only_what_delete_named() -> Result<()> {
    let platform = LocalPlatform::start("six-services")?;
    let (services, kept) = come_and_go(&platform, "six-services")?;
    // Five with two log groups each, and six repositories.
    assert_eq!((services, kept.len()), (6, 16), "{kept:#?}");
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn two_regions_two_projects_and_two_ports_go_from_registered_to_ready_and_away() -> Result<()> {
    let parameters = [
        ("NatMode", "per-zone"),
        ("FlowLogs", "true"),
        ("PublicLoadBalancer", "true"),
        ("Ec2InstanceType", "m5.large"),
        ("ThrottlingRateLimit", "500"),
        ("ThrottlingBurstLimit", "1000"),
    ];
    let platform = LocalPlatform::start_as("examples", &parameters, |options| options)?;
    for (example, services) in [
        ("multi-region-pipeline", 1),
        ("azure-devops-ec2", 2),
        ("fastapi-mcp", 2),
    ] {
        let (found, _) = come_and_go(&platform, example)?;
        assert_eq!(found, services, "{example}");
    }
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn the_pet_clinic_goes_from_registered_to_ready_and_away() -> Result<()> {
    let parameters = [
        ("Environment", "dev"),
        ("SecretPrefixes", "/petclinic/dev/"),
        ("VpcEndpoints", "all"),
        ("NetworkAcls", "true"),
        ("Tracing", "Active"),
        ("Waf", "true"),
        ("DiscoveryDomain", "petclinic.local"),
    ];
    let platform = LocalPlatform::start_as("petclinic", &parameters, |options| options)?;
    platform.aws().make_parameter("/petclinic/dev/config")?;
    platform.aws().make_secret("/petclinic/dev/database")?;
    let (services, _) = come_and_go(&platform, "spring-petclinic")?;
    assert_eq!(services, 6);
    Ok(())
}
