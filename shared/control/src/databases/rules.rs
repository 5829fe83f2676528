//! What is refused: a use that the database does not allow, and a change that would take the
//! database from those who use it, or what is in it from everybody.

use std::collections::BTreeSet;

use slipway_domain::database::Database;
use slipway_domain::manifest::Kind;
use slipway_domain::{Effective, EnvironmentName, Manifest, Platform, Problem, Scope, ServiceName};
use slipway_synth::PROTECTED_OUTPUT;

use super::{Users, Wanted};
use crate::record::{PathOwner, ServiceState};

/// A change that takes a database from who uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InUse {
    /// Where the change is written, a JSON pointer into the manifest; empty for a deletion.
    pub pointer: String,
    /// Who uses it.
    pub users: BTreeSet<PathOwner>,
}

impl InUse {
    /// Who uses it, for people.
    pub fn names(&self) -> String {
        named(&self.users)
    }
}

/// Environments of services, for people.
pub fn named(users: &BTreeSet<PathOwner>) -> String {
    let names: Vec<String> = users.iter().map(|user| format!("`{user}`")).collect();
    names.join(", ")
}

/// Why somebody may not use a database, if they may not: a sentence without its subject.
pub fn denied(
    wanted: &Wanted,
    database: Option<&ServiceState>,
    platform: &Platform,
) -> Option<String> {
    let name = &wanted.used.database;
    let Some(state) = database else {
        return Some(format!(
            "names `{name}`, and no such database is registered: register it first"
        ));
    };
    let manifest = &state.service.manifest;
    let kind = manifest.settings.kind;
    if kind != Kind::Database {
        return Some(format!(
            "names `{name}`, which is no database but a service of the kind `{}`",
            kind.name()
        ));
    }
    if state.service.deleting {
        return Some(format!("names `{name}`, which is being deleted"));
    }
    let environment = &wanted.used.environment;
    let Some(effective) = manifest.effective(environment, &platform.environment) else {
        let there = manifest.environments(&platform.environment);
        let there: Vec<String> = there.iter().map(|it| format!("`{name}/{it}`")).collect();
        return Some(format!(
            "is the environment `{environment}` of `{name}`, which has none of that name: there is {}",
            there.join(", ")
        ));
    };
    let service = &wanted.owner.service;
    (!lets_in(&effective, service)).then(|| {
        format!(
            "names `{name}`, which does not let `{service}` in: its team adds `{service}` to its `database.access` first"
        )
    })
}

/// What a change would have to make anew, and with it all that the database holds.
pub fn fixed(before: &ServiceState, after: &Manifest, platform: &Platform) -> Vec<Problem> {
    let former = &before.service.manifest;
    let is = |manifest: &Manifest| manifest.settings.kind == Kind::Database;
    if is(former) != is(after) {
        let was = former.settings.kind.name();
        let detail = format!(
            "was `{was}`: no database becomes a service, and no service a database; register it under another name"
        );
        return vec![Problem::new("/kind", detail)];
    }
    if !is(after) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for environment in after.environments(&platform.environment) {
        let of = |manifest: &Manifest| {
            let effective = manifest.effective(&environment, &platform.environment)?;
            effective.settings.as_database()
        };
        let stack = before.stacks.get(&Scope::Environment(environment.clone()));
        // What was never made can still become anything.
        let was_made = stack.is_some_and(|stack| stack.status.stack_id.is_some());
        let (Some(was), Some(is), true) = (of(former), of(after), was_made) else {
            continue;
        };
        let base = after.pointer(&environment, "database");
        let mut refuse = |field: &str, was: &str, is: &str| {
            if was != is {
                let detail = format!(
                    "is `{is}` and was `{was}`: AWS would make an empty database in its place. Register another one, and move what is in it"
                );
                problems.push(Problem::new(format!("{base}/{field}"), detail));
            }
        };
        refuse("engine", was.engine.name(), is.engine.name());
        refuse("name", &was.name(&after.service), &is.name(&after.service));
        let from = |database: &Database| {
            let restore = database.restore.as_ref();
            restore.map(|it| it.snapshot.name().to_owned())
        };
        if let Some(detail) = other_snapshot(from(&was).as_deref(), from(&is).as_deref()) {
            problems.push(Problem::new(format!("{base}/restore"), detail));
        }
    }
    // An override may be the whole database's: say it once.
    problems.dedup();
    problems
}

