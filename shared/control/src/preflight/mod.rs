//! What is checked before a deployment: all of it, at once, and said in words.
//!
//! # Flow
//! Ask ([`ImageReader`] or [`ArchiveReader`], [`SecretReader`], [`QuotaReader`]), then judge ([`Findings`]). `plan`
//! shows the judgement; the reconciler begins nothing that cannot succeed.
//!
//! # Guarantees
//! A registry or a quota that cannot be read stops nothing: its verdict is *unknown*. Only what
//! was seen to be missing is a failure.

mod archive;
mod judge;
mod needs;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use slipway_domain::{Archive, Artifact, Effective, EnvironmentName};

use crate::ports::{
    ArchiveReader, ImageReader, PortResult, QuotaReader, SecretReader, SnapshotReader,
};

pub use needs::{Needs, needs};

/// What is asked before a deployment.
pub trait Checks:
    ImageReader + ArchiveReader + SecretReader + QuotaReader + SnapshotReader
{
}

impl<T: ImageReader + ArchiveReader + SecretReader + QuotaReader + SnapshotReader> Checks for T {}

/// What a check is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Whether the image is there.
    Image,
    /// Whether the archive is there, and is what it was.
    Code,
    /// Whether it runs on the processors that the manifest names.
    Architecture,
    /// Whether the secrets are there.
    Secrets,
    /// Whether the databases are there, and let the service in.
    Databases,
    /// Whether the path is free.
    Path,
    /// Whether the account has room.
    Quota,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is in order.
    Passed,
    /// A deployment cannot succeed.
    Failed,
    /// It could not be found out; a deployment may succeed.
    Unknown,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What it is about.
    pub check: Subject,
    /// The environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentName>,
    /// What it came to.
    pub verdict: Outcome,
    /// The same in a sentence, with what would be right where it failed.
    pub message: String,
    /// The field of the manifest, a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

/// What checking an environment came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Each check.
    pub checks: Vec<Check>,
    /// What was to be deployed; pinned, where it was found.
    pub artifact: Artifact,
    /// Whether nothing stands in the way but that the image was not pushed yet.
    pub only_image_missing: bool,
    /// What the image's registry said, or S3, if it did not answer.
    pub silent_registry: Option<String>,
}

impl Findings {
    /// Why a deployment cannot succeed: all reasons in a sentence each, if there are any.
    pub fn refusal(&self) -> Option<String> {
        let failed = self.checks.iter();
        let reasons: Vec<&str> = failed
            .filter(|check| check.verdict == Outcome::Failed)
            .map(|check| &*check.message)
            .collect();
        (!reasons.is_empty()).then(|| reasons.join(" "))
    }
}

/// Checks an environment that has something to run. At most one look at the registry or the
/// bucket, one at the secrets, and, where something new is needed, one at the quotas. `ran` is
/// what was deployed last from where an archive lies.
///
/// # Errors
/// Secrets or quotas could not be looked at for now.
pub async fn preflight(
    ports: &impl Checks,
    effective: &Effective,
    artifact: &Artifact,
    ran: Option<&Archive>,
    needs: &Needs,
) -> PortResult<Findings> {
    let seen = match artifact {
        Artifact::Image(image) => judge::image(effective, image, ports.image(image).await),
        Artifact::Code(archive) => archive::seen(archive, ran, ports.archive(archive).await),
    };
    let references: Vec<_> = effective
        .settings
        .all_secrets()
        .map(|(_, secret)| secret.clone())
        .collect();
    let missing = if references.is_empty() {
        Ok(Vec::new())
    } else {
        match ports.missing_secrets(&references).await {
            Err(error) if error.is_transient() => return Err(error),
            // Without the right to look, what is there is not known.
            answer => answer,
        }
    };
    let quotas = if needs.is_empty() {
        Vec::new()
    } else {
        ports.quotas().await?
    };
    Ok(judge::findings(effective, seen, missing, needs, &quotas))
}
