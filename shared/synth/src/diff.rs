//! What would change between two templates, and what stays when a stack goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::template::Template;

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is made.
    Add,
    /// It is changed, or replaced where AWS cannot change it.
    Change,
    /// It is deleted.
    Remove,
    /// It leaves the stack and stays in the account.
    Keep,
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
/// then what `before` alone has. The stamp is not counted: it always changes.
pub fn diff(before: Option<&Template>, after: &Template) -> Vec<Change> {
    let change = |logical_id: &str, resource: &Value, action| Change {
        logical_id: logical_id.to_owned(),
        resource_type: type_of(resource),
        action,
    };
    let mut changes = Vec::new();
    for (id, resource) in after.resources() {
        match before.and_then(|before| before.resource(id)) {
            None => changes.push(change(id, resource, Action::Add)),
            Some(old) if !same(old, resource) => {
                changes.push(change(id, resource, Action::Change));
            }
            Some(_) => {}
        }
    }
    for (id, resource) in before.into_iter().flat_map(Template::resources) {
        if after.resource(id).is_none() {
            let action = if is_retained(resource) {
                Action::Keep
            } else {
                Action::Remove
            };
            changes.push(change(id, resource, action));
        }
    }
    changes
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

/// The resources that stay when the stack is deleted: those with a retaining deletion policy.
pub fn kept_on_delete(template: &Template) -> Vec<Kept> {
    template
        .resources()
        .filter(|(_, resource)| is_retained(resource))
        .map(|(id, resource)| Kept {
            resource_type: type_of(resource),
            // What is kept has a fixed name, so that it can be found and imported; a test
            // holds every template to it.
            name: physical_name(resource).unwrap_or(id).to_owned(),
        })
        .collect()
}

fn is_retained(resource: &Value) -> bool {
    let policy = resource["DeletionPolicy"].as_str();
    matches!(policy, Some("Retain" | "RetainExceptOnCreate"))
}

fn physical_name(resource: &Value) -> Option<&str> {
    let property = match resource["Type"].as_str()? {
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::ECR::Repository" => "RepositoryName",
        _ => return None,
    };
    resource["Properties"][property].as_str()
}

fn type_of(resource: &Value) -> String {
    resource["Type"].as_str().unwrap_or_default().to_owned()
}
