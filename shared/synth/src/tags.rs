//! What ties a stack to its platform: tags, and a lifeline.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway_domain::stack::Scope;
use slipway_domain::{Platform, ServiceName, TeamName};

/// The tags of a stack, which CloudFormation puts on its resources too. Permissions go by
/// them; the service stack's environment is `-`.
pub fn stack_tags(
    service: &ServiceName,
    team: &TeamName,
    scope: &Scope,
    platform: &Platform,
) -> BTreeMap<String, String> {
    [
        ("slipway:platform", platform.name.to_string()),
        ("slipway:service", service.to_string()),
        ("slipway:environment", scope.to_string()),
        ("slipway:team", team.to_string()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// A tag whose value is imported from the platform's stack. CloudFormation refuses to delete
/// a stack whose exports are imported, and so the platform cannot go while a service lives
/// on it. One resource of each stack bears it; a tag of it changes without interruption.
pub(crate) fn lifeline(platform: &Platform) -> Value {
    json!([{
        "Key": "slipway:lifeline",
        "Value": {"Fn::ImportValue": format!("{}-name", platform.name)},
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_stack_carry_the_same_four_tags() {
        let platform = Platform::sample();
        let (service, team) = ("orders".parse().unwrap(), "shop".parse().unwrap());
        for scope in ["-", "prod"] {
            let tags = stack_tags(&service, &team, &scope.parse().unwrap(), &platform);
            let tags: Vec<_> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(
                tags,
                [
                    ("slipway:environment", scope),
                    ("slipway:platform", "devops2-g4"),
                    ("slipway:service", "orders"),
                    ("slipway:team", "shop"),
                ]
            );
        }
    }
}
