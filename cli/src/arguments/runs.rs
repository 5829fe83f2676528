//! What can be said about runs of jobs.

use clap::Args;
use slipway_domain::ServiceName;

use super::{EnvironmentOption, PlatformOptions, WaitOptions};

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The job
    pub(crate) name: ServiceName,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOption,
    #[command(flatten)]
    pub(crate) wait: WaitOptions,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// The job
    pub(crate) name: ServiceName,
    /// How many, at most
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=25))]
    pub(crate) limit: u32,
    /// End this run, if it is under way, and show what it came to
    #[arg(long, value_name = "RUN", conflicts_with = "limit")]
    pub(crate) cancel: Option<String>,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOption,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}
