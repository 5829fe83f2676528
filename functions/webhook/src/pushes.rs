//! Pushes of images that ECR tells of through EventBridge.
//!
//! From the event the repository and the tag are taken; what the digest of the tag is, is looked
//! up when it is deployed. Events come at least once and with best effort: the schedule finds what
//! was not told.

use serde_json::Value;
use slipway_control::push::PushedImage;
use slipway_domain::{Platform, ServiceName};

use crate::meaning::is_attachment;

/// An image that was pushed to a service's own repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcrPush {
    /// The service.
    pub service: ServiceName,
    /// The image.
    pub image: PushedImage,
    /// The event's id.
    pub delivery: String,
}

impl EcrPush {
    /// Reads an event, if it tells of an image that could be deployed: pushed with success, with a
    /// tag, and no signature.
    pub fn read(event: &Value, platform: &Platform) -> Option<Self> {
        let detail = &event["detail"];
        if event["source"] != "aws.ecr"
            || detail["action-type"] != "PUSH"
            || detail["result"] != "SUCCESS"
        {
            return None;
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let tag = text(&detail["image-tag"]).filter(|tag| !tag.is_empty())?;
        if is_attachment(&tag) {
            return None;
        }
        Some(Self {
            service: service(detail["repository-name"].as_str()?, platform)?,
            image: PushedImage {
                tag,
                digest: text(&detail["image-digest"])?,
                pushed_at: event["time"].as_str()?.parse().ok()?,
            },
            delivery: text(&event["id"])?,
        })
    }
}

/// The service of a repository, `{platform}-{service}-{default environment}`.
fn service(repository: &str, platform: &Platform) -> Option<ServiceName> {
    repository
        .strip_prefix(platform.name.as_str())?
        .strip_prefix('-')?
        .strip_suffix(platform.environment.as_str())?
        .strip_suffix('-')?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> Value {
        let path = format!(
            "{}/../../events/webhook/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(name)
    }

    #[test]
    fn a_push_names_the_service_of_its_repository_and_the_tag() {
        let push = EcrPush::read(&event("ecr-push"), &Platform::sample()).unwrap();
        assert_eq!(push.service.as_str(), "orders");
        assert_eq!(push.image.tag, "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5");
        assert_eq!(push.delivery, "13cde686-328b-6117-af20-0e5566167482");
    }

    #[test]
    fn what_has_no_tag_was_deleted_or_is_of_another_repository_names_nothing() {
        let read = |event: &Value| EcrPush::read(event, &Platform::sample());
        assert_eq!(read(&event("ecr-push-untagged")), None);
        assert_eq!(read(&event("ecr-delete")), None);
        assert_eq!(read(&Value::Null), None);
        for other in [
            "orders",
            "devops2-g4--prod",
            "devops2-g4-orders-dev",
            "x-orders-prod",
        ] {
            let mut event = event("ecr-push");
            event["detail"]["repository-name"] = other.into();
            assert_eq!(read(&event), None, "{other}");
        }
        let mut signature = event("ecr-push");
        signature["detail"]["image-tag"] = format!("sha256-{}.sig", "a".repeat(64)).into();
        assert_eq!(read(&signature), None);
        let mut failed = event("ecr-push");
        failed["detail"]["result"] = "FAILURE".into();
        assert_eq!(read(&failed), None);
    }
}
