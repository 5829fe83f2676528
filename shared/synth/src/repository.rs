//! The image repository, which all environments of a service share.
//!
//! It outlives the service: images are somebody's work. Only images without a tag expire
//! here, because a rule that counts tagged images may expire the one that runs; with tags
//! that never move, an image without one was pushed without.

use serde_json::json;
use slipway_domain::{Manifest, Platform};

use crate::environment_stack::Resources;
use crate::{names, tags};

pub(crate) const REPOSITORY: &str = "Repository";

/// Days after which an image without a tag goes.
const UNTAGGED_DAYS: u32 = 14;

pub(crate) fn add(to: &mut Resources, manifest: &Manifest, platform: &Platform) {
    let lifecycle = json!({
        "rules": [{
            "rulePriority": 1,
            "description": "Images without a tag",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": UNTAGGED_DAYS,
            },
            "action": {"type": "expire"},
        }],
    });
    to.add(
        REPOSITORY,
        json!({
            "Type": "AWS::ECR::Repository",
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "RepositoryName": names::repository(platform, &manifest.service),
                "ImageScanningConfiguration": {"ScanOnPush": manifest.settings.images.scan},
                // A tag is what was tested: it does not move.
                "ImageTagMutability": "IMMUTABLE",
                "EncryptionConfiguration": {"EncryptionType": "AES256"},
                "LifecyclePolicy": {"LifecyclePolicyText": lifecycle.to_string()},
                "EmptyOnDelete": false,
                "Tags": tags::lifeline(platform),
            },
        }),
    );
}
