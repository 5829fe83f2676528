//! Images: whether they are there, what they run on, and that they stay.
//!
//! A private ECR registry is asked by AWS's API, every other registry by the OCI distribution
//! specification (`registry.rs`), without a login. Nothing is pulled: a lookup reads an image's
//! manifest and, where that is not an index, its small configuration.

mod address;
mod challenge;
mod ecr;
mod manifest;
mod registry;
#[cfg(test)]
mod server;
mod web;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use slipway_control::error::{PortError, PortErrorKind};
use slipway_control::ports::{ImageKeeper, ImageLookup, ImageReader, PortResult};
use slipway_domain::{Image, Platform};

use address::Mirrors;
use ecr::Ecr;
use web::Web;

/// How long looking an image up in a registry may take, with its token and its configuration.
/// The API answers within 15 s, and has more to do.
const LONGEST: Duration = Duration::from_secs(6);

/// How many images' platforms are remembered. What has a digest never changes.
const REMEMBERED: usize = 256;

/// Looks images up in any registry, and keeps those of private ECR registries.
#[derive(Debug, Clone)]
pub struct Images {
    ecr: Ecr,
    web: Arc<Web>,
    mirrors: Arc<Mirrors>,
    platforms: Arc<Platforms>,
}

impl Images {
    /// Over the account's ECR and the platform's `registry_mirrors`.
    pub fn new(config: &SdkConfig, platform: &Platform) -> Self {
        let mirrors = Mirrors::new(&platform.registry_mirrors);
        Self {
            ecr: Ecr::new(config),
            web: Arc::new(Web::new(mirrors.origins())),
            mirrors: Arc::new(mirrors),
            platforms: Arc::default(),
        }
    }
}

impl ImageReader for Images {
    async fn image(&self, image: &Image) -> PortResult<ImageLookup> {
        if let Some(at) = image.ecr() {
            return self
                .ecr
                .look_up(image, at, &self.web, &self.platforms)
                .await;
        }
        let lookup = registry::look_up(&self.web, &self.mirrors, &self.platforms, image);
        match tokio::time::timeout(LONGEST, lookup).await {
            Ok(found) => found,
            Err(elapsed) => Err(PortError {
                operation: registry::LOOKUP,
                message: format!("{} did not answer in time", image.registry()),
                kind: PortErrorKind::Transient,
                source: Some(Box::new(elapsed)),
            }),
        }
    }
}

impl ImageKeeper for Images {
    async fn keep(&self, image: &Image, tag: &str) -> PortResult<()> {
        self.ecr.keep(image, tag).await
    }

    async fn let_go(&self, repository: &str, tags: &[String]) -> PortResult<()> {
        self.ecr.let_go(repository, tags).await
    }
}

/// What images run on, by their digests. Docker Hub counts every manifest that is read, and so
/// none is read twice by the same process.
#[derive(Debug, Default)]
struct Platforms(Mutex<HashMap<String, Vec<String>>>);

impl Platforms {
    fn of(&self, digest: &str) -> Option<Vec<String>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(digest).cloned()
    }

    /// Remembers them, if there are any: what a registry did not say now it may say later.
    fn remember(&self, digest: &str, platforms: &[String]) {
        if platforms.is_empty() {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(digest.to_owned(), platforms.to_vec());
    }
}

/// The mirrors of a platform, as `template.yaml` hands them over.
type MirrorMap = BTreeMap<String, String>;

#[cfg(test)]
mod tests;
