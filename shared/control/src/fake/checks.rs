//! Registries of images, secrets, quotas and webhooks' secrets in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use slipway_domain::{Archive, Image, SecretReference, ServiceName};

use super::Tape;
use super::transient;
use crate::places::Limits;
use crate::ports::{
    ArchiveLookup, ArchiveReader, FoundArchive, FoundImage, FoundSnapshot, HookReader, HookSecrets,
    HookWriter, ImageKeeper, ImageLookup, ImageReader, PortResult, Provider, Quota, QuotaKind,
    QuotaReader, Rotation, RotationReader, Scanning, ScanningKeeper, SecretReader, SnapshotReader,
};

/// All that is asked before deployments, in memory: every image is there, for all processors,
/// unless a test says otherwise. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct FakeChecks {
    tape: Tape,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    images: BTreeMap<String, ImageLookup>,
    archives: BTreeMap<String, ArchiveLookup>,
    silent: BTreeSet<String>,
    missing_secrets: BTreeSet<String>,
    quotas: BTreeMap<QuotaKind, Quota>,
    limits: Limits,
    kept: BTreeMap<String, String>,
    hooks: BTreeMap<(ServiceName, Provider), HookSecrets>,
    rotations: BTreeMap<String, Rotation>,
    snapshots: BTreeMap<String, FoundSnapshot>,
    scanning: Scanning,
}

impl FakeChecks {
    /// The same, whose calls pass a tape.
    pub fn taped(tape: Tape) -> Self {
        Self {
            tape,
            inner: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is answered of an image from now on.
    pub fn answer(&self, image: &str, lookup: ImageLookup) {
        self.lock().images.insert(image.to_owned(), lookup);
    }

    /// What is answered of an archive, named without version and ETag, from now on.
    pub fn answer_archive(&self, archive: &str, lookup: ArchiveLookup) {
        self.lock().archives.insert(archive.to_owned(), lookup);
    }

    /// The image is there now, as its name alone says.
    pub fn push(&self, image: &str) {
        self.lock().images.remove(image);
    }

    /// The image's registry does not answer, or does again.
    pub fn silence(&self, image: &str, silent: bool) {
        let mut inner = self.lock();
        if silent {
            inner.silent.insert(image.to_owned());
        } else {
            inner.silent.remove(image);
        }
    }

    /// A secret that does not exist.
    pub fn miss_secret(&self, reference: &str) {
        self.lock().missing_secrets.insert(reference.to_owned());
    }

    /// A secret, by its ARN, that was rotated to this version.
    pub fn rotate(&self, secret: &str, version: &str, at: Timestamp) {
        let rotation = Rotation {
            version: version.to_owned(),
            at,
        };
        self.lock().rotations.insert(secret.to_owned(), rotation);
    }

    /// A snapshot of this name.
    pub fn take_snapshot(&self, name: &str, snapshot: FoundSnapshot) {
        self.lock().snapshots.insert(name.to_owned(), snapshot);
    }

    /// How the registry scans images from now on.
    pub fn scan(&self, scanning: Scanning) {
        self.lock().scanning = scanning;
    }

    /// How it does.
    pub fn scanned(&self) -> Scanning {
        self.lock().scanning.clone()
    }

    /// How much of a quota is used, and may be.
    pub fn quota(&self, kind: QuotaKind, used: u32, limit: u32) {
        self.lock().quotas.insert(kind, Quota { kind, used, limit });
    }

    /// What load balancers and the HTTP API have room for.
    pub fn room(&self, limits: Limits) {
        self.lock().limits = limits;
    }

    /// The images that are kept, by the tag that keeps each.
    pub fn kept(&self) -> BTreeMap<String, String> {
        self.lock().kept.clone()
    }

    /// The digest that an image has unless a test says otherwise.
    pub fn digest_of(image: &str) -> String {
        format!("sha256:{}", slipway_synth::sha256(image.as_bytes()))
    }
}

impl ImageReader for FakeChecks {
    async fn image(&self, image: &Image) -> PortResult<ImageLookup> {
        let pass = self.tape.enter("image", false).await?;
        let text = image.to_string();
        let lookup = {
            let inner = self.lock();
            if inner.silent.contains(&text) {
                return Err(transient("registry:GetManifest"));
            }
            inner.images.get(&text).cloned()
        };
        pass.leave(lookup.unwrap_or_else(|| {
            let digest = image.digest().map(str::to_owned);
            ImageLookup::Found(FoundImage {
                digest: digest.unwrap_or_else(|| Self::digest_of(&text)),
                platforms: vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()],
            })
        }))
    }
}

/// Every archive is there, in a bucket that keeps versions, unless a test says otherwise.
impl ArchiveReader for FakeChecks {
    async fn archive(&self, archive: &Archive) -> PortResult<ArchiveLookup> {
        let pass = self.tape.enter("archive", false).await?;
        let said = self.lock().archives.get(archive.unpinned()).cloned();
        pass.leave(said.unwrap_or_else(|| {
            let hash = slipway_synth::sha256(archive.unpinned().as_bytes());
            let version = archive.version().unwrap_or(&hash[..8]);
            ArchiveLookup::Found(FoundArchive {
                version: Some(version.to_owned()),
                etag: hash[..32].to_owned(),
                bytes: 1024,
            })
        }))
    }
}

impl RotationReader for FakeChecks {
    async fn rotation(&self, secret: &str) -> PortResult<Option<Rotation>> {
        let pass = self.tape.enter("rotation", false).await?;
        let answer = self.lock().rotations.get(secret).cloned();
        pass.leave(answer)
    }
}

impl SnapshotReader for FakeChecks {
    async fn snapshot(&self, name: &str) -> PortResult<Option<FoundSnapshot>> {
        let pass = self.tape.enter("snapshot", false).await?;
        let answer = self.lock().snapshots.get(name).cloned();
        pass.leave(answer)
    }
}

impl ScanningKeeper for FakeChecks {
    async fn scanning(&self) -> PortResult<Scanning> {
        let pass = self.tape.enter("scanning", false).await?;
        let answer = self.scanned();
        pass.leave(answer)
    }

