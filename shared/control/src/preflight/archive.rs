//! What a look at a function's archive in S3 came to: pure.
//!
//! What is deployed is pinned by the object's version. A bucket without versions has no such name
//! for it, and CloudFormation updates a function's code only when bucket, key or version change
//! (`AWS::Lambda::Function`, Code): an object that took another's place would be called deployed,
//! and not run. That is refused here.

use slipway_domain::{Archive, Artifact};

use super::judge::Seen;
use super::{Outcome, Subject};
use crate::error::PortError;
use crate::ports::{ArchiveLookup, FoundArchive};

/// The most bytes of a function's code ("Lambda quotas": 250 MB unzipped, with its layers). An
/// archive is not larger than what is in it.
const MOST: u64 = 250 * 1024 * 1024;

/// Where manifests name an archive.
const FIELD: &str = "/function/code";

/// What came of a look at the archive; `ran` is what was deployed last from its bucket and key.
pub(super) fn seen(
    archive: &Archive,
    ran: Option<&Archive>,
    lookup: Result<ArchiveLookup, PortError>,
) -> Seen {
    let mut seen = Seen {
        artifact: Artifact::Code(archive.clone()),
        checks: Vec::new(),
        may_come: false,
        silent: None,
    };
    let (verdict, message) = match lookup {
        Ok(ArchiveLookup::Found(there)) => {
            let pinned = match &there.version {
                Some(version) => archive.at_version(version),
                None => archive.at_etag(&there.etag),
            };
            match (refused(archive, ran, &there), pinned) {
                (Some(why), _) => (Outcome::Failed, why),
                (None, Ok(pinned)) => {
                    seen.artifact = Artifact::Code(pinned);
                    (Outcome::Passed, format!("`{archive}` is there."))
                }
                // Without either it could not be told from what takes its place.
                (None, Err(_)) => (
                    Outcome::Failed,
                    format!(
                        "S3 gives `{archive}` no version and no ETag of a known form: turn on the versioning of its bucket."
                    ),
                ),
            }
        }
        Ok(ArchiveLookup::Missing) => (
            Outcome::Failed,
            format!("There is no archive `{archive}`: upload it, or name another."),
        ),
        Ok(ArchiveLookup::Denied(why)) => (
            Outcome::Failed,
            format!("The archive `{archive}` cannot be read: {why}"),
        ),
        Err(error) => {
            seen.silent = Some(error.message);
            let message = format!("S3 does not answer for `{archive}`.");
            (Outcome::Unknown, message)
        }
    };
    seen.checks.push((Subject::Code, verdict, message, FIELD));
    seen
}

fn refused(archive: &Archive, ran: Option<&Archive>, there: &FoundArchive) -> Option<String> {
    if there.bytes > MOST {
        let megabytes = there.bytes / (1024 * 1024);
        return Some(format!(
            "The archive `{archive}` has {megabytes} MB, and Lambda takes code of 250 MB when it is unpacked: make it smaller, or build an image."
        ));
    }
    let is_another = |etag: &str| etag != there.etag;
    if archive.etag().is_some_and(is_another) {
        return Some(format!(
            "Another object is under the key of `{archive}` by now, and the bucket keeps no versions: upload the former one under another key, and name that."
        ));
    }
    let before = ran.filter(|ran| ran.is_beside(archive))?;
    let was_replaced = there.version.is_none() && before.etag().is_some_and(is_another);
    was_replaced.then(|| {
        format!(
            "The object of `{archive}` was replaced since it was deployed, which CloudFormation does not see in a bucket without versions: deploy another key, or turn on the bucket's versioning."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn archive(pin: &str) -> Archive {
        format!("s3://shop-code/a.zip{pin}").parse().unwrap()
    }

    fn looked(named: &str, ran: Option<&str>, version: Option<&str>, bytes: u64) -> Seen {
        let found = FoundArchive {
            version: version.map(str::to_owned),
            etag: NEW.to_owned(),
            bytes,
        };
        let ran = ran.map(archive);
        let lookup = Ok(ArchiveLookup::Found(found));
        seen(&archive(named), ran.as_ref(), lookup)
    }

    #[test]
    fn an_object_is_pinned_by_its_version_or_else_by_its_etag() {
        let with = looked("", None, Some("v1"), 1);
        assert_eq!(with.artifact.as_str(), "s3://shop-code/a.zip?versionId=v1");
        let without = looked("", None, None, 1);
        assert_eq!(without.artifact.archive().unwrap().etag(), Some(NEW));
        assert_eq!(without.checks[0].1, Outcome::Passed);
    }

    #[test]
    fn what_is_too_large_for_lambda_is_refused() {
        assert_eq!(looked("", None, None, MOST).checks[0].1, Outcome::Passed);
        let larger = looked("", None, None, MOST + 1);
        assert_eq!(larger.checks[0].1, Outcome::Failed);
        assert!(!larger.artifact.is_pinned());
    }

    #[test]
    fn an_object_that_took_anothers_place_is_refused_where_nothing_tells_them_apart() {
        let of = |seen: Seen| seen.checks[0].1;
        let old = format!("?etag={OLD}");
        let new = format!("?etag={NEW}");
        assert_eq!(of(looked(&old, None, None, 1)), Outcome::Failed);
        assert_eq!(of(looked(&new, None, None, 1)), Outcome::Passed);
        assert_eq!(of(looked("", Some(&old), None, 1)), Outcome::Failed);
        assert_eq!(of(looked("", Some(&new), None, 1)), Outcome::Passed);
        let versioned = looked("", Some(&old), Some("v2"), 1);
        assert_eq!(of(versioned), Outcome::Passed, "versions were turned on");
    }

    #[test]
    fn what_is_not_there_is_refused_and_a_silent_bucket_waited_for() {
        let missing = seen(&archive(""), None, Ok(ArchiveLookup::Missing));
        assert_eq!(missing.checks[0].1, Outcome::Failed);
        let why = "the bucket is in eu-west-1.".to_owned();
        let denied = seen(&archive(""), None, Ok(ArchiveLookup::Denied(why)));
        assert!(denied.checks[0].2.contains("eu-west-1"));
        let silent = seen(
            &archive(""),
            None,
            Err(crate::fake::transient("s3:HeadObject")),
        );
        assert_eq!(silent.checks[0].1, Outcome::Unknown);
        assert!(silent.silent.is_some());
    }
}
