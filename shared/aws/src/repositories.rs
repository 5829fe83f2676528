//! The services' own repositories in ECR: which image was pushed last.

use aws_config::SdkConfig;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::operation::describe_images::builders::DescribeImagesFluentBuilder;
use aws_sdk_ecr::types::{DescribeImagesFilter, ImageDetail, ImageIdentifier, TagStatus};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use slipway_control::ports::{PortResult, RepositoryReader};
use slipway_control::push::PushedImage;
use slipway_domain::Triggers;
use slipway_synth::names::KEPT_TAG_PREFIX;

use crate::error::port_error;

const DESCRIBE: &str = "ecr:DescribeImages";
/// The most images that ECR lists in one call (`DescribeImages`).
const MOST_LISTED: i32 = 1000;

/// Looks at repositories of the function's account and region.
#[derive(Debug, Clone)]
pub struct Repositories {
    client: Client,
}

impl Repositories {
    /// Over the account's ECR.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// What is asked: of the one image under a tag, or of all that have tags.
    fn ask(&self, repository: &str, pattern: &str) -> DescribeImagesFluentBuilder {
        let ask = self.client.describe_images().repository_name(repository);
        if pattern.ends_with('*') {
            let tagged = DescribeImagesFilter::builder().tag_status(TagStatus::Tagged);
            ask.filter(tagged.build()).max_results(MOST_LISTED)
        } else {
            ask.image_ids(ImageIdentifier::builder().image_tag(pattern).build())
        }
    }
}

impl RepositoryReader for Repositories {
    async fn newest(&self, repository: &str, pattern: &str) -> PortResult<Option<PushedImage>> {
        let triggers = Triggers {
            follow: Some(pattern.to_owned()),
            ..Triggers::default()
        };
        let mut pages = self.ask(repository, pattern).into_paginator().send();
        let mut newest: Option<PushedImage> = None;
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                // Neither is there before the first push, or once a service is going.
                Err(error)
                    if matches!(
                        error.code(),
                        Some("ImageNotFoundException" | "RepositoryNotFoundException")
                    ) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(port_error(DESCRIBE, error)),
            };
            let images = page.image_details().iter();
            let followed = images.filter_map(|image| pushed(image, &triggers));
            newest = newest.into_iter().chain(followed).reduce(|former, it| {
                if former.pushed_at < it.pushed_at {
                    it
                } else {
                    former
                }
            });
        }
        Ok(newest)
    }
}

/// An image under the first of its tags that is followed; tags of our own are not.
fn pushed(image: &ImageDetail, triggers: &Triggers) -> Option<PushedImage> {
    let tags = image.image_tags().iter();
    let tag = tags
        .filter(|tag| !tag.starts_with(KEPT_TAG_PREFIX) && triggers.follows(tag))
        .min()?;
    Some(PushedImage {
        tag: tag.clone(),
        digest: image.image_digest()?.to_owned(),
        pushed_at: Timestamp::from_second(image.image_pushed_at()?.secs()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::{Asked, Replay, Reply};
    use serde_json::{Value, json};

    fn image(digest: &str, tags: &[&str], pushed_at: u32) -> Value {
        json!({"imageDigest": digest, "imageTags": tags, "imagePushedAt": pushed_at})
    }

    fn aws(asked: &Asked) -> Reply {
        let ask = asked.json();
        match (ask["repositoryName"].as_str(), ask["nextToken"].as_str()) {
            (Some("gone"), _) => Reply::refused("RepositoryNotFoundException", "not there"),
            (Some("empty"), _) => Reply::refused("ImageNotFoundException", "not there"),
            (Some("denied"), _) => Reply::refused("AccessDeniedException", "not yours"),
            (_, None) => Reply::json(&json!({
                "imageDetails": [
                    image("sha256:1", &["v1", "slipway-prod-1"], 10),
                    image("sha256:9", &["slipway-prod-9", "latest"], 90),
                ],
                "nextToken": "more",
            })),
            _ => Reply::json(&json!({
                "imageDetails": [image("sha256:2", &["v2", "v2.0"], 20), image("sha256:0", &[], 99)],
            })),
        }
    }

    async fn newest(repository: &str, pattern: &str) -> PortResult<Option<(String, String)>> {
        let aws = Replay::new(aws);
        let repositories = Repositories::new(&aws.config());
        let found = repositories.newest(repository, pattern).await?;
        Ok(found.map(|it| (it.tag, it.digest)))
    }

    #[tokio::test]
    async fn the_newest_image_under_a_tag_of_the_pattern_is_found_over_all_pages() {
        let of = |tag: &str, digest: &str| Some((tag.to_owned(), digest.to_owned()));
        assert_eq!(newest("r", "v*").await.unwrap(), of("v2", "sha256:2"));
        assert_eq!(
            newest("r", "latest").await.unwrap(),
            of("latest", "sha256:9")
        );
        // Tags of our own mark what is there already.
        assert_eq!(newest("r", "slipway-*").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_whole_tag_is_asked_for_and_of_a_pattern_all_that_have_tags() {
        let aws = Replay::new(|_| Reply::json(&json!({"imageDetails": []})));
        let repositories = Repositories::new(&aws.config());
        for pattern in ["latest", "v*"] {
            repositories.newest("r", pattern).await.unwrap();
        }
        let asked = aws.asked();
        assert_eq!(asked[0].json()["imageIds"], json!([{"imageTag": "latest"}]));
        assert_eq!(asked[1].json()["filter"], json!({"tagStatus": "TAGGED"}));
    }

    #[tokio::test]
    async fn what_is_not_there_has_no_image_and_a_refusal_is_no_answer() {
        assert_eq!(newest("gone", "v*").await.unwrap(), None);
        assert_eq!(newest("empty", "v*").await.unwrap(), None);
        assert_eq!(
            newest("denied", "v*").await.unwrap_err().operation,
            DESCRIBE
        );
    }
}
