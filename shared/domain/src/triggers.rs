//! What starts deployments beside calls of the API: pushes of code and of images.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::image::Image;
use crate::schema;

/// What starts deployments beside calls of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Triggers {
    /// What a push that a webhook tells of means.
    pub push: OnPush,
    /// The branches whose pushes count; `*` at an end stands for anything.
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 200)))]
    pub branches: Vec<String>,
    /// The tag of the image that is built from a commit, with `{sha}`, `{short}` (its first 7
    /// characters), `{branch}` or `{tag}` in it, where `push` is `tag`.
    #[schemars(schema_with = "schema::tag_template")]
    pub tag: String,
    /// Minutes for which a deployment waits for that image to be pushed.
    #[schemars(range(min = 1, max = 1440))]
    pub wait: u32,
    /// The tags of the service's own repository that are followed: each image that is pushed
    /// under one is deployed. `*` at the end stands for anything. Without, images are deployed only when
    /// somebody says so, and where the service waits for its first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::followed_tag")]
    pub follow: Option<String>,
}

impl Default for Triggers {
    fn default() -> Self {
        Self {
            push: OnPush::Tag,
            branches: vec!["main".to_owned(), "master".to_owned()],
            tag: "{sha}".to_owned(),
            wait: 30,
            follow: None,
        }
    }
}

/// What a push that a webhook tells of means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnPush {
    /// Deploy the image that the payload names; pushes of code are ignored.
    Image,
    /// Deploy the image that is built from the commit, once it is pushed to the service's own
    /// repository under `tag`.
    Tag,
    /// Start the service's pipeline.
    Pipeline,
}

impl Triggers {
    /// Whether pushes to this branch count.
    pub fn wants_branch(&self, branch: &str) -> bool {
        self.branches.iter().any(|pattern| fits(pattern, branch))
    }

    /// Whether images that are pushed under this tag are deployed.
    pub fn follows(&self, tag: &str) -> bool {
        let follow = self.follow.as_deref();
        follow.is_some_and(|pattern| fits(pattern, tag))
    }
}

/// Whether a text is the pattern, or begins as it does where that ends in `*`.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == pattern,
    }
}

/// What somebody pushed, and what told of it: kept with the deployment that it caused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trigger {
    /// Who told: `github`, `gitlab`, `bitbucket`, `azure-devops`, `docker-hub`, `standard` or
    /// `ecr`.
    pub provider: String,
    /// The sender's id of the delivery.
    pub delivery: String,
    /// The branch or tag that was pushed to, or the image's tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit, 40 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When that commit was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub committed_at: Option<jiff::Timestamp>,
    /// The commit's first line, at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who pushed, as the sender says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
}

impl Image {
    /// The repository without tag and digest.
    pub fn repository(&self) -> &str {
        let name = self.as_str().split('@').next().unwrap_or_default();
        match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository,
            _ => name,
        }
    }

    /// The tag, where it has one.
    pub fn tag(&self) -> Option<&str> {
        let name = self.as_str().split('@').next()?;
        let rest = name.strip_prefix(self.repository())?;
        rest.strip_prefix(':')
    }

    /// The digest, where it has one.
    pub fn digest(&self) -> Option<&str> {
        self.as_str().split_once('@').map(|(_, digest)| digest)
    }

    /// The same image at this digest, its tag kept for people.
    ///
    /// # Errors
    /// The digest is not `sha256:` with 64 hexadecimal digits, or the reference gets too long.
    pub fn at(&self, digest: &str) -> Result<Self, crate::text::InvalidText> {
        let name = self.as_str().split('@').next().unwrap_or_default();
        format!("{name}@{digest}").parse()
    }

    /// How ECS is to be told of it: by its digest alone where that is known, and by its tag
    /// otherwise.
    pub fn pinned(&self) -> String {
        match self.digest() {
            Some(digest) => format!("{}@{digest}", self.repository()),
            None => self.as_str().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_falls_into_repository_tag_and_digest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let parts = |text: &str| {
            let image: Image = text.parse().unwrap();
            let own = |text: &str| text.to_owned();
            let (tag, digest) = (image.tag().map(own), image.digest().map(own));
            (image.repository().to_owned(), tag, digest)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parts("nginx"), ("nginx".to_owned(), None, None));
        assert_eq!(
            parts("localhost:5000/a/b"),
            ("localhost:5000/a/b".to_owned(), None, None)
        );
        assert_eq!(
            parts(&format!("localhost:5000/a:v1@{digest}")),
            ("localhost:5000/a".to_owned(), some("v1"), some(&digest))
        );
    }

    #[test]
    fn a_digest_takes_the_place_of_an_older_one_and_the_tag_stays_for_people() {
        let old = format!("sha256:{}", "a".repeat(64));
        let new = format!("sha256:{}", "b".repeat(64));
        let image: Image = format!("a/b:v1@{old}").parse().unwrap();
        let image = image.at(&new).unwrap();
        assert_eq!(image.as_str(), format!("a/b:v1@{new}"));
        assert_eq!(image.pinned(), format!("a/b@{new}"));
        assert!(image.at("sha256:12").is_err());
    }

    #[test]
    fn branches_and_tags_are_whole_or_end_in_a_star() {
        let triggers = Triggers {
            branches: vec!["main".to_owned(), "release/*".to_owned()],
            follow: Some("v*".to_owned()),
            ..Triggers::default()
        };
        assert!(triggers.wants_branch("main") && triggers.wants_branch("release/1"));
        assert!(!triggers.wants_branch("maintenance"));
        assert!(triggers.follows("v2") && !triggers.follows("latest"));
        assert!(!Triggers::default().follows("latest"));
    }
}
