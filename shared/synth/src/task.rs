//! The task definition: one container, `app`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway_domain::SecretReference;
use slipway_domain::manifest::{Architecture, Capacity};
use slipway_domain::secret::Location;

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, reference};
use crate::{logs, roles};

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
    to.add(
        DEFINITION,
        json!({
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
                "ContainerDefinitions": [container(site)],
            },
        }),
    );
}

fn container(site: &Site<'_>) -> Value {
    let settings = &site.effective.settings;
    let mut container = json!({
        "Name": CONTAINER,
        "Image": site.image.pinned(),
        "Essential": true,
        "PortMappings": [{"ContainerPort": settings.port, "Protocol": "tcp"}],
        "Environment": variables(site),
        "StopTimeout": STOP_SECONDS,
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-group": reference(logs::GROUP),
                "awslogs-region": site.platform.region,
                "awslogs-stream-prefix": CONTAINER,
                "mode": "non-blocking",
                "max-buffer-size": LOG_BUFFER,
            },
        },
    });
    if let Some(restart) = &site.run.restart {
        container["DockerLabels"] = json!({RESTART_LABEL: restart});
    }
    if !settings.command.is_empty() {
        container["Command"] = json!(settings.command);
    }
    if !settings.secrets.is_empty() {
        container["Secrets"] = settings
            .secrets
            .iter()
            .map(|(name, secret)| json!({"Name": name, "ValueFrom": value_from(site, secret)}))
            .collect();
    }
    container
}

/// The manifest's variables and the three that are always there, sorted.
fn variables(site: &Site<'_>) -> Vec<Value> {
    let settings = &site.effective.settings;
    let own = [
        ("AWS_REGION", site.platform.region.clone()),
        ("ENVIRONMENT", site.effective.environment.to_string()),
        ("PORT", settings.port.to_string()),
    ];
    let mut variables: BTreeMap<&str, &str> = own
        .iter()
        .filter(|(name, _)| !settings.secrets.contains_key(*name))
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    for (name, value) in &settings.environment {
        variables.insert(name, value);
    }
    variables
        .into_iter()
        .map(|(name, value)| json!({"Name": name, "Value": value}))
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
