//! What ECR does beside keeping images: it tells of a push, and hands blobs out over HTTP.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::body::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::bus;
use crate::companion::{Companion, Incoming};
use crate::registry::{self, digest, index};
use crate::upstream::Answer;
use crate::wire;

/// The prefix of ECR's operations in the JSON protocol.
const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921";

/// The media type of one image's manifest.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl Companion {
    /// A call of ECR.
    pub(crate) async fn ecr(self: &Arc<Self>, incoming: &Incoming) -> Result<Answer> {
        let answer = self.forward(incoming).await?;
        if !answer.status.is_success() {
            return Ok(answer);
        }
        let region = &incoming.intent.region;
        let asked = || serde_json::from_slice::<Value>(&incoming.body);
        match incoming.intent.operation.as_str() {
            "PutImage" => {
                let said: Value = serde_json::from_slice(&answer.body)?;
                let digest = &said["image"]["imageId"]["imageDigest"];
                self.tell_push(&asked()?, digest.as_str().unwrap_or_default(), region);
                Ok(answer)
            }
            "GetDownloadUrlForLayer" => {
                let asked = asked()?;
                let (repository, digest) = (&asked["repositoryName"], &asked["layerDigest"]);
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let (repository, digest) = (text(repository), text(digest));
                let root = format!("{}{}/ecr", self.endpoint, registry::ROOT);
                Ok(wire::json_answer(&json!({
                    "downloadUrl": format!("{root}/{region}/v2/{repository}/blobs/{digest}"),
                    "layerDigest": digest,
                })))
            }
            _ => Ok(answer),
        }
    }

    fn tell_push(self: &Arc<Self>, put: &Value, digest: &str, region: &str) {
        let repository = put["repositoryName"].as_str().unwrap_or_default();
        let tag = put["imageTag"].as_str();
        let event = bus::image_pushed(repository, tag, digest, region, &self.account);
        self.emit(&event, region);
    }

    /// What is asked of registries: the one that stands in for others, and the blobs of ECR.
    pub(crate) async fn registries(&self, incoming: &Incoming) -> Result<Answer> {
        let path = incoming.path.strip_prefix(registry::ROOT);
        let path = path.unwrap_or_default();
        match path.strip_prefix("/ecr/").and_then(|it| it.split_once('/')) {
            Some((region, path)) => {
                let upstream = self.upstream.in_region(region);
                let path = format!("/{path}");
                let nothing = Bytes::new();
                upstream.rest("ecr", Method::GET, &path, &[], nothing).await
            }
            None => Ok(self.registry.answer(path, &incoming.headers)),
        }
    }

    /// Pushes an image into a repository of ECR, as a build would: answers its digest.
    pub(crate) async fn push_image(
        self: &Arc<Self>,
        region: &str,
        repository: &str,
        tag: &str,
        platforms: &[&str],
    ) -> Result<String> {
        let upstream = self.upstream.in_region(region);
        let name = format!("{repository}:{tag}");
        let (kind, manifest) = match platforms {
            [platform] => {
                let (os, architecture) = platform.split_once('/').context("os/architecture")?;
                let configuration = json!({"os": os, "architecture": architecture, "name": name});
                let configuration = configuration.to_string();
                let size = configuration.len();
                let config = digest(&configuration);
                let path = format!("/v2/{repository}/blobs/uploads/?digest={config}");
                let kind = [("content-type", "application/octet-stream")];
                let pushed = upstream.rest("ecr", Method::POST, &path, &kind, configuration.into());
                pushed.await?.success()?;
                let config = json!({
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": config,
                    "size": size,
                });
                let manifest = json!({
                    "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [],
                });
                (MANIFEST, manifest.to_string())
            }
            _ => (registry::INDEX, index(&name, platforms)),
        };
        let put = json!({
            "repositoryName": repository,
            "imageTag": tag,
            "imageManifest": manifest,
            "imageManifestMediaType": kind,
        });
        let target = format!("{TARGET}.PutImage");
        upstream.json("ecr", &target, &put).await?;
        let digest = digest(&manifest);
        self.tell_push(&put, &digest, region);
        Ok(digest)
    }
}
