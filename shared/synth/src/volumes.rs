//! Volumes on EFS: an access point each, which makes and shows a directory that is the service's
//! own, whatever else the file system holds.
//!
//! The file system is not the stack's. What is written stays when the service goes.

use serde_json::{Value, json};
use slipway_domain::container::Volume;

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, reference};

/// An access point for each volume.
pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let effective = site.effective;
    for (name, volume) in &effective.settings.volumes {
        // EFS has room for four directories and 100 characters.
        let path = format!(
            "/{}/{}/{}/{name}",
            site.platform.name, effective.service, effective.environment
        );
        let owner = volume.owner.to_string();
        to.add(
            &access_point(name),
            json!({
                "Type": "AWS::EFS::AccessPoint",
                "Properties": {
                    "FileSystemId": volume.file_system,
                    "PosixUser": {"Uid": owner, "Gid": owner},
                    "RootDirectory": {
                        "Path": path,
                        "CreationInfo": {
                            "OwnerUid": owner, "OwnerGid": owner, "Permissions": "0750",
                        },
                    },
                },
            }),
        );
    }
}

/// The volumes of the task definition.
pub(crate) fn of_tasks(site: &Site<'_>) -> Vec<Value> {
    let volumes = site.effective.settings.volumes.iter();
    volumes
        .map(|(name, volume)| {
            json!({
                "Name": name,
                "EFSVolumeConfiguration": {
                    "FilesystemId": volume.file_system,
                    "TransitEncryption": "ENABLED",
                    "AuthorizationConfig": {
                        "AccessPointId": reference(&access_point(name)), "IAM": "ENABLED",
                    },
                },
            })
        })
        .collect()
}

/// Where the service's own container sees them.
pub(crate) fn mounts(volumes: &std::collections::BTreeMap<String, Volume>) -> Vec<Value> {
    volumes
        .iter()
        .map(|(name, volume)| {
            json!({
                "SourceVolume": name, "ContainerPath": volume.path, "ReadOnly": volume.read_only,
            })
        })
        .collect()
}

/// What the role of the tasks needs: to mount the access points of this stack, and to write to
/// those that are not only read.
pub(crate) fn statements(site: &Site<'_>) -> Vec<Value> {
    let settings = &site.effective.settings;
    [
        ("ReadVolumes", true, &["elasticfilesystem:ClientMount"][..]),
        (
            "WriteVolumes",
            false,
            &[
                "elasticfilesystem:ClientMount",
                "elasticfilesystem:ClientWrite",
            ],
        ),
    ]
    .into_iter()
    .filter_map(|(sid, read_only, actions)| {
        let volumes = settings.volumes.iter();
        let volumes: Vec<_> = volumes
            .filter(|(_, it)| it.read_only == read_only)
            .collect();
        if volumes.is_empty() {
            return None;
        }
        let systems: std::collections::BTreeSet<String> = volumes
            .iter()
            .map(|(_, it)| {
                site.arn(
                    "elasticfilesystem",
                    &format!("file-system/{}", it.file_system),
                )
            })
            .collect();
        let points: Vec<Value> = volumes
            .iter()
            .map(|(name, _)| attribute(&access_point(name), "Arn"))
            .collect();
        Some(json!({
            "Sid": sid,
            "Effect": "Allow",
            "Action": actions,
            "Resource": systems,
            "Condition": {"ArnEquals": {"elasticfilesystem:AccessPointArn": points}},
        }))
    })
    .collect()
}

/// The logical id of a volume's access point; names are of letters and digits, a letter first.
fn access_point(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("AccessPoint{}{rest}", first.to_uppercase())
}
