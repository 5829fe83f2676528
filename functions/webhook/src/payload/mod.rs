//! What a request tells: one sender a file, as its documentation has the payloads.
//!
//! Of a payload as little is read as is needed. What is missing or of another form makes a
//! request that tells nothing, and says why; a request is never refused for its payload, because
//! senders switch webhooks off that answer with errors.

mod azure_devops;
mod bitbucket;
mod docker_hub;
mod github;
mod gitlab;
mod standard;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use slipway_control::ports::Provider;
use slipway_domain::Image;

use crate::request::Request;

/// The most characters of a commit's title, a sender's name or a delivery's id that are kept.
const WIDTH: usize = 100;

/// What a request tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Branches or tags point to other commits: one of them, or several at once.
    CodePushed(Vec<CodePush>),
    /// Images were pushed: one, or the same one under several names.
    ImagePushed(Vec<ImagePush>),
    /// The sender tries out whether the webhook works.
    Ping,
    /// Nothing that a deployment could come from: why, for people.
    Ignored(String),
}

/// A branch or tag that points to another commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePush {
    /// Which.
    pub reference: Reference,
    /// The commit, in hexadecimal digits; absent where the payload has none.
    pub commit: Option<String>,
    /// When the commit was made.
    pub committed_at: Option<Timestamp>,
    /// The first line of its message, at most 100 characters.
    pub title: Option<String>,
    /// Who pushed.
    pub sender: Option<String>,
    /// Whether commits that were there are not any more.
    pub forced: bool,
}

/// A branch or a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A branch, by its name without `refs/heads/`.
    Branch(String),
    /// A tag, by its name without `refs/tags/`.
    Tag(String),
}

impl Reference {
    /// The branch or tag of a full reference of git.
    fn read(full: &str) -> Option<Self> {
        if let Some(branch) = full.strip_prefix("refs/heads/") {
            return Some(Self::Branch(branch.to_owned()));
        }
        let tag = full.strip_prefix("refs/tags/")?;
        Some(Self::Tag(tag.to_owned()))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Branch(name) | Self::Tag(name) => name,
        }
    }
}

/// An image that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePush {
    /// The image with its tag or digest, or both.
    pub image: Image,
    /// Who pushed.
    pub sender: Option<String>,
}

/// Who sent a request, by the headers that only they send. Whether it is true, the signature
/// says. Nobody, if none is known.
pub fn provider_of(request: &Request) -> Option<Provider> {
    let has = |name| request.headers.contains_key(name);
    if has("x-github-event") {
        Some(Provider::Github)
    } else if has("x-gitlab-event") {
        Some(Provider::Gitlab)
    } else if has("x-event-key") {
        Some(Provider::Bitbucket)
    } else if has("webhook-id") {
        Some(Provider::Standard)
    } else if has("authorization") {
        Some(Provider::AzureDevops)
    } else if request.query.contains_key("token") {
        Some(Provider::DockerHub)
    } else {
        None
    }
}

/// What tells a delivery from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The sender's id of it: of at most 100 letters, digits and `-_.:`. Without one, a digest of
    /// the body.
    pub id: String,
    /// What is the same when it comes again, and cannot be another without the sender's doing: the
    /// id where the signature covers it, and otherwise a digest of the body. Whoever caught a
    /// delivery of GitHub's could send it under another id.
    pub once: String,
}

/// What tells this delivery from others.
pub fn delivery_of(provider: Provider, request: &Request) -> Delivery {
    let id = id_of(provider, request);
    let once = match provider {
        Provider::Github | Provider::Bitbucket => sha256(&request.body),
        Provider::Gitlab | Provider::AzureDevops | Provider::DockerHub | Provider::Standard => {
            id.clone()
        }
    };
    Delivery { id, once }
}

fn id_of(provider: Provider, request: &Request) -> String {
    let header = |name| request.header(name).map(str::to_owned);
    let id = match provider {
        Provider::Github => header("x-github-delivery"),
        Provider::Gitlab => header("webhook-id")
            .or_else(|| header("idempotency-key"))
            .or_else(|| header("x-gitlab-event-uuid")),
        Provider::Bitbucket => header("x-request-uuid"),
        Provider::AzureDevops => azure_devops::delivery(request),
        Provider::DockerHub => docker_hub::delivery(request),
        Provider::Standard => header("webhook-id"),
    };
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    id.map(|id| {
        id.chars()
            .filter(|c| !"{}".contains(*c))
            .collect::<String>()
    })
    .filter(|id| (1..=WIDTH).contains(&id.len()) && id.chars().all(valid))
    .unwrap_or_else(|| sha256(&request.body))
}

/// What a request tells. It must have been verified.
pub fn told(provider: Provider, request: &Request) -> Told {
    let body = match provider {
        Provider::Github => github::document(request),
        _ => serde_json::from_slice(&request.body).ok(),
    };
    let Some(body) = body else {
        return ignored("the body is not JSON");
    };
    match provider {
        Provider::Github => github::told(request, &body),
        Provider::Gitlab => gitlab::told(&body),
        Provider::Bitbucket => bitbucket::told(request, &body),
        Provider::AzureDevops => azure_devops::told(&body),
        Provider::DockerHub => docker_hub::told(&body),
        Provider::Standard => standard::told(&body),
    }
}

