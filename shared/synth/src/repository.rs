//! The image repository, which all environments of a service share.
//!
//! It outlives the service: images are somebody's work. What expires is decided by ECR, which
//! knows nothing of what runs; so an image that runs, or can be rolled back to, bears a tag of
//! ours ([`names::kept_tag`]), and the first rule takes every image with such a tag out of the others'
//! reach: an image that matches the tags of a rule is expired by no rule behind it, also when
//! that rule expires nothing (ECR user guide, "How a lifecycle policy works").

use serde_json::{Value, json};
use slipway_domain::manifest::Kind;
use slipway_domain::{Manifest, Platform};

use crate::environment_stack::Resources;
use crate::names::KEPT_TAG_PREFIX;
use crate::{names, tags};

pub(crate) const REPOSITORY: &str = "Repository";

/// Images with such tags that stay. There are never so many: each environment has a few.
const ALL_KEPT: u32 = 9999;

/// Days after which an image without a tag goes. The images that an index lists have none, and
/// stay as long as their index does (ECR user guide, the same page); so has what was pushed by
/// its digest alone.
const UNTAGGED_DAYS: u32 = 14;

pub(crate) fn add(to: &mut Resources, manifest: &Manifest, platform: &Platform) {
    let mut repository = json!({
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
    });
    if feeds_functions(manifest, platform) {
        repository["Properties"]["RepositoryPolicyText"] = for_functions(manifest, platform);
    }
    to.add(REPOSITORY, repository);
}

/// Whether an environment is a function, whose image Lambda pulls.
pub(crate) fn feeds_functions(manifest: &Manifest, platform: &Platform) -> bool {
    let default = &platform.environment;
    let environments = manifest.environments(default).into_iter();
    environments
        .filter_map(|name| manifest.effective(&name, default))
        .any(|effective| effective.settings.kind == Kind::Function)
}

/// Lets Lambda pull, for this service's functions only. Lambda would write such a policy itself
/// when a function is made ("Create a Lambda function using a container image", permissions), and
/// the stack would differ from its template then.
fn for_functions(manifest: &Manifest, platform: &Platform) -> Value {
    let Platform {
        partition,
        region,
        account,
        name,
        ..
    } = platform;
    let functions = format!(
        "arn:{partition}:lambda:{region}:{account}:function:{name}--{}--*",
        manifest.service
    );
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "Functions",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Condition": {"ArnLike": {"aws:SourceArn": functions}},
        }],
    })
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
