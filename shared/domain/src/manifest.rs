//! The manifest: what a team writes to register a service.
//!
//! A name alone is a manifest. Every other field has a default, which is filled in when the
//! manifest is read, and stored, so that a later default never replaces a running stack. The
//! types here are the single source of the JSON Schema (`schema.rs`), and with it of the
//! checks, of the OpenAPI document and of the tables in `docs/MANIFEST.md`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alarms::Alarms;
use crate::authorization;
use crate::capacity::Spot;
use crate::container::{self, ContainerHealth, Sidecar, Volume};
use crate::database::{self, Database, DatabaseReference};
use crate::function::Function;
use crate::image::Image;
use crate::job::Job;
use crate::name::{EnvironmentName, ServiceName, TeamName};
use crate::notify::Notify;
use crate::path::RoutePath;
use crate::permission::Permission;
use crate::queue::WorkQueue;
use crate::scaling::Scaling;
use crate::schema;
use crate::secret::SecretReference;
use crate::strategy::Deploy;
use crate::triggers::Triggers;

/// What a team writes to register a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::closed)]
pub struct Manifest {
    /// The service's name, unique on the platform.
    pub service: ServiceName,
    /// The team that owns the service.
    #[serde(default = "default_team")]
    pub team: TeamName,
    /// Refuses to delete the service until this is set to false.
    #[serde(default)]
    pub deletion_protection: bool,
    /// Whether the control plane puts right what somebody changed or deleted by hand. Without,
    /// it only says so.
    #[serde(default = "default_repair")]
    pub repair: bool,
    /// Who is told of deployments, beside those who subscribe to the platform's topic.
    #[serde(default, skip_serializing_if = "Notify::is_empty")]
    pub notify: Notify,
    /// What holds in every environment.
    #[serde(flatten)]
    pub settings: Settings,
    /// Further environments by name, and what differs in each. The platform's default
    /// environment is always there, and may be named here too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "schema::EnvironmentMap")]
    pub environments: BTreeMap<EnvironmentName, Overrides>,
}

/// The fields of one environment that differ from the manifest's top level, merged over it
/// as RFC 7396 says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Overrides(pub serde_json::Map<String, serde_json::Value>);

