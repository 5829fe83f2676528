//! A database: the manifest's `database`, and `databases`, by which others use one.
//!
//! It is a cluster of Aurora Serverless v2. What is made of an image and its tasks says nothing
//! of it. What AWS refuses, or would answer with an empty cluster, is refused here.

use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::manifest::{Kind, Manifest, Settings};
use crate::name::{EnvironmentName, ServiceName};
use crate::platform::Platform;
use crate::problem::Broken;
use crate::schema;
use crate::text::checked_text;

mod acu;
mod alerts;
mod restore;
mod version;

pub use acu::Acu;
pub use restore::{Restore, Snapshot};
pub use version::Version;

pub(crate) use restore::elsewhere;

/// The most databases that one service uses. Each is one more security group on a network
/// interface, of which VPC allows five ("Amazon VPC quotas"): its own, and that of `discovery`.
pub const MOST_DATABASES: usize = 3;

/// The fields of a manifest that say something of a database.
const SAYS: [&str; 5] = ["kind", "database", "logs", "alarms", "dashboard"];

/// Names that the engines have for themselves ("CREATE DATABASE" of both), and words that AWS
/// refuses as the name of a cluster's first database because the engine reserves them.
const TAKEN: [&str; 26] = [
    "all",
    "analyze",
    "check",
    "column",
    "database",
    "databases",
    "default",
    "group",
    "index",
    "information_schema",
    "key",
    "keys",
    "mysql",
    "order",
    "performance_schema",
    "postgres",
    "primary",
    "rdsadmin",
    "references",
    "schema",
    "schemas",
    "sys",
    "table",
    "template0",
    "template1",
    "user",
];

/// A database: what it is, how large it may become, and who may use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Database {
    /// What speaks to its clients.
    pub engine: Engine,
    /// The engine's version, in full; when left out, the one of long-term support that this
    /// version of Slipway knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "version::form")]
    pub version: Option<Version>,
    /// The least capacity of each instance, in Aurora capacity units of 2 GiB of memory, in steps of 0.5. With 0
    /// it pauses when nobody is connected for 5 minutes.
    #[schemars(schema_with = "acu::least")]
    pub min: Acu,
    /// The most capacity of each instance, in Aurora capacity units.
    #[schemars(schema_with = "acu::most")]
    pub max: Acu,
    /// Instances that only read, beside the one that writes. One of them takes its place when it
    /// fails.
    #[schemars(range(min = 0, max = 15))]
    pub readers: u32,
    /// The name of the first database in it; the service's name, with `_` for `-`, when left
    /// out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "name")]
    pub name: Option<String>,
    /// Days for which it can be brought back to any second.
    #[schemars(range(min = 1, max = 35))]
    pub backups: u32,
    /// The services that may use it. Nobody else may.
    #[schemars(length(max = 50))]
    pub access: Vec<ServiceName>,
    /// What it is made from, instead of empty. It stays as it was when the database was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "restore::form")]
    pub restore: Option<Restore>,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            engine: Engine::AuroraPostgresql,
            version: None,
            min: Acu::HALF,
            max: Acu::of(4),
            readers: 1,
            name: None,
            backups: 7,
            access: Vec::new(),
            restore: None,
        }
    }
}

/// What speaks to a database's clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// MySQL 8.0.
    AuroraMysql,
    /// PostgreSQL.
    AuroraPostgresql,
}

impl Engine {
    /// The name as manifests and AWS have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuroraMysql => "aurora-mysql",
            Self::AuroraPostgresql => "aurora-postgresql",
        }
    }

    /// The port on which it listens.
    pub fn port(self) -> u16 {
        match self {
            Self::AuroraMysql => 3306,
            Self::AuroraPostgresql => 5432,
        }
    }
}

impl Database {
    /// The version that runs.
    pub fn version(&self) -> Version {
        self.version
            .clone()
            .unwrap_or_else(|| Version::default_of(self.engine))
    }

    /// The name of the first database in it, in the service `service`.
    pub fn name(&self, service: &ServiceName) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| service.as_str().replace('-', "_"))
    }

    /// Whether `service` may use it.
    pub fn admits(&self, service: &ServiceName) -> bool {
        self.access.contains(service)
    }
}

impl Settings {
    /// What the database is; nothing for services of other kinds.
    pub fn as_database(&self) -> Option<Database> {
        (self.kind == Kind::Database).then(|| self.database.clone().unwrap_or_default())
    }
}

