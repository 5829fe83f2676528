//! The task definition: the service's container, `app`, and those beside it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway_domain::SecretReference;
use slipway_domain::container::ContainerHealth;
use slipway_domain::manifest::{Architecture, Capacity, Settings};
use slipway_domain::secret::Location;

use crate::database::client;
use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, reference};
use crate::{logs, queue, roles, sidecars, volumes};

pub(crate) const DEFINITION: &str = "TaskDefinition";

/// The container's name, by which deployments and logs know it.
pub(crate) const CONTAINER: &str = "app";

/// Seconds between SIGTERM and SIGKILL. By then the load balancer has drained the task, so
/// what remains is closing connections; AWS's default is 30.
const STOP_SECONDS: u32 = 10;

/// The label that makes two otherwise equal task definitions differ.
const RESTART_LABEL: &str = "slipway.restart";

/// Log lines that may wait when CloudWatch Logs is slow. Beyond that lines are lost, and the
/// container keeps answering; the buffer is taken from the task's memory.
const LOG_BUFFER: &str = "10m";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let settings = &site.effective.settings;
    let compatibility = match settings.capacity {
        Capacity::Fargate | Capacity::FargateSpot => "FARGATE",
        Capacity::Ec2 => "EC2",
    };
    let architecture = match settings.architecture {
        Architecture::X86_64 => "X86_64",
        Architecture::Arm64 => "ARM64",
    };
    let mut definition = json!({
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "Family": site.family(),
            "RequiresCompatibilities": [compatibility],
            "NetworkMode": "awsvpc",
            "Cpu": settings.cpu.to_string(),
            "Memory": settings.memory.to_string(),
            "RuntimePlatform": {
                "OperatingSystemFamily": "LINUX",
                "CpuArchitecture": architecture,
            },
            "ExecutionRoleArn": attribute(roles::EXECUTION, "Arn"),
            "TaskRoleArn": attribute(roles::TASK, "Arn"),
            "ContainerDefinitions": containers(site),
        },
    });
    let properties = &mut definition["Properties"];
    if let Some(storage) = settings.storage {
        properties["EphemeralStorage"] = json!({"SizeInGiB": storage});
    }
    let volumes = volumes(site);
    if !volumes.is_empty() {
        properties["Volumes"] = volumes.into();
    }
    to.add(DEFINITION, definition);
}

/// The service's own first: what runs is told by it.
fn containers(site: &Site<'_>) -> Vec<Value> {
    let mut containers = vec![container(site)];
    containers.extend(sidecars::containers(site));
    containers
}

/// Directories on the task's own disk, and those that outlive it.
fn volumes(site: &Site<'_>) -> Vec<Value> {
    let scratch = 0..site.effective.settings.scratch.len();
    let mut volumes: Vec<Value> = scratch
        .map(|it| json!({"Name": scratch_name(it)}))
        .collect();
    volumes.extend(volumes::of_tasks(site));
    volumes
}

fn scratch_name(place: usize) -> String {
    format!("scratch-{place}")
}

fn container(site: &Site<'_>) -> Value {
    let settings = &site.effective.settings;
    let mut container = json!({
        "Name": CONTAINER,
        "Image": site.artifact.pinned(),
        "Essential": true,
        "PortMappings": [{"ContainerPort": settings.port, "Protocol": "tcp"}],
        "Environment": variables(site),
        "StopTimeout": stop_seconds(settings),
        "LogConfiguration": log(site, CONTAINER),
    });
    if !settings.kind.listens()
        && let Some(container) = container.as_object_mut()
    {
        container.shift_remove("PortMappings");
    }
    if let Some(restart) = &site.run.restart {
        container["DockerLabels"] = json!({RESTART_LABEL: restart});
    }
    if !settings.command.is_empty() {
        container["Command"] = json!(settings.command);
    }
    let mut secrets = secrets(site, &settings.secrets);
    secrets.extend(client::secrets(site));
    if !secrets.is_empty() {
        container["Secrets"] = secrets.into();
    }
    surround(&mut container, settings);
    container
}

