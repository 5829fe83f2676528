//! Versions of Aurora's engines, by what is known of them.

use schemars::{Schema, SchemaGenerator};

use super::Engine;
use crate::schema;
use crate::text::checked_text;

checked_text! {
    /// A version of an engine, in full, as AWS has it.
    Version, what: "a version of a database's engine",
    pattern: r"^([0-9]{2}\.[0-9]{1,2}|8\.0\.mysql_aurora\.3\.[0-9]{2}\.[0-9]{1,2})$", max: 30,
    rule: "the full version of an engine, such as `17.7` or `8.0.mysql_aurora.3.10.6`",
    check: |text| match text.strip_prefix(MYSQL) {
        Some(rest) => matches!(numbers(rest), Some((minor, patch)) if minor.len() == 2 && patch.len() <= 2),
        None => matches!(numbers(text), Some((major, minor)) if major.len() == 2 && minor.len() <= 2),
    }
}

/// How versions of Aurora MySQL 3 begin.
const MYSQL: &str = "8.0.mysql_aurora.3.";

/// Two numbers with a dot between them.
fn numbers(text: &str) -> Option<(&str, &str)> {
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit());
    text.split_once('.')
        .filter(|(first, second)| is_number(first) && is_number(second))
}

impl Version {
    /// The newest of long-term support when this was written ("Aurora MySQL long-term support
    /// releases", "Using an Aurora PostgreSQL long-term support release"), November 2026. Nobody
    /// but a newer Slipway, or the manifest, moves a database to another one.
    pub fn default_of(engine: Engine) -> Self {
        schema::literal(match engine {
            Engine::AuroraMysql => "8.0.mysql_aurora.3.10.6",
            Engine::AuroraPostgresql => "17.7",
        })
    }

    /// The engine whose version it is.
    pub fn engine(&self) -> Engine {
        if self.as_str().starts_with(MYSQL) {
            Engine::AuroraMysql
        } else {
            Engine::AuroraPostgresql
        }
    }

    /// The family of parameter groups that go with it.
    pub fn family(&self) -> String {
        match self.engine() {
            Engine::AuroraMysql => "aurora-mysql8.0".to_owned(),
            Engine::AuroraPostgresql => format!("aurora-postgresql{}", self.parts().0),
        }
    }

    /// Whether a database of it can pause ("Scaling to Zero ACUs with automatic pause and resume
    /// for Aurora Serverless v2", prerequisites).
    pub fn pauses(&self) -> bool {
        let (major, minor) = self.parts();
        match (self.engine(), major) {
            (Engine::AuroraMysql, minor) => minor >= 8,
            (Engine::AuroraPostgresql, 13) => minor >= 15,
            (Engine::AuroraPostgresql, 14) => minor >= 12,
            (Engine::AuroraPostgresql, 15) => minor >= 7,
            (Engine::AuroraPostgresql, 16) => minor >= 3,
            (Engine::AuroraPostgresql, major) => major > 16,
        }
    }

    /// Whether it is older than another one of its engine; false where that is of a form that is
    /// not known here.
    pub fn is_older_than(&self, other: &str) -> bool {
        other
            .parse::<Self>()
            .is_ok_and(|it| it.engine() == self.engine() && self.parts() < it.parts())
    }

    /// PostgreSQL's major and minor number, or Aurora MySQL's minor number and patch.
    fn parts(&self) -> (u32, u32) {
        let text = self.as_str();
        let two = numbers(text.strip_prefix(MYSQL).unwrap_or(text));
        let (first, second) = two.unwrap_or_default();
        (first.parse().unwrap_or(0), second.parse().unwrap_or(0))
    }
}

pub(super) fn form(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Version>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_version_tells_its_engine_and_its_family_and_whether_it_pauses() {
        for (text, engine, family, pauses) in [
            (
                "17.7",
                Engine::AuroraPostgresql,
                "aurora-postgresql17",
                true,
            ),
            (
                "16.2",
                Engine::AuroraPostgresql,
                "aurora-postgresql16",
                false,
            ),
            (
                "16.3",
                Engine::AuroraPostgresql,
                "aurora-postgresql16",
                true,
            ),
            (
                "12.9",
                Engine::AuroraPostgresql,
                "aurora-postgresql12",
                false,
            ),
            (
                "8.0.mysql_aurora.3.07.1",
                Engine::AuroraMysql,
                "aurora-mysql8.0",
                false,
            ),
            (
                "8.0.mysql_aurora.3.10.6",
                Engine::AuroraMysql,
                "aurora-mysql8.0",
                true,
            ),
        ] {
            let version: Version = text.parse().unwrap();
            let found = (version.engine(), &*version.family(), version.pauses());
            assert_eq!(found, (engine, family, pauses), "{text}");
        }
        for engine in [Engine::AuroraMysql, Engine::AuroraPostgresql] {
            assert_eq!(Version::default_of(engine).engine(), engine);
        }
    }

    #[test]
    fn versions_of_one_engine_have_an_order() {
        let is_older =
            |one: &str, other: &str| one.parse::<Version>().unwrap().is_older_than(other);
        assert!(is_older("16.9", "17.1"));
        assert!(is_older("17.7", "17.10"));
        assert!(!is_older("17.7", "17.7"));
        assert!(is_older(
            "8.0.mysql_aurora.3.08.1",
            "8.0.mysql_aurora.3.10.0"
        ));
        assert!(!is_older(
            "8.0.mysql_aurora.3.08.1",
            "5.7.mysql_aurora.2.12.1"
        ));
        assert!(!is_older("16.1", "8.0.mysql_aurora.3.10.0"));
    }

    proptest! {
        #[test]
        fn the_check_and_the_pattern_agree(text in r"[0-9.]{1,6}|8\.0\.mysql_aurora\.[23]\.[0-9.]{0,6}|.{0,6}") {
            let schema = serde_json::json!({"type": "string", "pattern": Version::PATTERN, "maxLength": Version::MAX});
            prop_assert_eq!(jsonschema::is_valid(&schema, &text.clone().into()), text.parse::<Version>().is_ok());
        }
    }
}
