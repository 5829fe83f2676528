//! Volumes: directories on a file system of EFS that outlive a task.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::forms;
use crate::schema;

/// A directory of the service's own on a file system of EFS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::closed)]
pub struct Volume {
    /// The file system's id. It needs the tag `slipway:platform` with the platform's name.
    #[schemars(schema_with = "forms::file_system")]
    pub file_system: String,
    /// The directory at which the container sees it.
    #[schemars(schema_with = "forms::directory")]
    pub path: String,
    /// Whether the container can only read it.
    #[serde(default)]
    pub read_only: bool,
    /// The number of the user and of the group to whom all of it belongs.
    #[serde(default = "Volume::default_owner")]
    #[schemars(range(min = 0, max = 65_535))]
    pub owner: u32,
}

impl Volume {
    fn default_owner() -> u32 {
        1000
    }
}