/// Where a container stands, and what it may touch. What is not asked for is left out: to say it
/// would be new tasks for every service that never had anything else.
fn surround(container: &mut Value, settings: &Settings) {
    if settings.read_only {
        container["ReadonlyRootFilesystem"] = true.into();
    }
    if let Some(user) = &settings.user {
        container["User"] = user.as_str().into();
    }
    if settings.exec {
        // Whatever a session leaves behind has somebody who ends it.
        container["LinuxParameters"] = json!({"InitProcessEnabled": true});
    }
    if let Some(health) = &settings.health.container {
        container["HealthCheck"] = health_check(health);
    }
    let mounts = settings.scratch.iter().enumerate();
    let mut mounts: Vec<Value> = mounts
        .map(|(place, path)| json!({"SourceVolume": scratch_name(place), "ContainerPath": path}))
        .collect();
    mounts.extend(volumes::mounts(&settings.volumes));
    if !mounts.is_empty() {
        container["MountPoints"] = mounts.into();
    }
    let waits = sidecars::waited_for(settings);
    if !waits.is_empty() {
        container["DependsOn"] = waits.into();
    }
}

pub(crate) fn stop_seconds(settings: &Settings) -> u32 {
    settings.stop_timeout.unwrap_or(STOP_SECONDS)
}

/// Where a container's lines go; `prefix` stands before its streams' names.
pub(crate) fn log(site: &Site<'_>, prefix: &str) -> Value {
    json!({
        "LogDriver": "awslogs",
        "Options": {
            "awslogs-group": reference(logs::GROUP),
            "awslogs-region": site.platform.region,
            "awslogs-stream-prefix": prefix,
            "mode": "non-blocking",
            "max-buffer-size": LOG_BUFFER,
        },
    })
}

/// A command that ECS runs in a container, without a shell.
pub(crate) fn health_check(health: &ContainerHealth) -> Value {
    let command: Vec<&str> = std::iter::once("CMD")
        .chain(health.command.iter().map(String::as_str))
        .collect();
    json!({
        "Command": command,
        "Interval": health.interval,
        "Timeout": health.timeout,
        "Retries": health.retries,
        "StartPeriod": health.start,
    })
}

pub(crate) fn secrets(site: &Site<'_>, secrets: &BTreeMap<String, SecretReference>) -> Vec<Value> {
    secrets
        .iter()
        .map(|(name, secret)| json!({"Name": name, "ValueFrom": value_from(site, secret)}))
        .collect()
}

/// The manifest's variables, those that are always there, and those by which traces find their
/// collector, sorted.
fn variables(site: &Site<'_>) -> Vec<Value> {
    let settings = &site.effective.settings;
    let mut own = vec![
        ("AWS_REGION", json!(site.platform.region)),
        ("ENVIRONMENT", json!(site.effective.environment)),
    ];
    if settings.kind.listens() {
        own.push(("PORT", settings.port.to_string().into()));
    }
    if queue::is_there(site) {
        own.push((queue::VARIABLE, reference(queue::QUEUE)));
    }
    if settings.tracing {
        own.extend(sidecars::ADDRESSES.map(|(name, value)| (name, value.into())));
    }
    let mut variables: BTreeMap<&str, Value> = own
        .into_iter()
        .filter(|(name, _)| !settings.secrets.contains_key(*name))
        .collect();
    for (name, value) in &settings.environment {
        variables.insert(name, json!(value));
    }
    let databases = client::variables(site);
    variables.extend(
        databases
            .iter()
            .map(|(name, value)| (&**name, value.clone())),
    );
    listed(variables)
}

pub(crate) fn listed<'a, V: Into<Value>>(
    variables: impl IntoIterator<Item = (&'a str, V)>,
) -> Vec<Value> {
    variables
        .into_iter()
        .map(|(name, value)| json!({"Name": name, "Value": value.into()}))
        .collect()
}

/// Where ECS finds a secret. Secrets Manager's ARNs end in six characters that only it knows;
/// without them an ARN is still understood.
fn value_from(site: &Site<'_>, secret: &SecretReference) -> String {
    match secret.location() {
        Location::Parameter(name) => site.arn("ssm", &format!("parameter{name}")),
        Location::Secret(name, key) => {
            let arn = site.arn("secretsmanager", &format!("secret:{name}"));
            match key {
                Some(key) => format!("{arn}:{key}::"),
                None => arn,
            }
        }
    }
}