    async fn set_scanning(&self, scanning: &Scanning) -> PortResult<()> {
        let pass = self.tape.enter("set_scanning", true).await?;
        self.scan(scanning.clone());
        pass.leave(())
    }
}

impl ImageKeeper for FakeChecks {
    async fn keep(&self, image: &Image, tag: &str) -> PortResult<()> {
        let pass = self.tape.enter("keep", true).await?;
        self.lock().kept.insert(tag.to_owned(), image.pinned());
        pass.leave(())
    }

    async fn let_go(&self, _: &str, tags: &[String]) -> PortResult<()> {
        let pass = self.tape.enter("let_go", true).await?;
        self.lock().kept.retain(|tag, _| !tags.contains(tag));
        pass.leave(())
    }
}

impl SecretReader for FakeChecks {
    async fn missing_secrets(
        &self,
        references: &[SecretReference],
    ) -> PortResult<Vec<SecretReference>> {
        let pass = self.tape.enter("missing_secrets", false).await?;
        let missing = self.lock().missing_secrets.clone();
        let references = references.iter();
        pass.leave(
            references
                .filter(|it| missing.contains(it.as_str()))
                .cloned()
                .collect(),
        )
    }
}

impl QuotaReader for FakeChecks {
    async fn quotas(&self) -> PortResult<Vec<Quota>> {
        let pass = self.tape.enter("quotas", false).await?;
        let quotas = self.lock().quotas.values().copied().collect();
        pass.leave(quotas)
    }

    async fn limits(&self) -> Limits {
        self.lock().limits
    }
}

impl HookReader for FakeChecks {
    async fn hook(
        &self,
        service: &ServiceName,
        provider: Provider,
    ) -> PortResult<Option<HookSecrets>> {
        let pass = self.tape.enter("hook", false).await?;
        let hook = self.lock().hooks.get(&(service.clone(), provider)).cloned();
        pass.leave(hook)
    }
}

impl HookWriter for FakeChecks {
    async fn put_hook(
        &self,
        service: &ServiceName,
        provider: Provider,
        secrets: &HookSecrets,
    ) -> PortResult<()> {
        let pass = self.tape.enter("put_hook", true).await?;
        let key = (service.clone(), provider);
        self.lock().hooks.insert(key, secrets.clone());
        pass.leave(())
    }

    async fn hooks(&self, service: &ServiceName) -> PortResult<Vec<Provider>> {
        let pass = self.tape.enter("hooks", false).await?;
        let hooks = self.lock();
        let mine = hooks.hooks.keys().filter(|(of, _)| of == service);
        let providers = mine.map(|(_, provider)| *provider).collect();
        pass.leave(providers)
    }

    async fn remove_hooks(&self, service: &ServiceName, providers: &[Provider]) -> PortResult<()> {
        let pass = self.tape.enter("remove_hooks", true).await?;
        self.lock()
            .hooks
            .retain(|(of, provider), _| of != service || !providers.contains(provider));
        pass.leave(())
    }
}
