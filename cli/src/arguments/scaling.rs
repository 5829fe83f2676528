//! What can be said about scaling.

use clap::{ArgGroup, Args, Subcommand};
use slipway_domain::ServiceName;

use super::{EnvironmentOption, PlatformOptions};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Scaling {
    #[command(subcommand)]
    pub(crate) action: Option<ScalingAction>,
    /// The service
    #[arg(required = true)]
    pub(crate) name: Option<ServiceName>,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOption,
    /// How many hours the picture shows, from 1 to 720
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=720))]
    pub(crate) hours: u16,
    /// The most decisions that are listed, from 1 to 100
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) limit: u8,
    /// Show it again every few seconds, until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    pub(crate) follow: bool,
    /// Print the API's answer as JSON, with the decisions as `decisions`
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

/// What to do about the scaling of an environment.
#[derive(Debug, Subcommand)]
pub(crate) enum ScalingAction {
    /// Let the number of tasks be, until it is resumed
    Pause(Directions),
    /// Let it change again
    Resume(Directions),
    /// Have other bounds than the manifest's for a time, or the manifest's back
    Bounds(HoldBounds),
    /// Have so many tasks run from now on; the scaler goes on from there
    Count(Count),
}

#[derive(Debug, Args)]
pub(crate) struct Directions {
    /// The service
    pub(crate) name: ServiceName,
    /// Only adding tasks
    #[arg(long)]
    pub(crate) out: bool,
    /// Only taking tasks away
    #[arg(long = "in")]
    pub(crate) inwards: bool,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOption,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["time", "clear"]))]
pub(crate) struct HoldBounds {
    /// The service
    pub(crate) name: ServiceName,
    /// The fewest tasks meanwhile
    #[arg(long, value_name = "NUMBER", requires = "time")]
    pub(crate) min: Option<u32>,
    /// The most tasks meanwhile
    #[arg(long, value_name = "NUMBER", requires = "time")]
    pub(crate) max: Option<u32>,
    /// For how long, such as 30m, 2h or 7d, which is the most
    #[arg(long = "for", value_name = "TIME", value_parser = minutes, requires_all = ["min", "max"])]
    pub(crate) time: Option<u32>,
    /// Have the manifest's bounds back now
    #[arg(long)]
    pub(crate) clear: bool,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOption,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Count {
    /// The service
    pub(crate) name: ServiceName,
    /// How many tasks
    #[arg(value_name = "COUNT")]
    pub(crate) tasks: u32,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOption,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

/// Minutes from a time such as `90m`, `2h` or `3d`.
fn minutes(text: &str) -> Result<u32, String> {
    let bad = || "must be minutes, hours or days, such as 30m, 2h or 7d".to_owned();
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(bad)?;
    let each = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return Err(bad()),
    };
    let number: u32 = number.parse().map_err(|_| bad())?;
    number
        .checked_mul(each)
        .filter(|it| *it > 0)
        .ok_or_else(bad)
}
