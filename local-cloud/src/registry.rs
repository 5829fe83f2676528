//! A registry that stands in for all of the internet's, which a platform here asks as its mirror.
//!
//! Every tag of every repository is there, as an index for linux on amd64 and arm64 that is the
//! same each time. The beginning of a tag says otherwise: `missing` is not there, `private` needs
//! a login, and `amd64-only` and `arm64-only` are for that architecture alone. A digest is there
//! when its tag was asked for before. As everywhere, a token comes first, for anybody.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::python::hex;
use crate::upstream::Answer;

/// Where the companion has it.
pub(crate) const ROOT: &str = "/_registry";

/// The registries that it stands in for.
const REGISTRIES: [&str; 4] = ["docker.io", "ghcr.io", "public.ecr.aws", "quay.io"];

/// The parameter `RegistryMirrors` of a platform, for a companion at `endpoint`.
pub(crate) fn mirrors(endpoint: &str) -> String {
    let mirrors = REGISTRIES.map(|registry| format!("{registry}={endpoint}{ROOT}/{registry}"));
    mirrors.join(",")
}

/// `sha256:` and the digest of a text.
pub(crate) fn digest(text: &str) -> String {
    format!("sha256:{}", hex(&Sha256::digest(text.as_bytes())))
}

/// The index of an image for these platforms, `os/architecture`. Its images are made up.
pub(crate) fn index(name: &str, platforms: &[&str]) -> String {
    let images = platforms.iter().map(|platform| {
        let (os, architecture) = platform.split_once('/').unwrap_or(("linux", platform));
        json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest(&format!("{name} {platform}")),
            "size": 512,
            "platform": {"os": os, "architecture": architecture},
        })
    });
    json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": images.collect::<Vec<_>>(),
    })
    .to_string()
}

/// The media type of an index.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The registry; it remembers the manifests that it has shown.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    shown: Mutex<HashMap<String, String>>,
}

impl Registry {
    /// Answers GET or HEAD of `path`, which begins behind [`ROOT`].
    pub(crate) fn answer(&self, path: &str, headers: &HeaderMap) -> Answer {
        if path.starts_with("/token") {
            return plain(StatusCode::OK, json!({"token": "anybody"}).to_string());
        }
        let Some((name, reference)) = path.split_once("/manifests/") else {
            return plain(StatusCode::NOT_FOUND, String::new());
        };
        if !headers.contains_key("authorization") {
            return challenge(headers);
        }
        if reference.starts_with("private") {
            return challenge(headers);
        }
        match self.manifest(name, reference) {
            Some(manifest) => {
                let digest = digest(&manifest);
                let mut answer = plain(StatusCode::OK, manifest);
                let digest = HeaderValue::try_from(digest);
                let kind = HeaderValue::from_static(INDEX);
                answer.headers.insert("content-type", kind);
                if let Ok(digest) = digest {
                    answer.headers.insert("docker-content-digest", digest);
                }
                answer
            }
            None => {
                let errors = json!({"errors": [{"code": "MANIFEST_UNKNOWN"}]});
                plain(StatusCode::NOT_FOUND, errors.to_string())
            }
        }
    }

    fn manifest(&self, name: &str, reference: &str) -> Option<String> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let platforms: &[&str] = match reference {
            digest if digest.starts_with("sha256:") => return shown.get(digest).cloned(),
            tag if tag.starts_with("missing") => return None,
            tag if tag.starts_with("amd64-only") => &["linux/amd64"],
            tag if tag.starts_with("arm64-only") => &["linux/arm64"],
            _ => &["linux/amd64", "linux/arm64"],
        };
        let manifest = index(&format!("{name}:{reference}"), platforms);
        shown.insert(digest(&manifest), manifest.clone());
        Some(manifest)
    }
}

/// What a registry answers whoever has no token.
fn challenge(headers: &HeaderMap) -> Answer {
    let host = headers.get("host").and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default();
    let challenge = format!("Bearer realm=\"http://{host}{ROOT}/token\",service=\"stand-in\"");
    let mut answer = plain(StatusCode::UNAUTHORIZED, String::new());
    if let Ok(challenge) = challenge.parse() {
        answer.headers.insert("www-authenticate", challenge);
    }
    answer
}

fn plain(status: StatusCode, body: String) -> Answer {
    Answer {
        status,
        headers: HeaderMap::new(),
        body: body.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(registry: &Registry, path: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("h:1"));
        headers.insert("authorization", HeaderValue::from_static("Bearer anybody"));
        registry.answer(path, &headers)
    }

    #[test]
    fn a_tag_is_there_with_a_digest_that_does_not_change_and_can_be_asked_for() {
        let registry = Registry::default();
        let path = "/docker.io/v2/library/nginx/manifests";
        let one = ask(&registry, &format!("{path}/1"));
        let digest = one.headers["docker-content-digest"].to_str().unwrap();
        let again = ask(&registry, &format!("{path}/{digest}"));
        assert_eq!(again.text(), one.text());
        assert_ne!(ask(&registry, &format!("{path}/2")).text(), one.text());
        assert!(one.text().contains("amd64") && one.text().contains("arm64"));
    }

    #[test]
    fn the_beginning_of_a_tag_says_what_is_different() {
        let registry = Registry::default();
        let tag = |tag: &str| ask(&registry, &format!("/ghcr.io/v2/a/b/manifests/{tag}"));
        assert_eq!(tag("missing-1").status, 404);
        assert_eq!(tag("private").status, 401);
        assert!(!tag("amd64-only").text().contains("arm64"));
        assert!(!tag("arm64-only-2").text().contains("amd64"));
    }

    #[test]
    fn a_token_comes_first() {
        let registry = Registry::default();
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("h:1"));
        let refused = registry.answer("/quay.io/v2/a/manifests/1", &headers);
        assert_eq!(refused.status, 401);
        assert_eq!(
            refused.headers["www-authenticate"],
            "Bearer realm=\"http://h:1/_registry/token\",service=\"stand-in\""
        );
        assert!(
            registry
                .answer("/token?x", &headers)
                .text()
                .contains("anybody")
        );
    }
}