/// The fields that an environment may set for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the manifest, true or false by itself"
)]
pub struct Settings {
    /// What the service is.
    pub kind: Kind,
    /// The image to run. A service without one waits for its first image, and costs nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// The port on which the container listens.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The path prefix under which the service is reached; `/{service}` when left out. An
    /// environment other than the default one is reached at `/{env}` before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<RoutePath>,
    /// Whether the path prefix is taken off before the request reaches the container.
    pub strip_path: bool,
    /// CPU units of a task; 1024 are one vCPU.
    #[schemars(schema_with = "schema::cpu")]
    pub cpu: u32,
    /// Memory of a task in MiB; what Fargate allows depends on `cpu`.
    #[schemars(range(min = 512, max = 122_880))]
    pub memory: u32,
    /// The processor architecture of the image.
    pub architecture: Architecture,
    /// The command that replaces the image's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 2000)))]
    pub command: Vec<String>,
    /// Environment variables of the container. `PORT`, `ENVIRONMENT` and `AWS_REGION` are
    /// always set, to these values when they are named here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "schema::VariableMap")]
    pub environment: BTreeMap<String, String>,
    /// Environment variables whose values are read from Parameter Store or Secrets Manager
    /// when a task starts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "schema::SecretMap")]
    pub secrets: BTreeMap<String, SecretReference>,
    /// Databases that the service uses, by the beginning of the variables that lead to each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "database::references")]
    pub databases: BTreeMap<String, DatabaseReference>,
    /// How the load balancer finds out whether a task is healthy.
    pub health: Health,
    /// How requests reach the service.
    pub ingress: Ingress,
    /// The port on which the load balancer listens.
    #[schemars(range(min = 1, max = 65535))]
    pub listener_port: u16,
    /// Who may call the service through the platform's HTTP API.
    pub authorization: Authorization,
    /// What a token must be for, where `authorization` is `jwt`: one of these is enough.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "authorization::scopes")]
    pub scopes: Vec<String>,
    /// Whether it takes part in the platform's DNS: other services that do find it by its name, and
    /// it may call them.
    #[serde(skip_serializing_if = "is_false")]
    pub discovery: bool,
    /// Whether the service has an ECS cluster of its own.
    pub cluster: Cluster,
    /// What the tasks run on.
    pub capacity: Capacity,
    /// How tasks are shared out where `capacity` is `fargate-spot`.
    pub spot: Spot,
    /// The queue that a worker works off, which is made for it.
    pub queue: WorkQueue,
    /// What a database is, how large it may become, and who may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "container::forms::of::<Database>")]
    pub database: Option<Database>,
    /// How a function runs.
    pub function: Function,
    /// When a job runs, and what becomes of a run that fails.
    pub job: Job,
    /// How many tasks run, and when that changes.
    pub scaling: Scaling,
    /// Alarms that tell people: those who subscribe to the platform's topic for alerts.
    pub alarms: Alarms,
    /// Whether there is a dashboard in CloudWatch: use, tasks, requests, errors, times, targets
    /// and alarms.
    pub dashboard: bool,
    /// The container's logs.
    pub logs: Logs,
    /// The image repository.
    pub images: Images,
    /// What starts deployments beside calls of the API.
    pub triggers: Triggers,
    /// How a new version takes the place of the old.
    pub deploy: Deploy,
    /// What the service may do to things of the account.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub permissions: Vec<Permission>,
    /// Whether traces are taken and sent to X-Ray: by a collector beside the container.
    #[serde(skip_serializing_if = "is_false")]
    pub tracing: bool,
    /// Seconds between SIGTERM and SIGKILL, when a task is to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "container::forms::stop_timeout")]
    pub stop_timeout: Option<u32>,
    /// Whether the container cannot write to its own file system.
    #[serde(skip_serializing_if = "is_false")]
    pub read_only: bool,
    /// Directories that are empty when a task starts, gone when it ends, and writable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "container::forms::directories")]
    pub scratch: Vec<String>,
    /// GiB of a task's own disk, which all its containers share; 20 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "container::forms::storage")]
    pub storage: Option<u32>,
    /// Whether commands may be run in the container by `aws ecs execute-command`.
    #[serde(skip_serializing_if = "is_false")]
    pub exec: bool,
    /// The user, and group, that the container runs as; the image's own when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "container::forms::user")]
    pub user: Option<String>,
    /// Containers beside the service's own, in each of its tasks, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "container::forms::SidecarMap")]
    pub sidecars: BTreeMap<String, Sidecar>,
    /// Directories on a file system of EFS, which outlive a task and which all tasks share, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "container::forms::VolumeMap")]
    pub volumes: BTreeMap<String, Volume>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kind: Kind::Web,
            image: None,
            port: 80,
            path: None,
            strip_path: true,
            cpu: 256,
            memory: 512,
            architecture: Architecture::X86_64,
            command: Vec::new(),
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            databases: BTreeMap::new(),
            health: Health::default(),
            ingress: Ingress::Dedicated,
            listener_port: 80,
            authorization: Authorization::None,
            scopes: Vec::new(),
            discovery: false,
            cluster: Cluster::Dedicated,
            capacity: Capacity::Fargate,
            spot: Spot::default(),
            queue: WorkQueue::default(),
            database: None,
            function: Function::default(),
            job: Job::default(),
            scaling: Scaling::default(),
            alarms: Alarms::default(),
            dashboard: false,
            logs: Logs::default(),
            images: Images::default(),
            triggers: Triggers::default(),
            deploy: Deploy::default(),
            permissions: Vec::new(),
            tracing: false,
            stop_timeout: None,
            read_only: false,
            scratch: Vec::new(),
            storage: None,
            exec: false,
            user: None,
            sidecars: BTreeMap::new(),
            volumes: BTreeMap::new(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_false(value: &bool) -> bool {
    !value
}

fn default_repair() -> bool {
    true
}

fn default_team() -> TeamName {
    schema::literal("default")
}

/// What a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Answers HTTP requests.
    Web,
    /// Works off a queue of its own. Nobody calls it.
    Worker,
    /// Runs now and then, and ends. Nobody calls it.
    Job,
    /// A database that services use: a cluster of Aurora.
    Database,
    /// A function of Lambda, which the HTTP API calls itself.
    Function,
    /// A load balancer that services share. The control plane registers these by itself; in no
    /// document is it a kind ([`crate::balancer::manifest`]).
    #[schemars(skip)]
    LoadBalancer,
}

/// A processor architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Architecture {
    /// Intel and AMD, 64 bits.
    #[serde(rename = "x86_64")]
    X86_64,
    /// AWS Graviton, 64 bits; about a fifth cheaper on Fargate.
    #[serde(rename = "arm64")]
    Arm64,
}

