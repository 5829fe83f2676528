//! A cloud on this machine: the `ministack` emulator behind a companion of ours.
//!
//! The demonstration and the acceptance tests deploy the real `template.yaml` with the real
//! Lambda binaries here, and talk to the platform over HTTP as they would on AWS. Where the
//! emulator falls short of AWS, the companion closes the gap, in this crate and nowhere else:
//! the product never knows that it is local.
//!
//! It refuses to be a benchmark (an emulator's times say nothing about AWS's) and to run
//! containers: services are deployed, their addresses do not answer.

mod alarms;
mod archive;
mod bus;
mod calls;
mod change_sets;
mod checks;
mod clock;
mod companion;
mod deploy;
mod describe;
mod drift;
mod emulator;
mod faults;
mod gateway;
mod images;
mod microburst;
mod nested;
mod operations;
mod passwords;
mod python;
mod quotas;
mod registry;
mod resources;
mod run;
#[cfg(test)]
mod scenarios;
mod stacks;
mod stand_ins;
mod stood_in;
mod task_failures;
mod template;
mod timeline;
mod tokens;
mod upstream;
mod wire;
mod xml;
mod yaml;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

pub use crate::alarms::Metric;
pub use crate::bus::Delivery;
pub use crate::calls::Call;
pub use crate::deploy::{Deploy, Platform};
pub use crate::faults::{Fault, Faults, Rule};
pub use crate::microburst::{Chance, Disturbance, Disturbed, Microburst};
pub use crate::python::Venv;
pub use crate::quotas::Quota;
pub use crate::resources::Resources;
pub use crate::task_failures::TaskFailure;
pub use crate::yaml::parse as read_template;

use crate::companion::Companion;
use crate::emulator::Emulator;
use crate::upstream::Upstream;

/// Hears in one line each what is done and how long it took.
pub type Report = Arc<dyn Fn(&str) + Send + Sync>;

/// How a local cloud is to be.
#[derive(Clone)]
pub struct Options {
    /// Where Python environments are made and kept, `target/venvs` by default.
    pub venvs: PathBuf,
    /// How long every stack operation takes before its end is visible; change sets take a
    /// quarter of it. 2 s by default; tests need less.
    pub stack_delay: Duration,
    /// The region of calls that name none.
    pub region: String,
    /// The account.
    pub account: String,
    /// How reliably events arrive.
    pub delivery: Delivery,
    /// Whether microburst stands between the functions and the companion
    /// ([`LocalCloud::microburst`]).
    pub microburst: bool,
    /// The emulator's log; in a folder that is removed with the cloud when there is none.
    pub log: Option<PathBuf>,
    /// Hears what is done.
    pub report: Report,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            venvs: PathBuf::from("target/venvs"),
            stack_delay: Duration::from_secs(2),
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            delivery: Delivery::default(),
            microburst: false,
            log: None,
            report: Arc::new(|_| {}),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("venvs", &self.venvs)
            .field("stack_delay", &self.stack_delay)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// A running local cloud. Several run side by side. What it started ends with it: by
/// [`Self::stop`], by dropping it, and also when this program is killed.
#[derive(Debug)]
pub struct LocalCloud {
    companion: Arc<Companion>,
    emulator: Emulator,
    microburst: Option<Microburst>,
    address: SocketAddr,
    region: String,
}

impl LocalCloud {
    /// Starts the emulator and the companion on free ports.
    pub async fn start(options: Options) -> Result<Self> {
        let (listener, address) = companion::listener().await?;
        let companion = format!("http://{address}");
        let venv = emulator::venv(&options).await?;
        let microburst = if options.microburst {
            Some(Microburst::start(&venv, &companion).await?)
        } else {
            None
        };
        let entry = microburst.as_ref().map_or(companion, Microburst::endpoint);
        let emulator = Emulator::start(&options, &venv, &entry).await?;
        let upstream = Upstream::new(emulator.address, &options.region);
        let delivery = options.delivery.clone();
        let companion = Companion::new(
            upstream,
            &options.account,
            address,
            options.stack_delay,
            delivery,
        );
        companion.serve(listener);
        Ok(Self {
            companion,
            emulator,
            microburst,
            address,
            region: options.region,
        })
    }

    /// What `AWS_ENDPOINT_URL` has to be for a client of this cloud. Any credentials will do.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Deploys a SAM template with the programs of its functions, as `sam deploy` does. A stack
    /// of that name that exists is updated.
    pub async fn deploy_platform(&self, deploy: &Deploy) -> Result<Platform> {
        self.companion.deploy(&self.through(), deploy).await
    }

    /// Deletes a platform's stack; answers what is left in its region.
    pub async fn delete_platform(&self, platform: &Platform) -> Result<Resources> {
        let through = self.through().in_region(&platform.region);
        deploy::delete(&through, &platform.stack_id).await?;
        self.companion.resources(&platform.region).await
    }

    /// An address at which an HTTP API answers, by the API's id.
    pub async fn http_api(&self, api: &str, region: &str) -> Result<String> {
        let address = gateway::open(&self.companion, api, region).await?;
        Ok(format!("http://{address}"))
    }

    /// Pushes an image into a repository of ECR in the cloud's own region, as a build would, and
    /// tells the bus of it: an index, or with one platform the image's own manifest. Platforms are
    /// `os/architecture`. Each repository, tag and platforms have one digest, which it answers.
    pub async fn push_image(
        &self,
        repository: &str,
        tag: &str,
        platforms: &[&str],
    ) -> Result<String> {
        self.companion
            .push_image(&self.region, repository, tag, platforms)
            .await
    }

    /// Sets all points of a metric in the cloud's own region: one in each of the last complete
    /// periods of so many seconds, the newest last. The alarms over it change at once, as they
    /// would have by now.
    pub async fn set_metric(&self, metric: &Metric, seconds: u32, values: &[f64]) -> Result<()> {
        self.companion
            .set_metric(&self.region, metric, seconds, values)
            .await
    }

    /// What exists in the cloud's own region.
    pub async fn resources(&self) -> Result<Resources> {
        self.companion.resources(&self.region).await
    }

    /// Every call to AWS that functions, tests and the command line made so far.
    pub fn calls(&self) -> Vec<Call> {
        self.companion.calls.all()
    }

    /// The most stack operations that were in flight at one moment.
    pub fn max_operations(&self) -> usize {
        self.companion.operations.most()
    }

    /// Faults on demand.
    pub fn faults(&self) -> Faults {
        self.companion.faults.clone()
    }

    /// Faults by chance; there if [`Options::microburst`] asked for it.
    pub fn microburst(&self) -> Option<&Microburst> {
        self.microburst.as_ref()
    }

    /// Changes how reliably events arrive from now on.
    pub fn set_delivery(&self, delivery: Delivery) {
        self.companion.bus.set(delivery);
    }

    /// Ends everything, and waits until the emulator is gone.
    pub async fn stop(self) -> Result<()> {
        self.companion.stop();
        self.emulator.stop().await?;
        match self.microburst {
            Some(microburst) => microburst.stop().await,
            None => Ok(()),
        }
    }

    fn through(&self) -> Upstream {
        Upstream::new(self.address, &self.region)
    }
}