/// The manifest with the defaults of a database, where it is one.
pub(crate) fn filled_in(mut manifest: Manifest) -> Manifest {
    manifest.settings.database = match manifest.settings.database.take() {
        None => manifest.settings.as_database(),
        said => said,
    };
    manifest
}

checked_text! {
    /// A database that a service uses: `name`, of the service's own environment, or
    /// `name/environment`.
    DatabaseReference, what: "a database",
    pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*(/[a-z][a-z0-9]{0,11})?$", max: 53,
    rule: "the name of a database, which is the one of the service's own environment, or its name and one of its environments, such as `orders-db/prod`",
    check: |text| match text.split_once('/') {
        Some((name, env)) => name.parse::<ServiceName>().is_ok() && env.parse::<EnvironmentName>().is_ok(),
        None => text.parse::<ServiceName>().is_ok(),
    }
}

impl DatabaseReference {
    /// The database's name.
    pub fn database(&self) -> ServiceName {
        let text = self.as_str();
        schema::literal(text.split_once('/').map_or(text, |(name, _)| name))
    }

    /// Its environment, for one that the environment `own` of a service uses.
    pub fn environment(&self, own: &EnvironmentName) -> EnvironmentName {
        let named = self.as_str().split_once('/');
        named.map_or_else(|| own.clone(), |(_, env)| schema::literal(env))
    }
}

/// What a variable that a database brings says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The address of the instance that writes.
    Host,
    /// The address of those that read.
    ReaderHost,
    /// The port.
    Port,
    /// The name of the first database.
    Name,
    /// The user's name, out of the secret.
    Username,
    /// The user's password, out of the secret.
    Password,
    /// The secret itself, by its ARN.
    Secret,
}

impl Detail {
    /// What a container is told, and what a function is: Lambda hands no secret out.
    pub fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Function => &[
                Self::Host,
                Self::ReaderHost,
                Self::Port,
                Self::Name,
                Self::Secret,
            ],
            Kind::Web | Kind::Worker | Kind::Job => &[
                Self::Host,
                Self::ReaderHost,
                Self::Port,
                Self::Name,
                Self::Username,
                Self::Password,
            ],
            Kind::Database | Kind::LoadBalancer => &[],
        }
    }

    /// The variable's name behind `prefix`.
    pub fn variable(self, prefix: &str) -> String {
        let end = match self {
            Self::Host => "HOST",
            Self::ReaderHost => "READER_HOST",
            Self::Port => "PORT",
            Self::Name => "NAME",
            Self::Username => "USERNAME",
            Self::Password => "PASSWORD",
            Self::Secret => "SECRET",
        };
        format!("{prefix}_{end}")
    }
}

/// What is wrong with the settings of a database. Rules of tasks and functions are not asked.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let mut broken = of_others(settings);
    let database = settings.as_database().unwrap_or_default();
    let Database {
        engine, min, max, ..
    } = database;
    if min > max {
        let detail = format!("is {min}, more than `max`, {max}");
        broken.push(Broken::new("/database/min", &["/database/max"], detail));
    }
    let version = database.version();
    if version.engine() != engine {
        let detail = format!(
            "is `{}`, which is no version of `{}`: those are such as `{}`",
            version.as_str(),
            engine.name(),
            Version::default_of(engine).as_str()
        );
        broken.push(Broken::new(
            "/database/version",
            &["/database/engine"],
            detail,
        ));
    } else if min == Acu::NONE && !version.pauses() {
        let detail = format!(
            "is 0, and `{}` cannot pause: 0.5 or more would be right, or a newer `version`",
            version.as_str()
        );
        broken.push(Broken::new("/database/min", &["/database/version"], detail));
    }
    if let Some(name) = database.name.as_deref()
        && TAKEN.contains(&name)
    {
        broken.push(Broken::new("/database/name", &[], taken(name)));
    }
    broken.extend(alerts::broken(settings, &database));
    broken
}

fn taken(name: &str) -> String {
    format!("is `{name}`, which the engine has for itself: choose another name")
}

/// What is of services that run an image. Every field but a few is, so they are found by
/// what they say; one that is added later is refused too.
fn of_others(settings: &Settings) -> Vec<Broken> {
    let said = serde_json::to_value(settings).unwrap_or_default();
    let default = serde_json::to_value(Settings::default()).unwrap_or_default();
    let fields = said.as_object().into_iter().flatten();
    fields
        .filter(|(field, value)| {
            !SAYS.contains(&field.as_str()) && default.get(field) != Some(value)
        })
        .map(|(field, _)| {
            let detail =
                "is of services that run an image, and the kind is `database`: leave it out";
            Broken::unused(&format!("/{field}"), &["/kind"], detail.to_owned())
        })
        .collect()
}

