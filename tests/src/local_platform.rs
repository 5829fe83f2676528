//! A platform on a local cloud of its own: the repository's `template.yaml`, deployed through
//! CloudFormation with the real programs of its functions, and a client of its API.
//!
//! Tests that do not disturb one another share one ([`shared`]) and keep apart by the names of
//! their services. Those that count calls, inject faults or look at everything that exists have
//! one of their own. Either ends with its last user, also when a test panics; when the whole
//! program is killed, the local cloud notices by itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use slipway_cli::client::{Client, Credentials};
use slipway_control::view::ServiceView;
use slipway_domain::{Phase, ServiceName};
use slipway_local_cloud::{Deploy, Faults, LocalCloud, Options, Platform, Resources};
use tokio::runtime::Runtime;

use crate::aws::Aws;
use crate::registry::{self, Items};
use crate::waiting::wait_for;

/// The platform's name, and its stack's.
pub const PLATFORM: &str = "devops2-g4";

/// How long a stack operation takes here. Longer than a look at it, so that progress is seen.
const STACK_DELAY: Duration = Duration::from_millis(250);

/// How long a service may take to settle while nothing goes wrong. Machines are slow at times,
/// and a stack may have to wait for its turn.
pub const SOON: Duration = Duration::from_secs(90);

/// A platform on a local cloud of its own.
#[derive(Debug)]
pub struct LocalPlatform {
    cloud: Option<LocalCloud>,
    runtime: Runtime,
    /// What was deployed.
    pub deployed: Platform,
    /// The cloud's log, with what the functions write.
    pub log: PathBuf,
}

/// The platform that tests share; it is started by the first of them, and ends with the last.
///
/// # Errors
/// It does not start.
pub fn shared() -> Result<Arc<LocalPlatform>> {
    static SHARED: Mutex<Weak<LocalPlatform>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(platform) = shared.upgrade() {
        return Ok(platform);
    }
    let platform = Arc::new(LocalPlatform::start("shared")?);
    *shared = Arc::downgrade(&platform);
    Ok(platform)
}

impl LocalPlatform {
    /// Starts a local cloud and deploys the platform to it. The log is called `name`.
    ///
    /// # Errors
    /// The cloud does not start, or the platform is not deployed.
    pub fn start(name: &str) -> Result<Self> {
        Self::start_with(name, |options| options)
    }

    /// The same on a local cloud with other options.
    ///
    /// # Errors
    /// The cloud does not start, or the platform is not deployed.
    pub fn start_with(name: &str, change: impl FnOnce(Options) -> Options) -> Result<Self> {
        Self::start_as(name, &[], change)
    }

