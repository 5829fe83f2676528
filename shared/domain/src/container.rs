//! What surrounds a container: how its health is told from inside, what it may write to, and
//! the containers beside it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::image::Image;
use crate::manifest::Settings;
use crate::problem::Broken;
use crate::schema;
use crate::secret::SecretReference;

pub(crate) mod forms;
mod volume;

pub use volume::Volume;

/// The container of the service itself, and the one that takes its traces.
const RESERVED: [&str; 2] = ["app", "collector"];

/// Ports on which the collector of traces listens: X-Ray's own, and OTLP's two.
const COLLECTOR_PORTS: [u16; 3] = [2000, 4317, 4318];

/// Paths that are no place for a volume: the kernel's, and what ECS itself mounts.
const KERNELS: [&str; 3] = ["/proc", "/sys", "/dev"];

/// A command that tells whether a container is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::closed)]
pub struct ContainerHealth {
    /// The command, which is run in the container without a shell; 0 is healthy.
    #[schemars(length(min = 1, max = 20), inner(length(max = 1000)))]
    pub command: Vec<String>,
    /// Seconds between two runs.
    #[serde(default = "ContainerHealth::default_interval")]
    #[schemars(range(min = 5, max = 300))]
    pub interval: u32,
    /// Seconds after which a run has failed.
    #[serde(default = "ContainerHealth::default_timeout")]
    #[schemars(range(min = 2, max = 60))]
    pub timeout: u32,
    /// Failures in a row that make the container unhealthy.
    #[serde(default = "ContainerHealth::default_retries")]
    #[schemars(range(min = 1, max = 10))]
    pub retries: u32,
    /// Seconds after its start in which failures do not count.
    #[serde(default)]
    #[schemars(range(min = 0, max = 300))]
    pub start: u32,
}

impl ContainerHealth {
    fn default_interval() -> u32 {
        30
    }

    fn default_timeout() -> u32 {
        5
    }

    fn default_retries() -> u32 {
        3
    }
}

/// A container beside the service's own, in each of its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::closed)]
pub struct Sidecar {
    /// Its image, by its digest: what runs beside a service changes when the manifest does.
    pub image: Image,
    /// The command that replaces the image's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 2000)))]
    pub command: Vec<String>,
    /// Its environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "schema::VariableMap")]
    pub environment: BTreeMap<String, String>,
    /// Its environment variables whose values are read when a task starts, as the service's are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "schema::SecretMap")]
    pub secrets: BTreeMap<String, SecretReference>,
    /// The port on which it listens, for the other containers of the task, at `127.0.0.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "forms::port")]
    pub port: Option<u16>,
    /// Whether the task ends when it does.
    #[serde(default = "Sidecar::default_essential")]
    pub essential: bool,
    /// CPU units of the task that are set aside for it; without, it takes what is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "forms::cpu_share")]
    pub cpu: Option<u32>,
    /// MiB of the task's memory that it may have, and is killed beyond; without, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "forms::memory_share")]
    pub memory: Option<u32>,
    /// What the service's own container waits for before it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "forms::wait_for")]
    pub wait_for: Option<WaitFor>,
    /// How its health is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "forms::of::<ContainerHealth>")]
    pub health: Option<ContainerHealth>,
}

impl Sidecar {
    fn default_essential() -> bool {
        true
    }
}

/// What a container waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WaitFor {
    /// That the other one has started.
    Started,
    /// That it is healthy.
    Healthy,
    /// That it has done its work and ended well.
    Done,
}

impl Settings {
    /// Every secret of the containers, with its JSON pointer from the settings.
    pub fn all_secrets(&self) -> impl Iterator<Item = (String, &SecretReference)> {
        let own = self.secrets.iter();
        let own = own.map(|(variable, secret)| (format!("/secrets/{variable}"), secret));
        let others = self.sidecars.iter().flat_map(|(name, sidecar)| {
            let of = move |variable| format!("/sidecars/{name}/secrets/{variable}");
            let secrets = sidecar.secrets.iter();
            secrets.map(move |(variable, secret)| (of(variable), secret))
        });
        own.chain(others)
    }

    /// Every image of the containers that the manifest names, with its JSON pointer.
    pub fn all_images(&self) -> impl Iterator<Item = (String, &Image)> {
        let own = self.image.iter().map(|image| ("/image".to_owned(), image));
        let others = self.sidecars.iter();
        own.chain(others.map(|(name, it)| (format!("/sidecars/{name}/image"), &it.image)))
    }
}