/// What is wrong with another word on the snapshot that a database was made from.
fn other_snapshot(was: Option<&str>, is: Option<&str>) -> Option<String> {
    match (was, is) {
        (was, is) if was == is => None,
        (None, Some(is)) => Some(format!(
            "is `{is}`, and this database is there already, made without it: a snapshot makes a new one. Register it under another name, or delete this one first"
        )),
        (Some(was), _) => Some(format!(
            "was `{was}`, from which this database was made: AWS would make another one in its place. Leave it as it was"
        )),
        (None, None) => None,
    }
}

/// An environment that a change takes away, or a deletion, while RDS still protects what is in it: its
/// instances would go, and the cluster stay behind.
pub fn still_protected(
    before: &ServiceState,
    after: Option<&Manifest>,
    platform: &Platform,
) -> Option<EnvironmentName> {
    let stays = after.map(|it| it.environments(&platform.environment));
    let stays = stays.unwrap_or_default();
    let manifest = &before.service.manifest;
    if manifest.settings.kind != Kind::Database {
        return None;
    }
    before.stacks.iter().find_map(|(scope, stack)| {
        let environment = scope.environment()?;
        let goes = !stays.contains(environment);
        let status = &stack.status;
        // Before the stack can say so itself: its update is under way, or another version rendered it.
        let is_to_be = manifest.deletion_protection && status.stack_id.is_some();
        let is_protected = is_to_be || status.outputs.contains_key(PROTECTED_OUTPUT);
        (goes && is_protected).then(|| environment.clone())
    })
}

/// Whether a change takes something from those who may use a database: an environment, or who is let in.
pub fn narrows(before: &Manifest, after: &Manifest, platform: &Platform) -> bool {
    let environments = before.environments(&platform.environment);
    before.settings.kind == Kind::Database
        && environments.iter().any(|environment| {
            let of = |manifest: &Manifest| {
                let effective = manifest.effective(environment, &platform.environment)?;
                Some(effective.settings.as_database()?.access)
            };
            let (was, is) = (of(before).unwrap_or_default(), of(after));
            is.is_none_or(|is| was.iter().any(|service| !is.contains(service)))
        })
}

/// Who would be left without the database that they use, if anybody would: by all of it when
/// `after` is none, and otherwise by the first thing of it that is taken away.
pub fn left_without(users: &Users, after: Option<&Manifest>, platform: &Platform) -> Option<InUse> {
    let Some(after) = after else {
        let users: BTreeSet<_> = users.users.iter().map(|it| it.owner.clone()).collect();
        let pointer = String::new();
        return (!users.is_empty()).then_some(InUse { pointer, users });
    };
    let mut left: Option<InUse> = None;
    for user in &users.users {
        let environment = &user.environment;
        let pointer = match after.effective(environment, &platform.environment) {
            None => "/environments".to_owned(),
            Some(effective) if lets_in(&effective, &user.owner.service) => continue,
            Some(_) => format!("{}/access", after.pointer(environment, "database")),
        };
        let left = left.get_or_insert_with(|| InUse {
            pointer: pointer.clone(),
            users: BTreeSet::new(),
        });
        if left.pointer == pointer {
            left.users.insert(user.owner.clone());
        }
    }
    left
}

fn lets_in(effective: &Effective, service: &ServiceName) -> bool {
    let database = effective.settings.as_database();
    database.is_some_and(|it| it.admits(service))
}
