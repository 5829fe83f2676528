//! What would change between two templates, and what stays when a stack goes.

mod pointers;
mod updates;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::updates::Update;
use crate::service;
use crate::template::Template;

/// The most properties that a change names.
const MOST_PROPERTIES: usize = 5;

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is made.
    Add,
    /// It is changed; [`Change::effect`] says how.
    Change,
    /// It is deleted.
    Remove,
    /// It leaves the stack and stays in the account.
    Keep,
}

/// What a change does to a resource, from the least to the most.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is changed as it is, without interruption.
    InPlace,
    /// It is changed as it is, with some interruption.
    Interruption,
    /// A new one takes its place, and the old one is deleted or leaves the stack.
    Replacement,
}

/// A resource that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The resource's name in the template.
    pub logical_id: String,
    /// Its CloudFormation type.
    pub resource_type: String,
    /// What happens to it.
    pub action: Action,
    /// What the change does to it; none where it is not changed, and where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// The properties that differ, or that refer to what is replaced: at most five JSON pointers
    /// into its `Properties`, those that decide the effect first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<String>,
    /// How many properties more differ.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub further: usize,
    /// What the effect means, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A resource that stays when its stack is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    /// Its CloudFormation type.
    pub resource_type: String,
    /// Its name in the account.
    pub name: String,
}

/// What would change from `before`, or from nothing, to `after`: in the order of `after`,
/// then what `before` alone has. The stamp is not counted: it always changes. What refers to
/// a resource that is replaced changes with it.
pub fn diff(before: Option<&Template>, after: &Template) -> Vec<Change> {
    let replaced = before.map_or_else(BTreeSet::new, |before| replaced(before, after));
    let mut changes = Vec::new();
    for (id, resource) in after.resources() {
        match before.and_then(|before| before.resource(id)) {
            None => changes.push(Change::new(id, resource, Action::Add)),
            Some(old) => {
                let found = Found::new(old, resource, &replaced);
                if !found.pointers.is_empty() || !same(old, resource) {
                    changes.push(found.change(id, resource, after));
                }
            }
        }
    }
    for (id, resource) in before.into_iter().flat_map(Template::resources) {
        if after.resource(id).is_none() {
            let action = if is_retained(resource) {
                Action::Keep
            } else {
                Action::Remove
            };
            changes.push(Change::new(id, resource, action));
        }
    }
    changes
}

/// The resources that are replaced: for what differs in them, and for what they refer to.
fn replaced<'a>(before: &Template, after: &'a Template) -> BTreeSet<&'a str> {
    let mut replaced = BTreeSet::new();
    loop {
        let more: Vec<&str> = after
            .resources()
            .filter(|(id, _)| !replaced.contains(id))
            .filter(|(id, resource)| {
                before.resource(id).is_some_and(|old| {
                    Found::new(old, resource, &replaced).effect == Some(Effect::Replacement)
                })
            })
            .map(|(id, _)| id)
            .collect();
        if more.is_empty() {
            return replaced;
        }
        replaced.extend(more);
    }
}

/// What a resource's change comes to.
struct Found {
    update: Option<&'static Update>,
    effect: Option<Effect>,
    /// Every property that differs or refers to what is replaced, what decides the effect first.
    pointers: Vec<String>,
}

impl Found {
    fn new(old: &Value, new: &Value, replaced: &BTreeSet<&str>) -> Self {
        let (before, after) = (&old["Properties"], &new["Properties"]);
        let mut pointers = pointers::differing(before, after);
        pointers.extend(pointers::references(after, replaced));
        let update = updates::of(&type_of(new));
        let effect_of = |pointer: &str| update.map(|update| update.effect(pointer));
        pointers.sort_by_cached_key(|it| (Reverse(effect_of(it)), it.clone()));
        pointers.dedup();
        let effect = if old["Type"] == new["Type"] {
            let worst = pointers.first().and_then(|it| effect_of(it));
            worst.or_else(|| update.map(|_| Effect::InPlace))
        } else {
            Some(Effect::Replacement)
        };
        Self {
            update,
            effect,
            pointers,
        }
    }

    fn change(mut self, id: &str, resource: &Value, after: &Template) -> Change {
        let further = self.pointers.len().saturating_sub(MOST_PROPERTIES);
        self.pointers.truncate(MOST_PROPERTIES);
        Change {
            effect: self.effect,
            note: self.note(resource, after),
            properties: self.pointers,
            further,
            ..Change::new(id, resource, Action::Change)
        }
    }

    fn note(&self, resource: &Value, after: &Template) -> Option<String> {
        let update = self.update?;
        match self.effect? {
            Effect::InPlace => None,
            Effect::Interruption => update.interrupted.clone(),
            Effect::Replacement if resource["Type"] == "AWS::ECS::TaskDefinition" => {
                Some(new_tasks(after))
            }
            Effect::Replacement => {
                let replaced = update.replaced.as_ref()?;
                let data = if !update.holds_data {
                    ""
                } else if resource["UpdateReplacePolicy"] == "Retain" {
                    " The old one leaves the stack and stays in the account, with what it holds."
                } else {
                    " The old one is deleted, with what it holds."
                };
                Some(format!("{replaced}{data}"))
            }
        }
    }
}

