//! Archives of functions: whether they are there, by `HeadObject`. Nothing is read of them.

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use slipway_control::ports::{ArchiveLookup, ArchiveReader, FoundArchive, PortResult};
use slipway_domain::Archive;

use crate::error::{port_error, unreadable};

const HEAD: &str = "s3:HeadObject";

/// Looks at objects of buckets in the function's region, where Lambda takes code from.
#[derive(Debug, Clone)]
pub struct Archives {
    client: Client,
    region: String,
}

impl Archives {
    /// Over the account's S3.
    pub fn new(config: &SdkConfig) -> Self {
        let region = config.region().map_or("", Region::as_ref);
        Self {
            client: Client::new(config),
            region: region.to_owned(),
        }
    }

    /// What an answer without an object means. To `HEAD` S3 gives a status and no words.
    fn refused(
        &self,
        archive: &Archive,
        error: SdkError<HeadObjectError>,
    ) -> PortResult<ArchiveLookup> {
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        let bucket = archive.bucket();
        let region = &self.region;
        match status {
            // 405: what is there of this version is that it was deleted.
            Some(404 | 405) => Ok(ArchiveLookup::Missing),
            Some(301 | 307 | 400) => Ok(ArchiveLookup::Denied(format!(
                "the bucket `{bucket}` is not in {region}, from where alone Lambda takes code here, or there is no such version."
            ))),
            // Who may not list a bucket is told so of what is not there.
            Some(403) => Ok(ArchiveLookup::Denied(format!(
                "it is not there, or the bucket `{bucket}` does not let Slipway read it."
            ))),
            _ => Err(port_error(HEAD, error)),
        }
    }
}

impl ArchiveReader for Archives {
    async fn archive(&self, archive: &Archive) -> PortResult<ArchiveLookup> {
        let asked = self.client.head_object();
        let asked = asked.bucket(archive.bucket()).key(archive.key());
        let asked = asked.set_version_id(archive.version().map(str::to_owned));
        match asked.send().await {
            Ok(found) => found_in(&found).map(ArchiveLookup::Found),
            Err(error) => self.refused(archive, error),
        }
    }
}

fn found_in(found: &HeadObjectOutput) -> PortResult<FoundArchive> {
    let etag = found.e_tag().map(|etag| etag.trim_matches('"'));
    let bytes = found.content_length().map(u64::try_from);
    let (Some(etag), Some(Ok(bytes))) = (etag, bytes) else {
        return Err(unreadable(HEAD, "an object without size or ETag"));
    };
    // Where versioning was ended, what is written then has the version `null`, one after another.
    let version = found.version_id().filter(|version| *version != "null");
    Ok(FoundArchive {
        version: version.map(str::to_owned),
        etag: etag.to_owned(),
        bytes,
    })
}
