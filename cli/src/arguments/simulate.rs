//! What can be said about a simulation.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Requests by time: comma-separated, with the columns `timestamp` and `requests`
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: PathBuf,
    /// The policy: the `scaling` of a manifest, or a manifest; otherwise the default one with
    /// metrics each 20 seconds
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw demand, tasks and decisions into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Try other windows and cooldowns of the others, too, and not only their targets
    #[arg(long)]
    pub(crate) windows: bool,
    #[command(flatten)]
    pub(crate) world: World,
}

/// Under which circumstances.
#[derive(Debug, Args)]
#[command(next_help_heading = "Circumstances")]
pub(crate) struct World {
    /// Requests per second that one task can do, with all of its CPU; otherwise such that the
    /// highest interval is the work of 40 tasks
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) capacity: Option<f64>,
    /// Seconds until a task serves
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=3600))]
    pub(crate) start_up: u64,
    /// The fewest tasks; otherwise the policy's, or 2
    #[arg(long, value_name = "TASKS", value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(crate) min: Option<u32>,
    /// The most tasks; otherwise the policy's, or 200
    #[arg(long, value_name = "TASKS", value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(crate) max: Option<u32>,
    /// Seconds until a point of a 60-second metric is there
    #[arg(long, value_name = "SECONDS", default_value_t = 150, value_parser = clap::value_parser!(u64).range(..=3600))]
    pub(crate) metric_delay: u64,
    /// The same for 20-second metrics
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(..=3600))]
    pub(crate) fine_metric_delay: u64,
    /// Let HPA and KPA see their pods at once, as on a Kubernetes cluster of their own, and not by
    /// the points that ECS publishes
    #[arg(long)]
    pub(crate) own_telemetry: bool,
    /// Points above `high` until our alarm goes off; otherwise 1 of 20 seconds, or 2 of 60
    #[arg(long, value_name = "POINTS", value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) high_points: Option<u64>,
    /// Minutes below `low` until our alarm goes off
    #[arg(long, value_name = "MINUTES", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) low_minutes: u64,
    /// Memory utilisation in percent, which does not move
    #[arg(long, value_name = "PERCENT", default_value_t = 40.0, value_parser = rate)]
    pub(crate) memory: f64,
}

fn rate(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    let number = number.filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    number.ok_or_else(|| "must be a number above 0".to_owned())
}
