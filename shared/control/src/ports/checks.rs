//! What is asked before a deployment: images, secrets and quotas.

use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;
use slipway_domain::{Archive, Image, SecretReference};

use super::PortResult;
use crate::places::Limits;

/// Looks images up in their registries.
pub trait ImageReader: Send + Sync {
    /// The image, by its tag or digest.
    ///
    /// # Errors
    /// The registry did not answer; what it answered is an [`ImageLookup`].
    fn image(&self, image: &Image) -> impl Future<Output = PortResult<ImageLookup>> + Send;
}

/// What a registry says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageLookup {
    /// It is there.
    Found(FoundImage),
    /// It is not there.
    Missing,
    /// The registry does not show it to us: its reason, for people.
    Denied(String),
}

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundImage {
    /// Its digest, `sha256:` with 64 hexadecimal digits: an index's, where it is one.
    pub digest: String,
    /// What it runs on, such as `linux/amd64`; nothing when the registry does not say.
    pub platforms: Vec<String>,
}

/// Looks at archives of functions in S3.
pub trait ArchiveReader: Send + Sync {
    /// The object, at its version where one is named.
    ///
    /// # Errors
    /// S3 did not answer; what it answered is an [`ArchiveLookup`].
    fn archive(&self, archive: &Archive) -> impl Future<Output = PortResult<ArchiveLookup>> + Send;
}

/// What S3 says of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveLookup {
    /// It is there.
    Found(FoundArchive),
    /// It is not there.
    Missing,
    /// S3 does not show it to us, or not here: why, for people.
    Denied(String),
}

/// An archive that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundArchive {
    /// The object's version; none where its bucket keeps no versions.
    pub version: Option<String>,
    /// Its ETag, without quotes.
    pub etag: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Keeps images of the services' own repositories from being cleaned away.
pub trait ImageKeeper: Send + Sync {
    /// Gives an image of a private ECR registry, by its digest, a further tag. Nothing happens
    /// when it has it already; a tag that another image has is moved.
    fn keep(&self, image: &Image, tag: &str) -> impl Future<Output = PortResult<()>> + Send;

    /// Takes tags off again. Nothing happens where one is not there.
    fn let_go(
        &self,
        repository: &str,
        tags: &[String],
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// Finds out whether secrets are there, never what they are.
pub trait SecretReader: Send + Sync {
    /// Those of the references whose parameter or secret does not exist, in their order.
    fn missing_secrets(
        &self,
        references: &[SecretReference],
    ) -> impl Future<Output = PortResult<Vec<SecretReference>>> + Send;
}

/// Reads the account's quotas.
pub trait QuotaReader: Send + Sync {
    /// The quotas that a service's stacks use up, and how much of each is used. One that cannot
    /// be read is left out.
    fn quotas(&self) -> impl Future<Output = PortResult<Vec<Quota>>> + Send;

    /// What load balancers and the HTTP API have room for; AWS's defaults where that cannot be
    /// read.
    fn limits(&self) -> impl Future<Output = Limits> + Send;
}

/// What one Application Load Balancer, or the HTTP API, has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Rules, without those that are a listener's default; routes.
    pub rules: u32,
    /// Target groups; integrations.
    pub groups: u32,
}

impl Room {
    /// "Quotas for your Application Load Balancers" in its user guide.
    pub const BALANCER: Self = Self {
        rules: 100,
        groups: 100,
    };
    /// "HTTP API quotas" in the developer guide of API Gateway.
    pub const HTTP_API: Self = Self {
        rules: 300,
        groups: 300,
    };
}

/// A quota of the account and region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What it limits.
    pub kind: QuotaKind,
    /// How much is used.
    pub used: u32,
    /// How much may be used.
    pub limit: u32,
}

/// What a quota limits.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaKind {
    /// CloudFormation stacks.
    Stacks,
    /// Application Load Balancers.
    LoadBalancers,
    /// Target groups.
    TargetGroups,
    /// Routes of the platform's HTTP API.
    Routes,
    /// Integrations of the platform's HTTP API.
    Integrations,
    /// IAM roles.
    Roles,
    /// vCPUs of tasks on Fargate, on demand.
    FargateVcpus,
}

/// Looks at the services' own repositories.
pub trait RepositoryReader: Send + Sync {
    /// The image that was pushed last under a tag of this pattern: a tag, or the beginning of one
    /// with `*` behind it.
    fn newest(
        &self,
        repository: &str,
        pattern: &str,
    ) -> impl Future<Output = PortResult<Option<crate::push::PushedImage>>> + Send;
}

/// When and to what a secret's value was rotated last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The version that counts since.
    pub version: String,
    /// When.
    pub at: Timestamp,
}

/// The snapshot of a database's cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSnapshot {
    /// The cluster that it is of, which may be gone.
    pub cluster: String,
    /// The engine, as AWS names it.
    pub engine: String,
    /// The engine's version.
    pub version: String,
    /// What RDS says of it: `available` where something can be made from it.
    pub status: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Its tags: the cluster's when it was taken, unless somebody changed them.
    pub tags: BTreeMap<String, String>,
}

/// Looks at snapshots of databases.
pub trait SnapshotReader: Send + Sync {
    /// The snapshot of a name; nothing where there is none.
    fn snapshot(
        &self,
        name: &str,
    ) -> impl Future<Output = PortResult<Option<FoundSnapshot>>> + Send;
}

/// How a registry scans images: one setting of the account and region, for all its repositories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scanning {
    /// Whether Inspector does it; ECR itself otherwise, the basic way.
    pub enhanced: bool,
    /// Which repositories are scanned without anybody asking.
    pub rules: Vec<ScanRule>,
}

/// Repositories that are scanned alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanRule {
    /// How often, as ECR names it.
    pub frequency: String,
    /// Which: parts of their names, or patterns with `*`.
    pub filters: Vec<String>,
}

/// Keeps the setting of how a registry scans images.
pub trait ScanningKeeper: Send + Sync {
    /// What is set.
    fn scanning(&self) -> impl Future<Output = PortResult<Scanning>> + Send;

    /// Sets it, in the place of what is set.
    fn set_scanning(&self, scanning: &Scanning) -> impl Future<Output = PortResult<()>> + Send;
}

/// Looks when secrets were rotated. No value is ever read.
pub trait RotationReader: Send + Sync {
    /// The last rotation of a secret, by its ARN; nothing of one that never was, or is not there.
    fn rotation(&self, secret: &str) -> impl Future<Output = PortResult<Option<Rotation>>> + Send;
}