/// What a new revision of a task definition means. To CloudFormation it is a replacement, as a
/// revision cannot change; to people it is a deployment.
fn new_tasks(after: &Template) -> String {
    let service = after.resource(service::SERVICE);
    let rollout = service.map(|it| &it["Properties"]["DeploymentConfiguration"]);
    let is_rolling = rollout.is_none_or(|it| it["Strategy"] == "ROLLING");
    let healthy = rollout.and_then(|it| it["MinimumHealthyPercent"].as_u64());
    match healthy {
        Some(percent @ ..100) if is_rolling => format!(
            "New tasks take the place of the old ones; meanwhile, as few as {percent} % of them run."
        ),
        Some(_) | None => {
            "New tasks take the place of the old ones, without interruption.".to_owned()
        }
    }
}

impl Change {
    fn new(logical_id: &str, resource: &Value, action: Action) -> Self {
        Self {
            logical_id: logical_id.to_owned(),
            resource_type: type_of(resource),
            action,
            effect: None,
            properties: Vec::new(),
            further: 0,
            note: None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn same(old: &Value, new: &Value) -> bool {
    let bare = |resource: &Value| {
        let mut resource = resource.clone();
        if let Some(fields) = resource.as_object_mut() {
            fields.remove("Metadata");
        }
        resource
    };
    bare(old) == bare(new)
}

/// What stays when the stack is deleted: the resources with a retaining deletion policy, and the
/// snapshots that are taken of others, which bear their names in their own.
pub fn kept_on_delete(template: &Template) -> Vec<Kept> {
    let snapshots = template
        .resources()
        .filter(|(_, resource)| resource["DeletionPolicy"] == "Snapshot")
        .map(|(id, resource)| Kept {
            resource_type: format!("{}Snapshot", type_of(resource)),
            name: physical_name(resource).unwrap_or(id).to_owned(),
        });
    let retained = template
        .resources()
        .filter(|(_, resource)| is_retained(resource))
        .map(|(id, resource)| Kept {
            resource_type: type_of(resource),
            // What is kept has a fixed name, so that it can be found and imported; a test
            // holds every template to it.
            name: physical_name(resource).unwrap_or(id).to_owned(),
        });
    retained.chain(snapshots).collect()
}

fn is_retained(resource: &Value) -> bool {
    let policy = resource["DeletionPolicy"].as_str();
    matches!(policy, Some("Retain" | "RetainExceptOnCreate"))
}

fn physical_name(resource: &Value) -> Option<&str> {
    let property = match resource["Type"].as_str()? {
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::ECR::Repository" => "RepositoryName",
        "AWS::RDS::DBCluster" => "DBClusterIdentifier",
        _ => return None,
    };
    resource["Properties"][property].as_str()
}

fn type_of(resource: &Value) -> String {
    resource["Type"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use slipway_domain::{Manifest, Platform};

    use super::*;
    use crate::{RunState, environment_stack};

    /// What changes with one property that no manifest changes, though another version of this
    /// crate could.
    fn changes(logical_id: &str, property: &str, value: &str) -> Vec<Change> {
        let platform = Platform::sample();
        let manifest = Manifest::read(&json!({"service": "orders", "image": "nginx"})).unwrap();
        let effective = manifest
            .effective(&platform.environment, &platform.environment)
            .unwrap();
        let before = environment_stack(&effective, &platform, &RunState::default()).unwrap();
        let after = before.clone().rewritten(|mut document| {
            document["Resources"][logical_id]["Properties"][property] = value.into();
            document
        });
        diff(Some(&before), &after)
    }

    fn effects(changes: &[Change]) -> Vec<(&str, Effect)> {
        changes
            .iter()
            .map(|it| (it.logical_id.as_str(), it.effect.unwrap()))
            .collect()
    }

    #[test]
    fn what_hangs_on_a_replaced_resource_is_replaced_or_changed_with_it() {
        let changes = changes("LoadBalancer", "Scheme", "internet-facing");
        assert_eq!(
            effects(&changes),
            [
                ("LoadBalancer", Effect::Replacement),
                ("Listener", Effect::Replacement),
                ("ListenerRule", Effect::Replacement),
                ("Integration", Effect::InPlace),
                ("RootIntegration", Effect::InPlace),
            ]
        );
        let words = changes[0].note.as_deref().unwrap();
        assert!(words.contains("CloudFormation fails here"), "{words}");
        assert_eq!(changes[1].properties, ["/LoadBalancerArn"]);
    }

    #[test]
    fn a_reference_inside_a_joined_name_counts() {
        let changes = changes("Cluster", "ClusterName", "another");
        assert_eq!(
            effects(&changes)[..3],
            [
                ("Cluster", Effect::Replacement),
                ("Service", Effect::Replacement),
                ("ScalableTarget", Effect::Replacement),
            ]
        );
        assert_eq!(changes[2].properties, ["/ResourceId"]);
    }

    #[test]
    fn of_what_holds_data_it_is_said_where_the_data_stays() {
        let changes = changes("LogGroup", "LogGroupName", "another");
        let words = changes[0].note.as_deref().unwrap();
        assert!(words.contains("stays in the account"), "{words}");
    }

    #[test]
    fn another_type_is_another_resource() {
        let old = json!({"Type": "AWS::IAM::Role", "Properties": {"Path": "/"}});
        let new = json!({"Type": "AWS::ECS::Cluster", "Properties": {"Path": "/"}});
        let found = Found::new(&old, &new, &BTreeSet::new());
        assert_eq!(found.effect, Some(Effect::Replacement));
    }
}
