//! What can be said on the command line.

mod costs;
mod deployments;
mod runs;
mod scaling;
mod simulate;
mod webhooks;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use slipway_domain::{EnvironmentName, ServiceName, TeamName};

pub(crate) use self::costs::Costs;
pub(crate) use self::deployments::{
    Cancel, Deploy, Deployments, EnvironmentOption, FollowOptions, Promote, Redeploy, Rollback,
    Watch,
};
pub(crate) use self::runs::{Run, Runs};
pub(crate) use self::scaling::{Count, Directions, HoldBounds, Scaling, ScalingAction};
pub(crate) use self::simulate::Simulate;
pub(crate) use self::webhooks::{SigningKey, Webhook, WebhookAction};

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    refused: an invalid manifest, a no of the platform, a failed deployment
  2    the command was not understood
  3    the platform cannot be reached, or accepts no credentials that were found
  4    timed out while waiting
  130  Ctrl-C; what was begun goes on";

/// Registers, deploys and removes services on a Slipway platform.
#[derive(Debug, Parser)]
#[command(name = "slipway", version, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check manifests, offline: everything that is wrong, at once
    Validate(Validate),
    /// Render a manifest's CloudFormation, offline
    Template(Template),
    /// Print the manifest's JSON Schema
    Schema,
    /// What the scaler would do, offline: a JSON observation a line in, a decision a line out
    Decide(Decide),
    /// Replay a trace of requests against our policy and others, offline
    Simulate(Box<Simulate>),
    /// Register or change services, as their manifests say
    Apply(Apply),
    /// Show what a manifest would change and cost, and what stands in its way
    Plan(Plan),
    /// Show what a service, a manifest or the whole platform costs in a month
    Costs(Costs),
    /// Show a service
    Get(Get),
    /// List services
    List(List),
    /// Deploy an image, and show what happens
    Deploy(Deploy),
    /// Deploy the same once more, with new tasks: services, or all of a team
    Redeploy(Redeploy),
    /// Go back to what ran before, or to any older generation
    Rollback(Rollback),
    /// End the deployment that is under way, and bring back what ran before
    Cancel(Cancel),
    /// Let a deployment go on that waits for somebody to say so
    Promote(Promote),
    /// Show the newest deployments of a service, and those that come after
    Watch(Watch),
    /// List a service's deployments, newest first
    Deployments(Deployments),
    /// Show how a service is scaled and why; pause it, bound it for a time, set a number
    Scaling(Scaling),
    /// Start a run of a job now
    Run(Run),
    /// List the runs of a job, newest first
    Runs(Runs),
    /// Let pushes start deployments: addresses and secrets for who tells of them
    Webhook(Webhook),
    /// Delete a service
    Delete(Delete),
    /// Delete all services, and say how to delete the platform
    Teardown(Teardown),
    /// Show the upgrade of all stacks to what the platform's version renders; stop or resume it
    Upgrade(Upgrade),
    /// Print the platform's values, for `--platform`
    Platform(Platform),
}

/// Which platform.
#[derive(Debug, Args)]
#[command(next_help_heading = "Platform")]
pub(crate) struct PlatformOptions {
    /// The API's address; without it, the platform's stack is asked
    #[arg(long, env = "SLIPWAY_ENDPOINT", value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The platform's CloudFormation stack
    #[arg(
        long,
        env = "SLIPWAY_PLATFORM_STACK",
        value_name = "NAME",
        default_value = "devops2-g4"
    )]
    pub(crate) platform_stack: String,
    /// The platform's region; otherwise the endpoint's or the one of the AWS configuration
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// The profile of the AWS configuration
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// The `Host` header to send, by which a local cloud finds an API
    #[arg(long, env = "SLIPWAY_HOST", value_name = "HOST", hide = true)]
    pub(crate) host: Option<String>,
}

/// Whether and how long to wait.
#[derive(Debug, Args)]
pub(crate) struct WaitOptions {
    /// Wait until it is done, and show what happens
    #[arg(long)]
    pub(crate) wait: bool,
    /// Seconds after which waiting ends
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 1800,
        requires = "wait"
    )]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Decide {
    /// The policy: the `scaling` of a manifest, or a manifest; otherwise the default one
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Manifests in YAML or JSON; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Apply the rules of the platform with these values, too
    #[arg(long, value_name = "FILE")]
    pub(crate) platform: Option<PathBuf>,
    /// Print a list of findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Template {
    /// A manifest in YAML or JSON; `-` is standard input
    pub(crate) file: PathBuf,
    /// The environment; otherwise the platform's default one
    #[arg(
        long,
        visible_alias = "env",
        value_name = "NAME",
        conflicts_with = "service_stack"
    )]
    pub(crate) environment: Option<EnvironmentName>,
    /// The stack that the environments share
    #[arg(long)]
    pub(crate) service_stack: bool,
    /// The platform's values; otherwise those of a sample
    #[arg(long, value_name = "FILE")]
    pub(crate) platform: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// Manifests in YAML or JSON; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) wait: WaitOptions,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// A manifest in YAML or JSON; `-` is standard input
    pub(crate) file: PathBuf,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The service
    pub(crate) name: ServiceName,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only the services of this team
    #[arg(long)]
    pub(crate) team: Option<TeamName>,
    /// Only services that do not go on without a person
    #[arg(long)]
    pub(crate) needs_person: bool,
    /// Print the API's answer as JSON, all pages in one list
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The service
    pub(crate) name: ServiceName,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) wait: WaitOptions,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Teardown {
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Seconds after which waiting ends
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) timeout: u64,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Upgrade {
    /// What to do with it; it is shown otherwise
    #[arg(value_enum)]
    pub(crate) action: Option<UpgradeAction>,
    /// Why it is stopped
    #[arg(long, value_name = "TEXT", requires = "action")]
    pub(crate) reason: Option<String>,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

/// What to do with an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UpgradeAction {
    /// Let no further stack through; what is in flight ends by itself
    Stop,
    /// Let it go on; what failed is tried once more
    Resume,
}

#[derive(Debug, Args)]
pub(crate) struct Platform {
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
