//! A function of Lambda: the manifest's `function`.
//!
//! It runs the service's image, or an archive of its code. What tasks need and a function has not (a port, CPU units, a
//! number of tasks) is refused; what Lambda itself refuses is refused here, before anything is
//! touched.

pub(crate) mod shifting;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::alarms::{Alarms, Alert};
use crate::archive::Archive;
use crate::artifact::Artifact;
use crate::effective::Effective;
use crate::image::Image;
use crate::manifest::{Ingress, Settings};
use crate::platform::Platform;
use crate::problem::Broken;
use crate::scaling::Scaling;
use crate::schema;
use crate::secret::Location;
use crate::triggers::Triggers;

/// The most bytes of a function's variables, names and values together ("Lambda quotas").
const MOST_VARIABLES: usize = 4096;

/// Variables that are Lambda's own, and that `CreateFunction` refuses ("Working with Lambda
/// environment variables", reserved).
const RESERVED: [&str; 18] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
];

/// How a function runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Function {
    /// Seconds after which a call is ended. The HTTP API waits for 30 at most.
    #[schemars(range(min = 1, max = 900))]
    pub timeout: u32,
    /// Memory in MiB. CPU comes with it: 1769 MiB have one vCPU.
    #[schemars(range(min = 128, max = 10_240))]
    pub memory: u32,
    /// Whether it runs in the platform's private subnets, where databases are. It starts as fast
    /// there; making and deleting it takes minutes more.
    pub vpc: bool,
    /// The archive of the code, in a bucket of the platform's region, in place of `image`. A
    /// function that says `runtime` and `handler` waits for its first archive without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Archive>,
    /// What runs the code of an archive, as Lambda calls it, such as `python3.13`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "runtime")]
    pub runtime: Option<String>,
    /// What of the code of an archive is called, such as `app.handler`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "handler")]
    pub handler: Option<String>,
}

/// Lambda's runtimes come and go: their form is checked, and Lambda knows which there are.
fn runtime(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^[a-z][a-z0-9._-]{1,39}$",
        "x-rule": "the name of a runtime of Lambda, of small letters, digits and `._-`, such as `python3.13` or `provided.al2023`",
    })
}

/// As `CreateFunction` has it, but of characters that can be seen.
fn handler(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^[!-~]{1,128}$",
        "x-rule": "1 to 128 characters without blanks, such as `app.handler`",
    })
}

impl Default for Function {
    fn default() -> Self {
        Self {
            timeout: 30,
            memory: 512,
            vpc: false,
            code: None,
            runtime: None,
            handler: None,
        }
    }
}

impl Function {
    /// Whether the function is made of an archive, by what it says of one.
    pub(crate) fn is_from_archive(&self) -> bool {
        self.code.is_some() || self.runtime.is_some() || self.handler.is_some()
    }
}

/// What is wrong with a function's settings.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let mut broken = of_tasks(settings);
    broken.extend(alarms(settings));
    broken.extend(variables(settings));
    broken.extend(secrets(settings));
    if settings.function.is_from_archive() {
        broken.extend(of_archives(settings));
    }
    broken
}

/// An archive needs what an image has in itself, and what is of images says nothing of it.
fn of_archives(settings: &Settings) -> Vec<Broken> {
    let mut broken = Vec::new();
    let function = &settings.function;
    let needed = [
        ("/function/runtime", "python3.13", function.runtime.as_ref()),
        (
            "/function/handler",
            "app.handler",
            function.handler.as_ref(),
        ),
    ];
    for (pointer, such_as, _) in needed.into_iter().filter(|(.., said)| said.is_none()) {
        let detail = format!(
            "is missing: a function from an archive says `runtime` and `handler`, such as `{such_as}` here"
        );
        broken.push(Broken::new(pointer, &["/kind"], detail));
    }
    if settings.image.is_some() {
        let detail = "is there beside what is for an archive: a function has an `image`, or `function.runtime`, `function.handler` and `function.code`";
        broken.push(Broken::new(
            "/image",
            &["/kind", "/function"],
            detail.to_owned(),
        ));
    }
    let says = [
        ("/command", !settings.command.is_empty()),
        ("/triggers", settings.triggers != Triggers::default()),
    ];
    for (pointer, _) in says.into_iter().filter(|(_, is_said)| *is_said) {
        let detail = "is of images, and the function is from an archive: leave it out".to_owned();
        broken.push(Broken::unused(pointer, &["/kind", "/function"], detail));
    }
    broken
}

/// What is of tasks, and says nothing of a function.
fn of_tasks(settings: &Settings) -> Vec<Broken> {
    let default = Settings::default();
    let is_other = settings.ingress != default.ingress && settings.ingress != Ingress::None;
    let says = [
        ("/port", settings.port != default.port),
        ("/cpu", settings.cpu != default.cpu),
        ("/memory", settings.memory != default.memory),
        ("/cluster", settings.cluster != default.cluster),
        ("/capacity", settings.capacity != default.capacity),
        ("/ingress", is_other),
        ("/scaling", settings.scaling != Scaling::default()),
        ("/health/container", settings.health.container.is_some()),
        ("/stop_timeout", settings.stop_timeout.is_some()),
        ("/read_only", settings.read_only),
        ("/scratch", !settings.scratch.is_empty()),
        ("/storage", settings.storage.is_some()),
        ("/exec", settings.exec),
        ("/volumes", !settings.volumes.is_empty()),
        ("/user", settings.user.is_some()),
        ("/sidecars", !settings.sidecars.is_empty()),
    ];
    let says = says.into_iter().filter(|(_, is_said)| *is_said);
    says.map(|(pointer, _)| {
        let detail = match pointer {
            "/memory" => "is the memory of tasks: set `function.memory`, and leave this out",
            "/cpu" => "is of tasks, and a function's CPU comes with its memory: leave it out",
            "/scaling" => "is of tasks, and Lambda scales a function itself: leave it out",
            "/ingress" => "is of tasks, and the HTTP API calls a function itself: leave it out, or set it to `none`",
            _ => "is of tasks, and the kind is `function`: leave it out",
        };
        Broken::unused(pointer, &["/kind"], detail.to_owned())
    })
    .collect()
}

