//! Databases that are made from a snapshot: whether they can be, and whether they may.
//!
//! Pure. Who may restore a snapshot has what is in it, so that it must be the service's own: by the
//! tags that the platform gives everything of a service, or, without any, by the cluster that it is
//! of. An operator hands one of another origin over by tagging it so.

use slipway_domain::database::Database;
use slipway_domain::{Effective, EnvironmentName, Manifest, Platform, Scope};
use slipway_synth::names;

use crate::ports::FoundSnapshot;
use crate::record::ServiceState;

/// The status of a snapshot that is whole.
const AVAILABLE: &str = "available";

/// An environment that is to be made from a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Restored {
    /// What it is to be.
    pub effective: Effective,
    /// What the database is to be.
    pub database: Database,
    /// The snapshot's name.
    pub snapshot: String,
    /// Where that is written, a JSON pointer into the manifest.
    pub pointer: String,
}

/// The environments that are to be made from a snapshot and were not made yet.
pub fn restored(
    manifest: &Manifest,
    before: Option<&ServiceState>,
    platform: &Platform,
) -> Vec<Restored> {
    let of = |environment: EnvironmentName| {
        let stack = before.and_then(|it| it.stacks.get(&Scope::Environment(environment.clone())));
        if stack.is_some_and(|stack| stack.status.stack_id.is_some()) {
            return None;
        }
        let effective = manifest.effective(&environment, &platform.environment)?;
        let database = effective.settings.as_database()?;
        let snapshot = database.restore.as_ref()?.snapshot.name().to_owned();
        let base = manifest.pointer(&environment, "database");
        Some(Restored {
            effective,
            database,
            snapshot,
            pointer: format!("{base}/restore/snapshot"),
        })
    };
    let environments = manifest.environments(&platform.environment);
    environments.into_iter().filter_map(of).collect()
}

/// Why an environment cannot be made from what was found, if it cannot: a sentence without its
/// subject.
pub fn refused(
    wanted: &Restored,
    found: Option<&FoundSnapshot>,
    platform: &Platform,
) -> Option<String> {
    let (name, database) = (&wanted.snapshot, &wanted.database);
    let Some(found) = found.filter(|it| is_of(it, wanted, platform)) else {
        // Whether others have one of that name is theirs to know.
        let service = &wanted.effective.service;
        return Some(format!(
            "is `{name}`, and `{service}` has no such snapshot: it must bear the tags `slipway:platform` and `slipway:service`, or be one of its own databases, with a name that begins with `{}-`",
            platform.name
        ));
    };
    let version = database.version();
    if found.engine != database.engine.name() {
        return Some(format!(
            "is of `{}`, and `database.engine` is `{}`: they must be the same",
            found.engine,
            database.engine.name()
        ));
    }
    if found.status != AVAILABLE {
        return Some(format!(
            "is `{}`: wait until it is `{AVAILABLE}`",
            found.status
        ));
    }
    if !found.encrypted {
        return Some(
            "is not encrypted, nor would the database be: copy it under the key of RDS first (`aws rds copy-db-cluster-snapshot --copy-tags --kms-key-id alias/aws/rds`), and name the copy".to_owned(),
        );
    }
    version.is_older_than(&found.version).then(|| {
        format!(
            "is of version `{}`, and `database.version` is older, `{}`: the snapshot's, or a newer one, would be right",
            found.version,
            version.as_str()
        )
    })
}

