//! `slipway costs`: whose, and what is assumed.

use std::path::PathBuf;

use clap::Args;
use slipway_synth::cost::Assumptions;

use super::PlatformOptions;

#[derive(Debug, Args)]
pub(crate) struct Costs {
    /// A service, or a manifest (offline; `-` is standard input); otherwise the platform with all
    /// services. What may be a service's name is one: a file `orders` is `./orders`
    #[arg(value_name = "NAME|FILE")]
    pub(crate) of: Option<String>,
    /// Print the estimate as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The platform's values, for a manifest; otherwise those of a sample
    #[arg(long = "platform", value_name = "FILE")]
    pub(crate) values: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) assume: Assume,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

/// What is assumed of a month.
#[derive(Debug, Args)]
#[command(next_help_heading = "Assumptions about a month")]
pub(crate) struct Assume {
    /// Requests that reach each environment that is served [default: 1000000]
    #[arg(long, value_name = "NUMBER")]
    requests: Option<u64>,
    /// Tasks that run at all hours, within the bounds of scaling [default: the fewest]
    #[arg(long, value_name = "NUMBER")]
    tasks: Option<u64>,
    /// Megabytes that each task writes to its log [default: 500]
    #[arg(long, value_name = "MB")]
    log_mb: Option<u64>,
    /// Megabytes of images in a repository from which something runs [default: 2000]
    #[arg(long, value_name = "MB")]
    image_mb: Option<u64>,
    /// Capacity units (LCU) that each load balancer uses at all hours [default: 1]
    #[arg(long, value_name = "NUMBER")]
    capacity_units: Option<u64>,
    /// Gigabytes that go through the platform's NAT gateways [default: 0]
    #[arg(long, value_name = "GB")]
    nat_gb: Option<u64>,
}

impl Assume {
    /// What was said, by the names that the API has for it.
    pub(crate) fn said(&self) -> Vec<(&'static str, u64)> {
        let all = [
            ("requests", self.requests),
            ("tasks", self.tasks),
            ("log_mb", self.log_mb),
            ("image_mb", self.image_mb),
            ("capacity_units", self.capacity_units),
            ("nat_gb", self.nat_gb),
        ];
        let said = all.into_iter().filter_map(|(name, it)| Some((name, it?)));
        said.collect()
    }

    /// With the defaults for what was not said; the sentence about what cannot be.
    pub(crate) fn assumptions(&self) -> Result<Assumptions, String> {
        let usual = Assumptions::default();
        let assumed = Assumptions {
            requests: self.requests.unwrap_or(usual.requests),
            tasks: self.tasks,
            log_mb: self.log_mb.unwrap_or(usual.log_mb),
            image_mb: self.image_mb.unwrap_or(usual.image_mb),
            capacity_units: self.capacity_units.unwrap_or(usual.capacity_units),
            nat_gb: self.nat_gb.unwrap_or(usual.nat_gb),
        };
        match assumed.refused() {
            Some(sentence) => Err(sentence),
            None => Ok(assumed),
        }
    }
}
