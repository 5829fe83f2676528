//! What a database is made from, where it does not begin empty: a snapshot.
//!
//! AWS reads it once, when it makes the cluster, and takes any other word on it later for another,
//! new cluster. So it is said when the database is made, and never changes.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::manifest::Settings;
use crate::platform::Platform;
use crate::text::checked_text;

/// What a database is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// The snapshot of a database's cluster, by its name or its ARN.
    pub snapshot: Snapshot,
}

checked_text! {
    /// The snapshot of a cluster that somebody, or a deletion, took. RDS takes 255 characters for
    /// its name.
    Snapshot, what: "a snapshot",
    pattern: "^(arn:aws[a-z-]{0,20}:rds:[a-z0-9-]{1,30}:[0-9]{12}:cluster-snapshot:)?[a-z][a-z0-9]*(-[a-z0-9]+)*$", max: 340,
    rule: "the name of a snapshot in lower case, or its ARN, such as `devops2-g4-orders-db-prod-snapshot-cluster-1abc`",
    check: |text| {
        let name = match text.strip_prefix("arn:") {
            Some(rest) => owner(rest).map(|(.., name)| name),
            None => Some(text),
        };
        name.is_some_and(is_name)
    }
}

/// Partition, region, account and name of an ARN without its `arn:`.
fn owner(rest: &str) -> Option<(&str, &str, &str, &str)> {
    let parts: Vec<&str> = rest.split(':').collect();
    let &[partition, "rds", region, account, "cluster-snapshot", name] = parts.as_slice() else {
        return None;
    };
    let only = |text: &str, digits: bool| {
        text.bytes()
            .all(|b| b == b'-' || b.is_ascii_lowercase() || (digits && b.is_ascii_digit()))
    };
    let ending = partition.strip_prefix("aws")?;
    let is_region = (1..=30).contains(&region.len()) && only(region, true);
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (ending.len() <= 20 && only(ending, false) && is_region && is_account)
        .then_some((partition, region, account, name))
}

fn is_name(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.split('-').all(is_part)
}

impl Snapshot {
    /// Its name, by which its own account and region know it.
    pub fn name(&self) -> &str {
        let text = self.as_str();
        text.rsplit_once(':').map_or(text, |(_, name)| name)
    }

    /// Whether it is one of the platform's account and region, as far as it says.
    fn is_on(&self, platform: &Platform) -> bool {
        let Some(rest) = self.as_str().strip_prefix("arn:") else {
            return true;
        };
        owner(rest).is_some_and(|(partition, region, account, _)| {
            partition == platform.partition
                && region == platform.region
                && account == platform.account
        })
    }
}

/// What is wrong with where the snapshot of a database lies.
pub(crate) fn elsewhere(settings: &Settings, platform: &Platform) -> Option<String> {
    let snapshot = settings.as_database()?.restore?.snapshot;
    (!snapshot.is_on(platform)).then(|| {
        format!(
            "is not of the account {} and region {}: copy it there first (`aws rds copy-db-cluster-snapshot --copy-tags`), and name the copy",
            platform.account, platform.region
        )
    })
}

/// As [`Restore`]; null takes it away in one environment.
pub(super) fn form(generator: &mut SchemaGenerator) -> Schema {
    let mut snapshot = generator.subschema_for::<Snapshot>();
    snapshot.insert(
        "description".to_owned(),
        "The snapshot of a database's cluster, by its name or its ARN.".into(),
    );
    json_schema!({
        "type": ["object", "null"],
        "properties": {"snapshot": snapshot},
        "required": ["snapshot"],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ARN: &str = "arn:aws:rds:us-east-1:111122223333:cluster-snapshot:a-1";

    #[test]
    fn a_snapshot_is_known_by_its_name_however_it_is_written() {
        let name: Snapshot = "a-1".parse().unwrap();
        let arn: Snapshot = ARN.parse().unwrap();
        assert_eq!((name.name(), arn.name()), ("a-1", "a-1"));
        let platform = Platform::sample();
        assert!(name.is_on(&platform) && arn.is_on(&platform));
        for other in [
            ARN.replace("us-east-1", "eu-west-1"),
            ARN.replace("111122223333", "444455556666"),
        ] {
            let other: Snapshot = other.parse().unwrap();
            assert!(!other.is_on(&platform), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn the_check_and_the_pattern_agree(
            text in r"(arn:(aws|aws-cn|x):(rds|s3):[a-z1-]{0,3}:(1{12}|1{0,2}):cluster-snapshot:)?[a-z1A-]{0,5}|.{0,6}"
        ) {
            let schema = serde_json::json!({"type": "string", "pattern": Snapshot::PATTERN, "maxLength": Snapshot::MAX});
            prop_assert_eq!(jsonschema::is_valid(&schema, &text.clone().into()), text.parse::<Snapshot>().is_ok());
        }
    }
}