/// What is wrong with what is said of databases where the kind is another.
pub(crate) fn broken_elsewhere(settings: &Settings) -> Vec<Broken> {
    let mut broken = users(settings);
    broken.extend(alerts::broken_elsewhere(settings));
    if settings.database.is_some() {
        let kind = settings.kind.name();
        let detail = format!(
            "is what a database is, and the kind is `{kind}`: leave it out, or set `kind` to `database`"
        );
        broken.push(Broken::unused("/database", &["/kind"], detail));
    }
    broken
}

fn users(settings: &Settings) -> Vec<Broken> {
    let mut broken = Vec::new();
    if settings.databases.is_empty() {
        return broken;
    }
    if settings.kind == Kind::Function && !settings.function.vpc {
        let detail = "are reached from the platform's private subnets, and the function is not in them: set `function.vpc` to true";
        let others = ["/kind", "/function"];
        broken.push(Broken::new("/databases", &others, detail.to_owned()));
    }
    // Overrides are added to what is inherited.
    let count = settings.databases.len();
    if count > MOST_DATABASES {
        let detail = format!(
            "are {count}, and a service uses at most {MOST_DATABASES}: each has a security group, and a network interface takes five"
        );
        broken.push(Broken::new("/databases", &[], detail));
    }
    let mut seen = BTreeSet::new();
    for prefix in settings.databases.keys() {
        let pointer = format!("/databases/{prefix}");
        for detail in Detail::of(settings.kind) {
            let variable = detail.variable(prefix);
            let place = if settings.environment.contains_key(&variable) {
                "`environment`"
            } else if settings.secrets.contains_key(&variable) {
                "`secrets`"
            } else if seen.contains(&variable) {
                "another of `databases`"
            } else {
                seen.insert(variable);
                continue;
            };
            let detail = format!(
                "brings the variable `{variable}`, and {place} has it too: a variable has one value, so choose another prefix"
            );
            let others = ["/environment", "/secrets", "/kind"];
            broken.push(Broken::new(&*pointer, &others, detail));
        }
    }
    broken
}

/// What is wrong with a database across its environments.
pub(crate) fn across(manifest: &Manifest) -> Vec<Broken> {
    let mut broken = Vec::new();
    let is_database = |kind: &str| kind == Kind::Database.name();
    let own = manifest.settings.kind.name();
    for (environment, overrides) in &manifest.environments {
        let kind = overrides.0.get("kind").and_then(|it| it.as_str());
        if kind.is_some_and(|kind| is_database(kind) != is_database(own)) {
            let detail = format!(
                "differs from the service's kind, `{own}`, and a database is one in every environment: register a service of its own"
            );
            let pointer = format!("/environments/{environment}/kind");
            broken.push(Broken::new(pointer, &["/kind"], detail));
        }
    }
    if let Some(database) = manifest.settings.as_database()
        && database.name.is_none()
        && let name = database.name(&manifest.service)
        && TAKEN.contains(&name.as_str())
    {
        broken.push(Broken::new("/database/name", &["/service"], taken(&name)));
    }
    broken
}

/// What is wrong with a database on a platform.
pub(crate) fn missing(settings: &Settings, platform: &Platform) -> Option<String> {
    (settings.kind == Kind::Database && platform.database_subnets.is_empty()).then(|| {
        "is `database`, and this platform has no subnets for databases yet: update the platform first"
            .to_owned()
    })
}

fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^[a-z][a-z0-9_]{0,62}$",
        "x-rule": "lower-case letters, digits and underscores, a letter first, at most 63 characters, such as `orders`",
    })
}

/// The manifest's `databases`: prefixes of variables, and databases.
pub(crate) fn references(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": {
            "type": "string",
            "pattern": "^[A-Z][A-Z0-9_]{0,59}$",
            "x-rule": "the beginning of names of variables: upper-case letters, digits and underscores, a letter first, at most 60 characters, such as `DATABASE`",
        },
        "additionalProperties": {
            "allOf": [
                generator.subschema_for::<DatabaseReference>(),
                // The database's name by itself is as long as a service's may be.
                {
                    "type": "string",
                    "pattern": "^[^/]{0,40}(/.*)?$",
                    "x-rule": "the name of a database, at most 40 characters, such as `orders-db` or `orders-db/prod`",
                },
            ],
        },
        "maxProperties": MOST_DATABASES,
    })
}