/// Whether the snapshot is the service's own.
fn is_of(found: &FoundSnapshot, wanted: &Restored, platform: &Platform) -> bool {
    let service = &wanted.effective.service;
    let tag = |key: &str| found.tags.get(key).map(String::as_str);
    let tags = (tag("slipway:platform"), tag("slipway:service"));
    if tags != (None, None) {
        return tags == (Some(platform.name.as_str()), Some(service.as_str()));
    }
    // CloudFormation's role may restore what bears the platform's tag, or begins as its clusters do.
    if !wanted.snapshot.starts_with(&format!("{}-", platform.name)) {
        return false;
    }
    // No environment's name has a hyphen, so that no other service's cluster is called so.
    let start = format!("{}-{service}-", platform.name);
    let rest = found.cluster.strip_prefix(&start);
    rest.is_some_and(|rest| rest.parse::<EnvironmentName>().is_ok())
        || found.cluster == names::database(platform, service, &wanted.effective.environment)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    fn wanted(mut database: Value) -> Restored {
        database["restore"] = json!({"snapshot": "devops2-g4-before"});
        let document = json!({"service": "orders", "kind": "database", "database": database});
        let manifest = Manifest::read(&document).unwrap();
        let mut restored = restored(&manifest, None, &Platform::sample());
        assert_eq!(restored.len(), 1);
        restored.remove(0)
    }

    fn snapshot() -> FoundSnapshot {
        FoundSnapshot {
            cluster: "devops2-g4-orders-prod".to_owned(),
            engine: "aurora-postgresql".to_owned(),
            version: "17.4".to_owned(),
            status: AVAILABLE.to_owned(),
            encrypted: true,
            tags: BTreeMap::new(),
        }
    }

    fn tagged(platform: &str, service: &str) -> FoundSnapshot {
        let tags = [("slipway:platform", platform), ("slipway:service", service)];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        FoundSnapshot {
            tags: tags.into(),
            ..snapshot()
        }
    }

    fn says(found: Option<&FoundSnapshot>, fields: Value) -> Option<String> {
        refused(&wanted(fields), found, &Platform::sample())
    }

    #[test]
    fn a_service_restores_its_own_snapshots_and_nobody_elses() {
        let none = json!({});
        assert_eq!(says(Some(&snapshot()), none.clone()), None);
        assert!(
            says(None, none.clone())
                .unwrap()
                .contains("no such snapshot")
        );
        for cluster in [
            "devops2-g4-orders-db-prod",
            "devops2-g4-order-prod",
            "other",
        ] {
            let of_another = FoundSnapshot {
                cluster: cluster.to_owned(),
                ..snapshot()
            };
            assert_eq!(
                says(Some(&of_another), none.clone()),
                says(None, none.clone())
            );
        }
        let handed_over = FoundSnapshot {
            cluster: "legacy".to_owned(),
            ..tagged("devops2-g4", "orders")
        };
        assert_eq!(says(Some(&handed_over), none.clone()), None);
        // Where there are tags, the name says nothing.
        for found in [tagged("devops2-g4", "shop"), tagged("other", "orders")] {
            assert!(says(Some(&found), none.clone()).is_some());
        }
    }

    #[test]
    fn one_without_tags_has_a_name_that_the_role_of_cloudformation_may_restore() {
        let mut copy = wanted(json!({}));
        copy.snapshot = "before".to_owned();
        let platform = Platform::sample();
        assert!(refused(&copy, Some(&snapshot()), &platform).is_some());
        let tagged = tagged("devops2-g4", "orders");
        assert_eq!(refused(&copy, Some(&tagged), &platform), None);
    }

    #[test]
    fn a_snapshot_is_whole_encrypted_and_of_the_same_engine_and_no_newer() {
        let with = |change: fn(&mut FoundSnapshot)| {
            let mut found = snapshot();
            change(&mut found);
            says(Some(&found), json!({})).unwrap_or_default()
        };
        assert!(with(|it| it.engine = "aurora-mysql".to_owned()).contains("must be the same"));
        assert!(with(|it| it.status = "creating".to_owned()).contains("is `creating`"));
        assert!(with(|it| it.encrypted = false).contains("not encrypted"));
        assert!(with(|it| it.version = "17.9".to_owned()).contains("is older, `17.7`"));
        let newer = json!({"version": "17.3"});
        assert!(says(Some(&snapshot()), newer).unwrap().contains("`17.4`"));
    }
}
