//! Snapshots of databases' clusters, by their names. Nothing of what is in them is read.

use aws_config::SdkConfig;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbClusterSnapshot, Tag};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::ports::{FoundSnapshot, PortResult, SnapshotReader};

use crate::error::port_error;

/// What RDS answers for a name that is not there.
const MISSING: &str = "DBClusterSnapshotNotFoundFault";

/// Looks snapshots up.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    client: Client,
}

impl Snapshots {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }
}

impl SnapshotReader for Snapshots {
    async fn snapshot(&self, name: &str) -> PortResult<Option<FoundSnapshot>> {
        let call = self.client.describe_db_cluster_snapshots();
        match call.db_cluster_snapshot_identifier(name).send().await {
            Ok(found) => Ok(found
                .db_cluster_snapshots
                .and_then(|all| all.into_iter().next())
                .map(read)),
            Err(error) if error.code() == Some(MISSING) => Ok(None),
            Err(error) => Err(port_error("rds:DescribeDBClusterSnapshots", error)),
        }
    }
}

fn read(snapshot: DbClusterSnapshot) -> FoundSnapshot {
    let pair = |tag: Tag| Some((tag.key?, tag.value.unwrap_or_default()));
    let tags = snapshot.tag_list.into_iter().flatten();
    FoundSnapshot {
        cluster: snapshot.db_cluster_identifier.unwrap_or_default(),
        engine: snapshot.engine.unwrap_or_default(),
        version: snapshot.engine_version.unwrap_or_default(),
        status: snapshot.status.unwrap_or_default(),
        encrypted: snapshot.storage_encrypted.unwrap_or_default(),
        tags: tags.filter_map(pair).collect(),
    }
}
