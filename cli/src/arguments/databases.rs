//! `slipway databases` and `slipway database`.

use clap::Args;
use slipway_domain::{ServiceName, TeamName};

use super::PlatformOptions;

#[derive(Debug, Args)]
pub(crate) struct Databases {
    /// Only the databases of this team
    #[arg(long)]
    pub(crate) team: Option<TeamName>,
    /// Print the API's answer as JSON, all pages in one list
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Database {
    /// The database
    pub(crate) name: ServiceName,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}
