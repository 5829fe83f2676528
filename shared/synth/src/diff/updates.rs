//! What CloudFormation does to change a property, which is data: `updates.json`, with its
//! sources and their dates.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::Effect;

/// How a resource type takes changes. Properties are JSON pointers into `Properties`. The file
/// also says `documentation`: where AWS describes them.
#[derive(Debug, Deserialize)]
pub(super) struct Update {
    /// The properties that cannot change: the resource is replaced.
    replacement: Vec<String>,
    /// The properties that cannot change in some cases. They count as those that never can.
    #[serde(default)]
    conditional: Vec<String>,
    /// The properties that change with some interruption.
    #[serde(default)]
    interruption: Vec<String>,
    /// What a replacement means to people, in a sentence.
    pub(super) replaced: Option<String>,
    /// What the interruption is, in a sentence.
    pub(super) interrupted: Option<String>,
    /// Whether what is replaced takes data with it, unless the template retains it.
    #[serde(default)]
    pub(super) holds_data: bool,
}

impl Update {
    /// What the change of one property does to the resource.
    pub(super) fn effect(&self, pointer: &str) -> Effect {
        let concerns = |properties: &[String]| properties.iter().any(|it| overlap(it, pointer));
        if concerns(&self.replacement) || concerns(&self.conditional) {
            Effect::Replacement
        } else if concerns(&self.interruption) {
            Effect::Interruption
        } else {
            Effect::InPlace
        }
    }
}

/// Whether one pointer is the other one, or inside it.
fn overlap(one: &str, other: &str) -> bool {
    let (outer, inner) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[derive(Debug, Default, Deserialize)]
struct Updates {
    types: BTreeMap<String, Update>,
}

/// The file is part of the program, and tests hold that it has every type that is rendered.
/// Were one missing nevertheless, a change of it would have no effect that is known.
static UPDATES: LazyLock<Updates> =
    LazyLock::new(|| serde_json::from_str(include_str!("updates.json")).unwrap_or_default());

/// How a resource type takes changes; none for a type that no template of ours has.
pub(super) fn of(resource_type: &str) -> Option<&'static Update> {
    UPDATES.types.get(resource_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_concerns_what_is_inside_it_and_what_it_is_inside_of() {
        assert!(overlap("/Cpu", "/Cpu"));
        assert!(overlap("/Volumes", "/Volumes/0/Name"));
        assert!(overlap("/Encryption/KmsKey", "/Encryption"));
        assert!(overlap("/Cpu", ""));
        assert!(!overlap("/Port", "/Ports"));
        assert!(!overlap("/Cluster", "/ClusterName"));
    }

    #[test]
    fn the_worst_that_a_property_does_is_what_counts() {
        let group = of("AWS::EC2::SecurityGroup").unwrap();
        assert_eq!(group.effect("/VpcId"), Effect::Replacement);
        assert_eq!(
            group.effect("/SecurityGroupEgress/0/FromPort"),
            Effect::Interruption
        );
        assert_eq!(group.effect("/Tags"), Effect::InPlace);
        let service = of("AWS::ECS::Service").unwrap();
        assert_eq!(service.effect("/LaunchType"), Effect::Replacement);
        assert!(of("AWS::S3::Bucket").is_none());
    }

    #[test]
    fn an_interruption_is_said_in_words() {
        for (name, update) in &UPDATES.types {
            let words = update.interrupted.is_some();
            assert_eq!(words, !update.interruption.is_empty(), "{name}");
        }
    }
}