fn ignored(why: impl Into<String>) -> Told {
    Told::Ignored(why.into())
}

/// What several references tell together: those that point to a commit, or why none does.
fn pushed(pushes: Vec<CodePush>) -> Told {
    if pushes.is_empty() {
        return ignored("no branch and no tag points to another commit");
    }
    Told::CodePushed(pushes)
}

/// A commit's id: 40 hexadecimal digits, or 64 in repositories of SHA-256, in lower case. The
/// one of zeros, which stands for none, is none.
fn commit(value: &Value) -> Option<String> {
    let id = value.as_str()?;
    let hexadecimal = id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let is_one = hexadecimal && matches!(id.len(), 40 | 64) && id.bytes().any(|b| b != b'0');
    is_one.then(|| id.to_owned())
}

/// A time with its offset from UTC.
fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// The first line of a text, cut where it gets long, without what no line has.
fn line(value: &Value) -> Option<String> {
    let first = value.as_str()?.lines().next()?.trim();
    let printed = first.chars().filter(|c| !c.is_control());
    let line: String = printed.take(WIDTH).collect();
    (!line.is_empty()).then_some(line)
}

/// An image by its repository and tag, and its digest where that is known. Registries write the
/// owner's name as they have it; an image's name is in lower case.
fn image(repository: &str, tag: &str, digest: Option<&str>) -> Option<Image> {
    let name: Image = format!("{}:{tag}", repository.to_ascii_lowercase())
        .parse()
        .ok()?;
    let pinned = digest.and_then(|digest| name.at(digest).ok());
    Some(pinned.unwrap_or(name))
}

/// SHA-256 in hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a `String` does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(headers: &[(&str, &str)], token: Option<&str>) -> Request {
        Request {
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            query: token
                .map(|token| ("token".to_owned(), token.to_owned()))
                .into_iter()
                .collect(),
            ..Request::default()
        }
    }

    #[test]
    fn senders_are_known_by_the_headers_that_only_they_send() {
        let of = |name| provider_of(&request(&[(name, "x")], None));
        assert_eq!(of("x-github-event"), Some(Provider::Github));
        assert_eq!(of("x-gitlab-event"), Some(Provider::Gitlab));
        assert_eq!(of("x-event-key"), Some(Provider::Bitbucket));
        assert_eq!(of("webhook-id"), Some(Provider::Standard));
        assert_eq!(of("authorization"), Some(Provider::AzureDevops));
        let docker = provider_of(&request(&[], Some("x")));
        assert_eq!(docker, Some(Provider::DockerHub));
        assert_eq!(provider_of(&request(&[], None)), None);
        // GitLab signs with the headers of Standard Webhooks.
        let both = request(&[("x-gitlab-event", "x"), ("webhook-id", "x")], None);
        assert_eq!(provider_of(&both), Some(Provider::Gitlab));
    }

    #[test]
    fn a_delivery_is_named_by_its_sender_or_else_by_its_body() {
        let of = |provider, name, id| delivery_of(provider, &request(&[(name, id)], None)).id;
        assert_eq!(of(Provider::Github, "x-github-delivery", "a-1"), "a-1");
        assert_eq!(of(Provider::Bitbucket, "x-request-uuid", "{a-1}"), "a-1");
        assert_eq!(of(Provider::Gitlab, "idempotency-key", "a-1"), "a-1");
        assert_eq!(of(Provider::Gitlab, "x-gitlab-event-uuid", "a-1"), "a-1");
        assert_eq!(of(Provider::Standard, "webhook-id", "msg_1"), "msg_1");
        for odd in ["", "a#b", "a b", &"a".repeat(101)] {
            let delivery = of(Provider::Github, "x-github-delivery", odd);
            assert_eq!(delivery, sha256(b""), "{odd}");
        }
    }

    #[test]
    fn a_commit_is_its_digits_and_zeros_are_none() {
        let id = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";
        assert_eq!(commit(&json!(id)), Some(id.to_owned()));
        for none in [
            json!("0".repeat(40)),
            json!("59b20b8"),
            json!(id.to_uppercase()),
            json!(null),
        ] {
            assert_eq!(commit(&none), None, "{none}");
        }
    }

    #[test]
    fn a_title_is_one_line_of_a_hundred_characters() {
        let title = |text: &str| line(&json!(text));
        assert_eq!(title("Fix\u{7} it\n\nbecause"), Some("Fix it".to_owned()));
        assert_eq!(title(&"ä".repeat(200)), Some("ä".repeat(100)));
        assert_eq!(title(""), None);
        assert_eq!(title("\n"), None);
    }

    #[test]
    fn an_image_has_its_digest_where_that_is_one() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let of = |tag, digest| image("ghcr.io/Team/App", tag, digest).map(|it| it.to_string());
        let named = Some("ghcr.io/team/app:V1".to_owned());
        assert_eq!(of("V1", None), named);
        assert_eq!(of("V1", Some("sha256:12")), named);
        let pinned = Some(format!("ghcr.io/team/app:V1@{digest}"));
        assert_eq!(of("V1", Some(&digest)), pinned);
        assert_eq!(of("", None), None);
    }
}
