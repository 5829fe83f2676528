//! The image repository, which all environments of a service share.
//!
//! It outlives the service: images are somebody's work. What expires is decided by ECR, which
//! knows nothing of what runs; so an image that runs, or can be rolled back to, bears a tag of
//! ours ([`kept_tag`]), and the first rule takes every image with such a tag out of the others'
//! reach: an image that matches the tags of a rule is expired by no rule behind it, also when
//! that rule expires nothing (ECR user guide, "How a lifecycle policy works").

use serde_json::{Value, json};
use slipway_domain::{DeploymentId, EnvironmentName, Manifest, Platform};

use crate::environment_stack::Resources;
use crate::{names, tags};

pub(crate) const REPOSITORY: &str = "Repository";

/// What the tags begin with that keep images. Nobody deploys by them, and pushes of them start
/// nothing.
pub const KEPT_TAG_PREFIX: &str = "slipway-";

/// Images with such tags that stay. There are never so many: each environment has a few.
const ALL_KEPT: u32 = 9999;

/// Days after which an image without a tag goes. The images that an index lists have none, and
/// stay as long as their index does (ECR user guide, the same page); so has what was pushed by
/// its digest alone.
const UNTAGGED_DAYS: u32 = 14;

/// The tag that keeps the image of a deployment, such as
/// `slipway-prod-01k9x2v3w4y5z6a7b8c9d0e1f2`: at most 47 of ECR's 128 characters.
pub fn kept_tag(environment: &EnvironmentName, deployment: DeploymentId) -> String {
    let deployment = deployment.to_string().to_ascii_lowercase();
    format!("{KEPT_TAG_PREFIX}{environment}-{deployment}")
}

pub(crate) fn add(to: &mut Resources, manifest: &Manifest, platform: &Platform) {
    to.add(
        REPOSITORY,
        json!({
            "Type": "AWS::ECR::Repository",
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "RepositoryName": names::repository(platform, &manifest.service),
                "ImageScanningConfiguration": {"ScanOnPush": manifest.settings.images.scan},
                // A tag is what was tested: it does not move. Further tags may come to an image.
                "ImageTagMutability": "IMMUTABLE",
                "EncryptionConfiguration": {"EncryptionType": "AES256"},
                "LifecyclePolicy": {
                    "LifecyclePolicyText": lifecycle(manifest.settings.images.keep).to_string(),
                },
                "EmptyOnDelete": false,
                "Tags": tags::lifeline(platform),
            },
        }),
    );
}

/// Images with a tag are counted by themselves: an index is one image to people, and three or
/// more to ECR.
fn lifecycle(keep: u32) -> Value {
    let rule = |priority: u32, description: &str, selection: Value| {
        json!({
            "rulePriority": priority,
            "description": description,
            "selection": selection,
            "action": {"type": "expire"},
        })
    };
    let tagged = |pattern: &str, count: u32| {
        json!({
            "tagStatus": "tagged",
            "tagPatternList": [pattern],
            "countType": "imageCountMoreThan",
            "countNumber": count,
        })
    };
    let untagged = json!({
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": UNTAGGED_DAYS,
    });
    json!({"rules": [
        rule(1, "Images that run or can be rolled back to stay", tagged(&format!("{KEPT_TAG_PREFIX}*"), ALL_KEPT)),
        rule(2, "Images without a tag", untagged),
        rule(3, "The newest images stay", tagged("*", keep)),
    ]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_tag_is_a_tag_and_names_environment_and_deployment() {
        let environment: EnvironmentName = "abcdefghijkl".parse().unwrap();
        let deployment: DeploymentId = "01K9X2V3W4Y5Z6A7B8C9D0E1F2".parse().unwrap();
        let tag = kept_tag(&environment, deployment);
        assert_eq!(tag, "slipway-abcdefghijkl-01k9x2v3w4y5z6a7b8c9d0e1f2");
        assert_eq!(tag.len(), 47);
        let image: slipway_domain::Image = format!("a/b:{tag}").parse().unwrap();
        assert_eq!(image.tag(), Some(tag.as_str()));
    }

    #[test]
    fn what_we_keep_comes_first_and_each_rule_has_its_own_pattern() {
        let lifecycle = lifecycle(25);
        let rules = lifecycle["rules"].as_array().unwrap();
        let first: Vec<_> = rules.iter().map(|rule| &rule["rulePriority"]).collect();
        assert_eq!(first, [1, 2, 3]);
        assert_eq!(
            rules[0]["selection"]["tagPatternList"],
            json!(["slipway-*"])
        );
        assert_eq!(rules[2]["selection"]["tagPatternList"], json!(["*"]));
        assert_eq!(rules[2]["selection"]["countNumber"], 25);
    }
}