/// Everything that is wrong with what surrounds the container.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let mut broken = places(settings);
    broken.extend(ports(settings));
    broken.extend(shares(settings));
    for (name, sidecar) in &settings.sidecars {
        broken.extend(beside(name, sidecar));
    }
    if settings.exec && settings.read_only {
        let detail = "does not go with `read_only`: the agent through which commands come writes to the container's file system".to_owned();
        broken.push(Broken::new("/exec", &["/read_only"], detail));
    }
    broken
}

/// Where directories are put into the container.
fn places(settings: &Settings) -> Vec<Broken> {
    let scratch = settings.scratch.iter().enumerate();
    let scratch = scratch.map(|(place, path)| (format!("/scratch/{place}"), path));
    let volumes = settings.volumes.iter();
    let volumes = volumes.map(|(name, it)| (format!("/volumes/{name}/path"), &it.path));
    let mut broken = Vec::new();
    let mut taken: Vec<&String> = Vec::new();
    for (pointer, path) in scratch.chain(volumes) {
        let is_within = |outer: &&str| {
            path.strip_prefix(*outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if KERNELS.iter().any(is_within) {
            let detail = "is the kernel's: name another directory".to_owned();
            broken.push(Broken::new(pointer, &[], detail));
        } else if taken.contains(&path) {
            let detail = format!("is `{path}` again");
            broken.push(Broken::new(pointer, &["/scratch"], detail));
        }
        taken.push(path);
    }
    broken
}

/// All containers of a task have one address.
fn ports(settings: &Settings) -> Vec<Broken> {
    let mut taken = BTreeMap::from([(settings.port, "the service itself".to_owned())]);
    let mut broken = Vec::new();
    if settings.tracing {
        if COLLECTOR_PORTS.contains(&settings.port) {
            let detail = format!(
                "is {}, on which the collector of traces listens: with `tracing`, 2000, 4317 and 4318 are taken",
                settings.port
            );
            broken.push(Broken::new("/port", &["/tracing"], detail));
        }
        taken.extend(COLLECTOR_PORTS.map(|port| (port, "the collector of traces".to_owned())));
    }
    for (name, sidecar) in &settings.sidecars {
        let Some(port) = sidecar.port else { continue };
        let pointer = format!("/sidecars/{name}/port");
        if let Some(other) = taken.insert(port, format!("`{name}`")) {
            let detail = format!(
                "is {port}, as that of {other}: all containers of a task share one address"
            );
            broken.push(Broken::new(pointer, &["/port", "/tracing"], detail));
        }
    }
    broken
}

/// What is set aside for others leaves something for the service.
fn shares(settings: &Settings) -> Vec<Broken> {
    let sum = |share: fn(&Sidecar) -> Option<u32>| -> u32 {
        settings.sidecars.values().filter_map(share).sum()
    };
    let (cpu, memory) = (sum(|it| it.cpu), sum(|it| it.memory));
    [
        ("cpu", cpu, settings.cpu),
        ("memory", memory, settings.memory),
    ]
    .into_iter()
    .filter(|(_, others, whole)| others >= whole)
    .map(|(what, others, whole)| {
        let detail = format!(
            "take {others} of the task's `{what}`, {whole}: leave some for the service itself"
        );
        Broken::new("/sidecars", &[&format!("/{what}")], detail)
    })
    .collect()
}

fn beside(name: &str, sidecar: &Sidecar) -> Vec<Broken> {
    let at = format!("/sidecars/{name}");
    let mut broken = Vec::new();
    let mut refuse = |field: &str, detail: String| {
        broken.push(Broken::new(format!("{at}{field}"), &[], detail));
    };
    if RESERVED.contains(&name) {
        let detail = format!(
            "is the name of a container that is there already: choose another than `{name}`"
        );
        refuse("", detail);
    }
    if sidecar.image.digest().is_none() {
        let detail = format!(
            "is `{}`, without a digest: `{}@sha256:…` would be right, because the digest of a sidecar's tag is looked up by nobody",
            sidecar.image, sidecar.image
        );
        refuse("/image", detail);
    }
    let both = sidecar.secrets.keys();
    for variable in both.filter(|it| sidecar.environment.contains_key(*it)) {
        let detail = "is in `environment` too: a variable has one value".to_owned();
        refuse(&format!("/secrets/{variable}"), detail);
    }
    match sidecar.wait_for {
        Some(WaitFor::Healthy) if sidecar.health.is_none() => refuse(
            "/wait_for",
            "is `healthy`, and nothing tells when it is: give it a `health`".to_owned(),
        ),
        Some(WaitFor::Done) if sidecar.essential => refuse(
            "/wait_for",
            "is `done`, and a task ends with an essential container: `essential: false` would be right".to_owned(),
        ),
        _ => {}
    }
    broken
}
