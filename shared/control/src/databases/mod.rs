//! Databases that services use: who may, who does, and what may not change while somebody does.
//!
//! Pure. A use is claimed in the transaction that needs it, under the generation of the database at
//! which it was found to be allowed; and what takes something from users is committed only if nobody
//! claimed anything since they were counted. So nobody is let in to what is going, and nothing goes
//! that somebody was just let in to.
//!
//! A claim stays for as long as its environment wants the database or its stack may yet hold what
//! leads to it; the reconciler gives it back, as it does places on load balancers.

pub mod restore;
pub mod rotation;
mod rules;
#[cfg(test)]
mod tests;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use slipway_domain::text::InvalidText;
use slipway_domain::{
    DatabaseReference, Effective, EnvironmentName, Manifest, Platform, Scope, ServiceName,
};
use ulid::Ulid;

use crate::change::Change;
use crate::record::{PathOwner, ServiceState, StackRecord};

pub use rules::{InUse, denied, fixed, left_without, named, narrows, still_protected};

/// The outputs of a database's stack, as `shared/synth` names them.
pub mod output {
    /// The address of the instance that writes. A stack that has it has them all.
    pub const HOST: &str = "Host";
    /// The address of those that read.
    pub const READER_HOST: &str = "ReaderHost";
    /// The port.
    pub const PORT: &str = "Port";
    /// The name of the first database.
    pub const NAME: &str = "Name";
    /// The ARN of the secret.
    pub const SECRET: &str = "Secret";
}

/// One environment of a database, as somebody uses it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DatabaseUse {
    /// The database.
    pub database: ServiceName,
    /// Its environment.
    pub environment: EnvironmentName,
}

impl DatabaseUse {
    /// What `reference` means in the environment `own` of a service.
    pub fn of(reference: &DatabaseReference, own: &EnvironmentName) -> Self {
        Self {
            database: reference.database(),
            environment: reference.environment(own),
        }
    }

    fn scope(&self) -> Scope {
        Scope::Environment(self.environment.clone())
    }

    /// Whether this environment is there to be used: its stack was made, and says where it is.
    pub fn is_there(&self, state: Option<&ServiceState>) -> bool {
        let stack = state.and_then(|state| state.stacks.get(&self.scope()));
        stack.is_some_and(|stack| stack.status.outputs.contains_key(output::HOST))
    }
}

impl fmt::Display for DatabaseUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.database, self.environment)
    }
}

impl FromStr for DatabaseUse {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let wrong = || InvalidText {
            text: text.to_owned(),
            what: "a use of a database",
            rule: "a database and its environment, such as `orders-db/prod`",
        };
        let (database, environment) = text.split_once('/').ok_or_else(wrong)?;
        Ok(Self {
            database: database.parse().map_err(|_| wrong())?,
            environment: environment.parse().map_err(|_| wrong())?,
        })
    }
}

/// A service's environment that uses one of a database's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// The database's environment.
    pub environment: EnvironmentName,
    /// Who uses it.
    pub owner: PathOwner,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.environment, self.owner)
    }
}

impl FromStr for User {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let wrong = || InvalidText {
            text: text.to_owned(),
            what: "a user of a database",
            rule: "the database's environment and the user's, such as `prod orders/prod`",
        };
        let (environment, owner) = text.split_once(' ').ok_or_else(wrong)?;
        let (service, of) = owner.split_once('/').ok_or_else(wrong)?;
        Ok(Self {
            environment: environment.parse().map_err(|_| wrong())?,
            owner: PathOwner {
                service: service.parse().map_err(|_| wrong())?,
                environment: of.parse().map_err(|_| wrong())?,
            },
        })
    }
}

/// Who uses a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    /// Each environment that does.
    pub users: BTreeSet<User>,
    /// How often the database was claimed: another number later says that there may be more.
    pub claims: u64,
}