    /// The same with parameters of the platform's template.
    ///
    /// # Errors
    /// The cloud does not start, or the platform is not deployed.
    pub fn start_as(
        name: &str,
        parameters: &[(&str, &str)],
        change: impl FnOnce(Options) -> Options,
    ) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let log = root().join(format!("target/acceptance/{name}-{number}.log"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let options = change(Options {
            venvs: root().join("target/venvs"),
            stack_delay: STACK_DELAY,
            log: Some(log.clone()),
            ..Options::default()
        });
        let deploy = deploy(parameters)?;
        let (cloud, deployed) = runtime.block_on(async {
            let cloud = LocalCloud::start(options).await?;
            let deployed = cloud.deploy_platform(&deploy).await?;
            anyhow::Ok((cloud, deployed))
        })?;
        Ok(Self {
            cloud: Some(cloud),
            runtime,
            deployed,
            log,
        })
    }

    /// Deploys the platform once more, with other parameters.
    ///
    /// # Errors
    /// CloudFormation refuses.
    pub fn deploy_again(&self, parameters: &[(&str, &str)]) -> Result<Platform> {
        let deploy = deploy(parameters)?;
        self.block_on(self.cloud().deploy_platform(&deploy))
    }

    /// Has the reconciler make its sweep, as the schedule does each minute.
    ///
    /// # Errors
    /// A part of it failed.
    pub fn sweep(&self) -> Result<()> {
        self.reconcile(&json!({"source": "slipway.sweep"}))?;
        Ok(())
    }

    /// Has the reconciler make its full round, as the schedule does each hour.
    ///
    /// # Errors
    /// A part of it failed.
    pub fn round(&self) -> Result<()> {
        self.reconcile(&json!({"source": "slipway.round"}))?;
        Ok(())
    }

    /// Invokes the reconciler with an event, and gives its answer.
    ///
    /// # Errors
    /// It failed.
    pub fn reconcile(&self, event: &Value) -> Result<Value> {
        let function = self.resource("ReconcilerFunction")?;
        self.aws().invoke(&function, event)
    }

    /// The cloud.
    ///
    /// # Panics
    /// Never: the cloud is there until the platform is dropped.
    pub fn cloud(&self) -> &LocalCloud {
        self.cloud.as_ref().expect("it is there until the end")
    }

    /// Waits for something that the cloud does.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Faults on demand.
    pub fn faults(&self) -> Faults {
        self.cloud().faults()
    }

    /// The address of the self-service API.
    pub fn base(&self) -> String {
        let base = self.deployed.base_url.as_deref().unwrap_or_default();
        format!("{base}/platform/v1")
    }

    /// A client of the self-service API, as the user `AKIATEST`.
    pub fn client(&self) -> Client {
        self.client_as("AKIATEST")
    }

    /// A client as the user of this name.
    pub fn client_as(&self, user: &str) -> Client {
        let credentials = Credentials::new(user, "secret", None, None, "tests");
        Client::new(&self.base(), &self.deployed.region, credentials)
    }

    /// AWS itself.
    pub fn aws(&self) -> Aws {
        Aws::new(&self.cloud().endpoint(), &self.deployed.region)
    }

    /// The physical id of a resource of the platform's stack.
    ///
    /// # Errors
    /// There is none of this logical id.
    pub fn resource(&self, logical_id: &str) -> Result<String> {
        self.resource_of(PLATFORM, logical_id)
    }

    /// The physical id of a resource of a stack.
    ///
    /// # Errors
    /// There is none of this logical id.
    pub fn resource_of(&self, stack: &str, logical_id: &str) -> Result<String> {
        let ask = [("StackName", stack), ("LogicalResourceId", logical_id)];
        let answer = self
            .aws()
            .query("cloudformation", "DescribeStackResources", &ask)?;
        let document = roxmltree::Document::parse(&answer)?;
        let child = |node: roxmltree::Node<'_, '_>, name: &str| {
            let found = node
                .children()
                .find(|child| child.tag_name().name() == name);
            found.and_then(|child| child.text().map(str::to_owned))
        };
        document
            .descendants()
            .filter(|node| node.tag_name().name() == "member")
            .find(|node| child(*node, "LogicalResourceId").as_deref() == Some(logical_id))
            .and_then(|node| child(node, "PhysicalResourceId"))
            .with_context(|| format!("{stack} has no {logical_id}"))
    }

    /// Every item of the registry.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn registry(&self) -> Result<Items> {
        registry::scan(&self.aws(), &self.resource("RegistryTable")?)
    }

    /// Every line that the functions have logged.
    ///
    /// # Errors
    /// CloudWatch Logs does not answer.
    pub fn logged(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for group in [
            "ApiLogs",
            "ReconcilerLogs",
            "WebhookLogs",
            "NotifierLogs",
            "ScalerLogs",
        ] {
            let mut ask = json!({"logGroupName": self.resource(group)?});
            loop {
                let target = "Logs_20140328.FilterLogEvents";
                let answer = self.aws().json("logs", target, &ask)?;
                let events = answer["events"].as_array().into_iter().flatten();
                lines.extend(events.filter_map(|it| it["message"].as_str().map(str::to_owned)));
                if answer["nextToken"].is_null() {
                    break;
                }
                ask["nextToken"] = answer["nextToken"].clone();
            }
        }
        let log = std::fs::read_to_string(&self.log)?;
        lines.extend(log.lines().map(str::to_owned));
        Ok(lines)
    }