/// Alarms, and their marks, of what only tasks and load balancers have.
fn alarms(settings: &Settings) -> Vec<Broken> {
    let alarms = &settings.alarms;
    let default = Alarms::default();
    let marks = [
        ("/alarms/cpu", alarms.cpu != default.cpu),
        ("/alarms/memory", alarms.memory != default.memory),
        ("/alarms/unhealthy", alarms.unhealthy != default.unhealthy),
    ];
    let said = marks.into_iter().filter(|(_, is_said)| *is_said);
    let mut broken: Vec<Broken> = said
        .map(|(pointer, _)| {
            let detail = "is of tasks, and the kind is `function`: leave it out".to_owned();
            Broken::unused(pointer, &["/kind"], detail)
        })
        .collect();
    for alert in &alarms.on {
        match alert {
            Alert::Errors
            | Alert::ResponseTime
            | Alert::Throttles
            | Alert::Timeout
            // What is of one kind alone is refused where the kind is another.
            | Alert::DeadLetters
            | Alert::FailedRuns
            | Alert::Capacity
            | Alert::Connections
            | Alert::ReplicaLag => continue,
            Alert::Cpu | Alert::Memory | Alert::Unhealthy => {}
        }
        let detail = format!(
            "names `{}`, which is measured of tasks, and the kind is `function`: `errors`, `throttles`, `timeout` or `response_time` would be right",
            alert.name()
        );
        broken.push(Broken::new("/alarms/on", &["/kind"], detail));
    }
    broken
}

fn variables(settings: &Settings) -> Vec<Broken> {
    let mut broken = Vec::new();
    let maps = [
        (
            "environment",
            settings.environment.keys().collect::<Vec<_>>(),
        ),
        ("secrets", settings.secrets.keys().collect()),
    ];
    for (field, names) in maps {
        for name in names {
            let why = if RESERVED.contains(&name.as_str()) {
                "is a variable of Lambda's own, which a function cannot set"
            } else if name.len() < 2 || !name.starts_with(|it: char| it.is_ascii_alphabetic()) {
                "is no name of a variable of a function: those begin with a letter and have two characters or more"
            } else {
                continue;
            };
            let pointer = format!("/{field}/{name}");
            let detail = format!("{why}: choose another name");
            broken.push(Broken::new(pointer, &["/kind"], detail));
        }
    }
    let own = settings.environment.iter();
    let own = own.map(|(name, value)| name.len() + value.len());
    let secrets = settings.secrets.iter();
    let secrets = secrets.map(|(name, secret)| name.len() + secret.as_str().len());
    let bytes: usize = own.chain(secrets).sum();
    // `ENVIRONMENT` is there beside them.
    if bytes + 40 > MOST_VARIABLES {
        let detail = format!(
            "holds, with `secrets`, {bytes} bytes; Lambda has room for {MOST_VARIABLES} with its own: put large values into Parameter Store or S3"
        );
        broken.push(Broken::new("/environment", &["/kind", "/secrets"], detail));
    }
    broken
}

/// A function reads its secrets itself, and Secrets Manager hands out no part of one.
fn secrets(settings: &Settings) -> Vec<Broken> {
    let parts = settings
        .secrets
        .iter()
        .filter(|(_, secret)| matches!(secret.location(), Location::Secret(_, Some(_))));
    parts
        .map(|(name, _)| {
            let detail = "is a key of a secret, and a function reads a secret whole: name it without what is behind `#`".to_owned();
            Broken::new(format!("/secrets/{name}"), &["/kind"], detail)
        })
        .collect()
}

/// What is wrong with a function on a platform: the field, and why.
pub(crate) fn refused_on(
    effective: &Effective,
    platform: &Platform,
) -> Option<(&'static str, String)> {
    match effective.settings.artifact()? {
        Artifact::Image(image) => Some(("/image", elsewhere(&image, platform)?)),
        Artifact::Code(archive) => {
            let detail = foreign(effective, archive.bucket(), platform)?;
            Some(("/function/code", detail))
        }
    }
}

/// Lambda pulls from its own region only.
fn elsewhere(image: &Image, platform: &Platform) -> Option<String> {
    let is_there = image
        .ecr()
        .is_some_and(|it| it.account == platform.account && it.region == platform.region);
    let detail = format!(
        "is `{image}`, and Lambda runs images from ECR in its own region ({}) only: push it to the service's own repository",
        platform.region
    );
    (!is_there).then_some(detail)
}

/// Buckets that a service may not name hold others' code.
fn foreign(effective: &Effective, bucket: &str, platform: &Platform) -> Option<String> {
    let service = &effective.service;
    let prefixes = platform.resource_prefixes_of(service).join("` or `");
    let detail = match prefixes.as_str() {
        "" => "is in a bucket, and this platform lets services name none yet: update the platform first".to_owned(),
        _ => format!(
            "is in the bucket `{bucket}`, outside what this service may name: the bucket's name must begin with `{prefixes}`, as the platform's parameter `ResourcePrefixes` says"
        ),
    };
    (!platform.allows_name(service, bucket)).then_some(detail)
}
