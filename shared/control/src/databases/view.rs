//! A database as the API shows it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use slipway_domain::database::{Acu, Engine, Version};
use slipway_domain::{EnvironmentName, Manifest, Phase, Platform, ServiceName, TeamName};
use ulid::Ulid;

use super::{Users, output};
use crate::view::ServiceView;

/// A database as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseView {
    /// The database's name.
    pub name: ServiceName,
    /// The team that owns it.
    pub team: TeamName,
    /// Grows by one with every change; the `ETag` is made from it.
    pub generation: u64,
    /// The incarnation, a ULID: a database registered again has another.
    #[schemars(with = "String")]
    pub uid: Ulid,
    /// When the database was registered.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When this generation was made.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
    /// Who made this generation.
    pub updated_by: String,
    /// Whether the database is being deleted.
    pub deleting: bool,
    /// What the team wants, defaults filled in.
    pub manifest: Manifest,
    /// The environments.
    pub environments: BTreeMap<EnvironmentName, DatabaseEnvironmentView>,
}

/// An environment of a database as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseEnvironmentView {
    /// What it is to be; absent while it is on its way out: the manifest has it no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<DatabaseShape>,
    /// Where it is on its way.
    pub phase: Phase,
    /// What happens now, or what went wrong.
    pub message: String,
    /// What a person should do; absent while nobody need do anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Where it is reached; absent before it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<DatabaseEndpoint>,
    /// The services that may use it.
    pub access: BTreeSet<ServiceName>,
    /// The environments of services that do, as `service/environment`.
    pub users: BTreeSet<String>,
}

/// What an environment of a database is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseShape {
    /// What speaks to its clients.
    pub engine: Engine,
    /// The engine's version.
    pub version: Version,
    /// The least capacity of each instance, in Aurora capacity units.
    #[schemars(with = "f64")]
    pub min: Acu,
    /// The most capacity of each instance, in Aurora capacity units.
    #[schemars(with = "f64")]
    pub max: Acu,
    /// Instances that only read, beside the one that writes.
    pub readers: u32,
}

/// Where a database is reached, from within the platform's network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseEndpoint {
    /// The address of the instance that writes.
    pub host: String,
    /// The address of those that read.
    pub reader_host: String,
    /// The port.
    pub port: String,
    /// The name of the first database in it.
    pub name: String,
    /// The ARN of the secret with the user's name and password.
    pub secret: String,
}

impl DatabaseView {
    /// The view of a database, from the same as a service.
    pub fn new(service: ServiceView, users: &Users, platform: &Platform) -> Self {
        let environments = service
            .environments
            .iter()
            .map(|(name, environment)| {
                let wanted = service.manifest.effective(name, &platform.environment);
                let database = wanted.and_then(|it| it.settings.as_database());
                let users = users.users.iter().filter(|it| it.environment == *name);
                let status = &environment.stack;
                let view = DatabaseEnvironmentView {
                    phase: status.phase,
                    message: status.message.clone(),
                    advice: status.advice.clone(),
                    endpoint: endpoint(&status.outputs),
                    access: database.iter().flat_map(|it| it.access.clone()).collect(),
                    users: users.map(|it| it.owner.to_string()).collect(),
                    wanted: database.map(|it| DatabaseShape {
                        engine: it.engine,
                        version: it.version(),
                        min: it.min,
                        max: it.max,
                        readers: it.readers,
                    }),
                };
                (name.clone(), view)
            })
            .collect();
        Self {
            name: service.name,
            team: service.team,
            generation: service.generation,
            uid: service.uid,
            created_at: service.created_at,
            updated_at: service.updated_at,
            updated_by: service.updated_by,
            deleting: service.deleting,
            manifest: service.manifest,
            environments,
        }
    }
}

fn endpoint(outputs: &BTreeMap<String, String>) -> Option<DatabaseEndpoint> {
    let of = |key: &str| outputs.get(key).cloned();
    Some(DatabaseEndpoint {
        host: of(output::HOST)?,
        reader_host: of(output::READER_HOST)?,
        port: of(output::PORT)?,
        name: of(output::NAME)?,
        secret: of(output::SECRET)?,
    })
}