    /// What the platform's stack says of itself for templates.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn values(&self) -> Result<slipway_domain::Platform> {
        serde_json::from_str(&self.deployed.outputs["PlatformValues"]).context("PlatformValues")
    }

    /// Everything that exists.
    ///
    /// # Errors
    /// It cannot be listed.
    pub fn resources(&self) -> Result<Resources> {
        self.runtime.block_on(self.cloud().resources())
    }

    /// Deletes the platform's stack; answers what is left.
    ///
    /// # Errors
    /// CloudFormation refuses.
    pub fn delete(&self) -> Result<Resources> {
        self.runtime
            .block_on(self.cloud().delete_platform(&self.deployed))
    }

    /// Waits until every stack of the service is settled at its newest generation.
    ///
    /// # Errors
    /// It is not in time.
    pub fn settled(&self, name: &ServiceName) -> Result<ServiceView> {
        self.settled_within(name, SOON)
    }

    /// The same, with a deadline.
    ///
    /// # Errors
    /// It is not in time.
    pub fn settled_within(&self, name: &ServiceName, longest: Duration) -> Result<ServiceView> {
        let client = self.client();
        wait_for(&format!("{name} settles"), longest, || {
            let service = client.service(name)?.value;
            Ok(if is_settled(&service) {
                Ok(service)
            } else {
                Err(describe(&service))
            })
        })
    }

    /// Waits until every environment of the service is ready at the newest generation.
    ///
    /// # Errors
    /// It is not in time, or one of them settled otherwise.
    pub fn ready(&self, name: &ServiceName) -> Result<ServiceView> {
        let service = self.settled(name)?;
        ensure!(
            is_ready(&service),
            "{name} is not ready: {}",
            describe(&service)
        );
        Ok(service)
    }

    /// Waits until no stack whose name contains `of` holds a slot. Slots are given back behind
    /// the write that says "ready", so a moment later.
    ///
    /// # Errors
    /// One is kept.
    pub fn slots_given_back(&self, of: &str) -> Result<()> {
        wait_for("slots are given back", SOON, || {
            let mut held = registry::slots(&self.registry()?);
            held.retain(|stack| stack.contains(of));
            Ok(if held.is_empty() {
                Ok(())
            } else {
                Err(held.join(", "))
            })
        })
    }

    /// Waits until events and messages that are still under way have been heard: no call of the
    /// reconciler for three seconds, which is longer than any that is held back for a service
    /// that is settled.
    ///
    /// # Errors
    /// It goes on.
    pub fn quiet(&self) -> Result<()> {
        let looks = || {
            let calls = self.cloud().calls();
            calls
                .iter()
                .filter(|call| call.caller == "slipway-reconciler")
                .count()
        };
        let mut last = (looks(), Instant::now());
        wait_for("the reconciler rests", SOON, || {
            let now = looks();
            if now != last.0 {
                last = (now, Instant::now());
            }
            Ok(if last.1.elapsed() >= Duration::from_secs(3) {
                Ok(())
            } else {
                Err(format!("{now} calls"))
            })
        })
    }

    /// Waits until the service is gone from the registry.
    ///
    /// # Errors
    /// It is not in time.
    pub fn gone(&self, name: &ServiceName) -> Result<()> {
        let client = self.client();
        wait_for(&format!("{name} goes"), SOON, || {
            Ok(match client.find_service(name)? {
                None => Ok(()),
                Some(service) => Err(describe(&service.value)),
            })
        })
    }
}

impl Drop for LocalPlatform {
    fn drop(&mut self) {
        if let Some(cloud) = self.cloud.take() {
            // What cannot be waited for ends with this program.
            let _ = self.runtime.block_on(cloud.stop());
        }
    }
}

/// Whether nothing of the service is under way.
pub fn is_settled(service: &ServiceView) -> bool {
    service.service_stack.phase.is_settled()
        && service.environments.values().all(|environment| {
            environment.stack.phase.is_settled()
                && environment.stack.observed_generation == service.generation
                && !environment.leaving
        })
}

/// Whether every stack of the service is ready.
pub fn is_ready(service: &ServiceView) -> bool {
    service.service_stack.phase == Phase::Ready
        && !service.environments.is_empty()
        && service
            .environments
            .values()
            .all(|environment| environment.stack.phase == Phase::Ready)
}

/// What a service's stacks say, in one line.
pub fn describe(service: &ServiceView) -> String {
    let stack = &service.service_stack;
    let mut words = format!(
        "generation {}; repository {} ({})",
        service.generation, stack.phase, stack.message
    );
    for (name, environment) in &service.environments {
        let stack = &environment.stack;
        // Writing to a `String` does not fail.
        let _ = write!(
            words,
            "; {name} {} at {} ({})",
            stack.phase, stack.observed_generation, stack.message
        );
    }
    words
}

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// The platform with these parameters beside those that fit this machine.
fn deploy(parameters: &[(&str, &str)]) -> Result<Deploy> {
    let parameters = [("Architecture", "x86_64")]
        .iter()
        .chain(parameters)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Ok(Deploy {
        template: root().join("template.yaml"),
        name: PLATFORM.to_owned(),
        parameters: parameters.collect(),
        functions: programs()?,
        region: None,
    })
}

/// The functions' programs, which lie beside the folder of the tests'.
fn programs() -> Result<BTreeMap<String, PathBuf>> {
    let test = std::env::current_exe()?;
    let folder = test
        .ancestors()
        .nth(2)
        .context("this program has no folder")?;
    [
        ("ApiFunction", "slipway-api"),
        ("ReconcilerFunction", "slipway-reconciler"),
        ("WebhookFunction", "slipway-webhook"),
        ("NotifierFunction", "slipway-notifier"),
        ("ScalerFunction", "slipway-scaler"),
        ("WakerFunction", "slipway-waker"),
    ]
    .into_iter()
    .map(|(logical_id, program)| {
        let path = folder.join(program);
        ensure!(
            path.exists(),
            "{} is missing; `cargo build --workspace` makes it, and `cargo xtask test` does that first",
            path.display()
        );
        Ok((logical_id.to_owned(), path))
    })
    .collect()
}