/// How requests reach a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ingress {
    /// An internal load balancer of the service's own.
    Dedicated,
    /// An internal load balancer of the platform's, behind its HTTP API, shared with others.
    Shared,
    /// A load balancer of the platform's that callers of the internet reach, shared with others.
    Public,
    /// The tasks themselves, behind the platform's HTTP API, by its DNS namespace: no load balancer.
    CloudMap,
    /// Nothing leads to it.
    None,
}

/// Who may call a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Authorization {
    /// Anyone who reaches the HTTP API.
    None,
    /// Callers that sign with SigV4 and may `execute-api:Invoke` the route.
    Iam,
    /// Callers that bear a JSON Web Token of the platform's issuer.
    Jwt,
}

/// Whether a service has an ECS cluster of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cluster {
    /// A cluster of the service's own.
    Dedicated,
    /// The platform's cluster, beside other services.
    Shared,
}

/// What tasks run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// Fargate, on demand.
    Fargate,
    /// Fargate's spare capacity, at about a third of the price: AWS takes a task back with two
    /// minutes' notice when it needs the room. The first tasks are on demand, see `spot`.
    FargateSpot,
    /// The platform's own EC2 instances, on the shared cluster.
    Ec2,
}

/// The load balancer's health check. The defaults find a healthy task in 10 seconds, where
/// AWS's own take 150.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Health {
    /// The path that is asked; an answer from 200 to 399 is healthy.
    #[schemars(schema_with = "schema::health_path")]
    pub path: String,
    /// Seconds between two checks of a task.
    #[schemars(range(min = 5, max = 300))]
    pub interval: u32,
    /// Seconds after which no answer is a failure; less than `interval`.
    #[schemars(range(min = 2, max = 120))]
    pub timeout: u32,
    /// Successes in a row that make a task healthy.
    #[schemars(range(min = 2, max = 10))]
    pub healthy: u32,
    /// Failures in a row that make a task unhealthy.
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy: u32,
    /// Seconds after a task's start in which failures do not count.
    #[schemars(range(min = 0, max = 7200))]
    pub grace: u32,
    /// How ECS finds out from inside: a command that is run in the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "container::forms::of::<ContainerHealth>")]
    pub container: Option<ContainerHealth>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            interval: 5,
            timeout: 2,
            healthy: 2,
            unhealthy: 3,
            grace: 60,
            container: None,
        }
    }
}

/// The container's logs, in CloudWatch Logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Logs {
    /// Days for which logs are kept; one of the numbers that CloudWatch Logs has.
    #[schemars(schema_with = "schema::retention")]
    pub retention: u32,
}

impl Default for Logs {
    fn default() -> Self {
        Self { retention: 30 }
    }
}

/// The service's image repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Images {
    /// Whether an image is scanned for known weaknesses when it is pushed.
    pub scan: bool,
    /// How many of the newest images with a tag are kept. Those that run, or can be rolled back
    /// to, are kept beside them.
    #[schemars(range(min = 1, max = 1000))]
    pub keep: u32,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            scan: true,
            keep: 10,
        }
    }
}