/// What a change claims of databases, or takes from their users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The uses to be claimed.
    pub uses: Vec<Claim>,
    /// How often the database that the change is about had been claimed when its users were
    /// looked at; absent where nothing is taken from them.
    pub counted: Option<u64>,
}

/// A use to be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What is used.
    pub used: DatabaseUse,
    /// Who uses it.
    pub owner: PathOwner,
    /// The database's incarnation that allows it.
    pub uid: Ulid,
    /// The database's generation that allows it.
    pub generation: u64,
}

impl Claim {
    /// The user, as the database's own item has it.
    pub fn user(&self) -> User {
        User {
            environment: self.used.environment.clone(),
            owner: self.owner.clone(),
        }
    }
}

impl Claims {
    /// The claims by database.
    pub fn by_database(&self) -> BTreeMap<&ServiceName, Vec<&Claim>> {
        let mut by_database: BTreeMap<&ServiceName, Vec<_>> = BTreeMap::new();
        for claim in &self.uses {
            by_database
                .entry(&claim.used.database)
                .or_default()
                .push(claim);
        }
        by_database
    }
}

/// A use that an environment needs and has no claim on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What is used.
    pub used: DatabaseUse,
    /// Who uses it.
    pub owner: PathOwner,
    /// Where that is written, a JSON pointer into the manifest.
    pub pointer: String,
}

impl Wanted {
    /// The claim on it, at the generation at which it is allowed.
    pub fn claim(self, database: &ServiceState) -> Claim {
        Claim {
            used: self.used,
            owner: self.owner,
            uid: database.service.uid,
            generation: database.service.generation,
        }
    }
}

/// What the manifest's environments use and have no claim on.
pub fn wanted(
    manifest: &Manifest,
    before: Option<&ServiceState>,
    platform: &Platform,
) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for environment in manifest.environments(&platform.environment) {
        let Some(effective) = manifest.effective(&environment, &platform.environment) else {
            continue;
        };
        let scope = Scope::Environment(environment.clone());
        let stack = before.and_then(|state| state.stacks.get(&scope));
        for (prefix, reference) in &effective.settings.databases {
            let used = DatabaseUse::of(reference, &environment);
            if stack.is_some_and(|stack| stack.databases.contains(&used)) {
                continue;
            }
            wanted.push(Wanted {
                used,
                owner: PathOwner {
                    service: manifest.service.clone(),
                    environment: environment.clone(),
                },
                pointer: pointer(manifest, &environment, prefix),
            });
        }
    }
    wanted
}

/// Where an environment's use is written: its own, or the one that it inherits. Maps are merged.
fn pointer(manifest: &Manifest, environment: &EnvironmentName, prefix: &str) -> String {
    let overrides = manifest.environments.get(environment);
    let own = overrides.and_then(|it| it.0.get("databases"));
    if own.is_some_and(|own| own.get(prefix).is_some()) {
        format!("/environments/{environment}/databases/{prefix}")
    } else {
        format!("/databases/{prefix}")
    }
}

/// What an environment uses.
pub fn used(effective: &Effective) -> BTreeSet<DatabaseUse> {
    let references = effective.settings.databases.values();
    references
        .map(|it| DatabaseUse::of(it, &effective.environment))
        .collect()
}

/// The claims that a stack holds and does not want any more, where `effective` is what it is to be.
pub fn former(stack: &StackRecord, effective: Option<&Effective>) -> Vec<DatabaseUse> {
    let wanted = effective.map(used).unwrap_or_default();
    stack.databases.difference(&wanted).cloned().collect()
}

/// Adds the claims to a change, and to the stacks that hold them from then on.
pub fn add(change: &mut Change, uses: Vec<Claim>) {
    for claim in &uses {
        let scope = Scope::Environment(claim.owner.environment.clone());
        if let Some(stack) = change.stacks.get_mut(&scope) {
            stack.databases.insert(claim.used.clone());
        }
    }
    change.databases.uses = uses;
}
