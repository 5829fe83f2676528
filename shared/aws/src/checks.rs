//! All that is asked before a deployment, as one port.

use aws_config::SdkConfig;
use jiff::Timestamp;
use slipway_control::places::Limits;
use slipway_control::ports::{
    ArchiveLookup, ArchiveReader, ImageKeeper, ImageLookup, ImageReader, PortResult, Quota,
    QuotaReader, Rotation, RotationReader, SecretReader,
};
use slipway_domain::{Archive, Image, Platform, SecretReference};

use crate::{Archives, Images, Quotas, Secrets};

/// Images, archives, secrets and quotas.
#[derive(Debug, Clone)]
pub struct Checks {
    images: Images,
    archives: Archives,
    secrets: Secrets,
    quotas: Quotas,
}

impl Checks {
    /// Over the platform's account and region; `now` is for what is counted over time.
    pub fn new(config: &SdkConfig, platform: &Platform, now: fn() -> Timestamp) -> Self {
        Self {
            images: Images::new(config, platform),
            archives: Archives::new(config),
            secrets: Secrets::new(config),
            quotas: Quotas::new(config, platform.api.clone(), now),
        }
    }
}

impl ImageReader for Checks {
    async fn image(&self, image: &Image) -> PortResult<ImageLookup> {
        self.images.image(image).await
    }
}

impl ArchiveReader for Checks {
    async fn archive(&self, archive: &Archive) -> PortResult<ArchiveLookup> {
        self.archives.archive(archive).await
    }
}

impl ImageKeeper for Checks {
    async fn keep(&self, image: &Image, tag: &str) -> PortResult<()> {
        self.images.keep(image, tag).await
    }

    async fn let_go(&self, repository: &str, tags: &[String]) -> PortResult<()> {
        self.images.let_go(repository, tags).await
    }
}

impl SecretReader for Checks {
    async fn missing_secrets(
        &self,
        references: &[SecretReference],
    ) -> PortResult<Vec<SecretReference>> {
        self.secrets.missing_secrets(references).await
    }
}

impl RotationReader for Checks {
    async fn rotation(&self, secret: &str) -> PortResult<Option<Rotation>> {
        self.secrets.rotation(secret).await
    }
}

impl QuotaReader for Checks {
    async fn quotas(&self) -> PortResult<Vec<Quota>> {
        self.quotas.quotas().await
    }

    async fn limits(&self) -> Limits {
        self.quotas.limits().await
    }
}
