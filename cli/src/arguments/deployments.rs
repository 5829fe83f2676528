//! What can be said about deployments: starting them in each way, steering them, seeing them.

use clap::{ArgGroup, Args};
use slipway_domain::{Archive, DeploymentId, EnvironmentName, Image, ServiceName, TeamName};

use super::PlatformOptions;

/// Which environment, where one is meant.
#[derive(Debug, Args)]
pub(crate) struct EnvironmentOption {
    /// The environment; otherwise the platform's default one
    #[arg(long, visible_alias = "env", value_name = "NAME")]
    pub(crate) environment: Option<EnvironmentName>,
}

/// Whether and how long to follow what was started.
#[derive(Debug, Args)]
pub(crate) struct FollowOptions {
    /// Do not wait until it is done
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Wait until it is done, which is done anyway
    #[arg(long, hide = true, conflicts_with = "no_wait")]
    pub(crate) wait: bool,
    /// Seconds after which waiting ends
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 1800,
        conflicts_with = "no_wait"
    )]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The service
    pub(crate) name: ServiceName,
    /// The image to run; otherwise the same once more, which looks its tag up anew
    #[arg(long)]
    pub(crate) image: Option<Image>,
    /// The archive of a function's code to run, `s3://BUCKET/KEY`
    #[arg(long, value_name = "ARCHIVE", conflicts_with = "image")]
    pub(crate) code: Option<Archive>,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOption,
    #[command(flatten)]
    pub(crate) follow: FollowOptions,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["names", "team"]))]
pub(crate) struct Redeploy {
    /// The services
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<ServiceName>,
    /// All services of this team
    #[arg(long)]
    pub(crate) team: Option<TeamName>,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOption,
    /// How many are under way at once
    #[arg(long, value_name = "NUMBER", default_value_t = 4, conflicts_with = "no_wait", value_parser = clap::value_parser!(u8).range(1..=20))]
    pub(crate) at_once: u8,
    #[command(flatten)]
    pub(crate) follow: FollowOptions,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The service
    pub(crate) name: ServiceName,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOption,
    /// The generation to go back to; otherwise the last good one before what runs
    #[arg(long, value_name = "GENERATION", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) to: Option<u64>,
    /// Only show what it would change
    #[arg(long, conflicts_with = "yes")]
    pub(crate) plan: bool,
    /// Print that as the API's answer in JSON
    #[arg(long, requires = "plan")]
    pub(crate) json: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) follow: FollowOptions,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The service
    pub(crate) name: ServiceName,
    /// The deployment; otherwise the one that is under way
    pub(crate) deployment: Option<DeploymentId>,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOption,
    #[command(flatten)]
    pub(crate) follow: FollowOptions,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The service
    pub(crate) name: ServiceName,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOption,
    #[command(flatten)]
    pub(crate) follow: FollowOptions,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The service
    pub(crate) name: ServiceName,
    /// Only this environment; otherwise all of them
    #[arg(long, visible_alias = "env", value_name = "NAME")]
    pub(crate) environment: Option<EnvironmentName>,
    /// End with the deployments that are the newest now
    #[arg(long)]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Deployments {
    /// The service
    pub(crate) name: ServiceName,
    /// Only those of this environment
    #[arg(long, visible_alias = "env", value_name = "NAME")]
    pub(crate) environment: Option<EnvironmentName>,
    /// The most deployments of an environment, from 1 to 100
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) limit: u32,
    /// Print the API's answers as JSON, all environments in one list
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}
