//! Reading manifests: what an image runs on.
//!
//! Forms: the OCI image specification's index, manifest and configuration, and Docker's image
//! manifest version 2, schema 2, which have the same fields.

use serde_json::Value;

/// The kinds of manifests that are understood, as an `Accept` header.
pub(super) const KINDS: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// What a manifest says of platforms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// An index, which names the platforms of its images.
    Index(Vec<String>),
    /// One image, whose configuration, a blob of this digest, names its platform.
    Image(String),
    /// Something else.
    Other,
}

/// Reads a manifest.
pub(super) fn read(manifest: &[u8]) -> Content {
    let Ok(manifest) = serde_json::from_slice::<Value>(manifest) else {
        return Content::Other;
    };
    if let Some(images) = manifest["manifests"].as_array() {
        let mut platforms = Vec::new();
        for found in images
            .iter()
            .filter_map(|image| platform(&image["platform"]))
        {
            if !platforms.contains(&found) {
                platforms.push(found);
            }
        }
        return Content::Index(platforms);
    }
    match manifest["config"]["digest"].as_str() {
        Some(digest) => Content::Image(digest.to_owned()),
        None => Content::Other,
    }
}

/// The platform that an image's configuration names.
pub(super) fn of_configuration(configuration: &[u8]) -> Option<String> {
    platform(&serde_json::from_slice(configuration).ok()?)
}

/// `os/architecture`. Build tools put attestations into an index under `unknown/unknown`.
fn platform(of: &Value) -> Option<String> {
    let (os, architecture) = (of["os"].as_str()?, of["architecture"].as_str()?);
    let known = [os, architecture]
        .iter()
        .all(|word| !word.is_empty() && word.len() <= 32 && *word != "unknown");
    known.then(|| format!("{os}/{architecture}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(manifest: &Value) -> Content {
        super::read(manifest.to_string().as_bytes())
    }

    #[test]
    fn an_index_names_each_platform_once_and_no_attestation() {
        let of = |os: &str, architecture: &str, variant: &str| {
            let platform = json!({"os": os, "architecture": architecture, "variant": variant});
            json!({"digest": "sha256:0", "platform": platform})
        };
        let index = json!({"manifests": [
            of("linux", "amd64", ""),
            of("linux", "arm", "v6"),
            of("linux", "arm", "v7"),
            of("unknown", "unknown", ""),
            {"digest": "sha256:0"},
        ]});
        let platforms = ["linux/amd64", "linux/arm"].map(str::to_owned).to_vec();
        assert_eq!(read(&index), Content::Index(platforms));
    }

    #[test]
    fn a_manifest_of_one_image_names_its_configuration() {
        let manifest = json!({"schemaVersion": 2, "config": {"digest": "sha256:c"}, "layers": []});
        assert_eq!(read(&manifest), Content::Image("sha256:c".to_owned()));
        let configuration = json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
        assert_eq!(
            of_configuration(configuration.to_string().as_bytes()).as_deref(),
            Some("linux/arm64")
        );
    }

    #[test]
    fn anything_else_says_nothing() {
        assert_eq!(read(&json!({"schemaVersion": 1})), Content::Other);
        assert_eq!(super::read(b"<html>"), Content::Other);
        assert_eq!(of_configuration(b"{}"), None);
        assert_eq!(of_configuration(b"["), None);
    }
}
