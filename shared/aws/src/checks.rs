//! All that is asked before a deployment, as one port.

use aws_config::SdkConfig;
use jiff::Timestamp;
use slipway_control::places::Limits;
use slipway_control::ports::{
    ArchiveLookup, ArchiveReader, FoundSnapshot, ImageKeeper, ImageLookup, ImageReader, PortResult,
    Quota, QuotaReader, Rotation, RotationReader, Scanning, ScanningKeeper, SecretReader,
    SnapshotReader,
};
use slipway_domain::{Archive, Image, Platform, SecretReference};

use crate::scanning::RegistryScanning;
use crate::snapshots::Snapshots;
use crate::{Archives, Images, Quotas, Secrets};

/// Images and how they are scanned, archives, secrets, quotas and snapshots.
#[derive(Debug, Clone)]
pub struct Checks {
    images: Images,
    archives: Archives,
    secrets: Secrets,
    quotas: Quotas,
    snapshots: Snapshots,
    scanning: RegistryScanning,
}

impl Checks {
    /// Over the platform's account and region; `now` is for what is counted over time.
    pub fn new(config: &SdkConfig, platform: &Platform, now: fn() -> Timestamp) -> Self {
        Self {
            images: Images::new(config, platform),
            archives: Archives::new(config),
            secrets: Secrets::new(config),
            quotas: Quotas::new(config, platform.api.clone(), now),
            snapshots: Snapshots::new(config),
            scanning: RegistryScanning::new(config),
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

impl SnapshotReader for Checks {
    async fn snapshot(&self, name: &str) -> PortResult<Option<FoundSnapshot>> {
        self.snapshots.snapshot(name).await
    }
}

impl ScanningKeeper for Checks {
    async fn scanning(&self) -> PortResult<Scanning> {
        self.scanning.scanning().await
    }

    async fn set_scanning(&self, scanning: &Scanning) -> PortResult<()> {
        self.scanning.set_scanning(scanning).await
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
