//! What a service that uses databases has of each: the group by which it is let in, and the
//! variables that lead there. All is imported from the database's stack.

use serde_json::{Value, json};
use slipway_domain::StackName;
use slipway_domain::database::{DatabaseReference, Detail};

use super::{Export, stack_of};
use crate::environment_stack::Site;

/// What is imported of a database.
fn import(stack: &StackName, export: Export) -> Value {
    json!({"Fn::ImportValue": export.name(stack)})
}

fn stack(site: &Site<'_>, database: &DatabaseReference) -> StackName {
    let environment = database.environment(&site.effective.environment);
    stack_of(site.platform, database.database(), environment)
}

/// The stacks of the databases, each once.
fn stacks(site: &Site<'_>) -> Vec<StackName> {
    let databases = site.effective.settings.databases.values();
    let mut stacks: Vec<StackName> = databases.map(|it| stack(site, it)).collect();
    stacks.sort_by_key(ToString::to_string);
    stacks.dedup();
    stacks
}

/// The security groups that clients carry beside their own.
pub(crate) fn groups(site: &Site<'_>) -> impl Iterator<Item = Value> {
    let stacks = stacks(site).into_iter();
    stacks.map(|stack| import(&stack, Export::Clients))
}

/// The variables that hold no secret.
pub(crate) fn variables(site: &Site<'_>) -> Vec<(String, Value)> {
    each(site, |detail| {
        Some(match detail {
            Detail::Host => Export::Host,
            Detail::ReaderHost => Export::ReaderHost,
            Detail::Port => Export::Port,
            Detail::Name => Export::Name,
            // The name of one, which the function reads itself.
            Detail::Secret => Export::Secret,
            Detail::Username | Detail::Password => return None,
        })
    })
    .map(|(name, stack, export)| (name, import(&stack, export)))
    .collect()
}

/// The variables that ECS reads out of the secret, in the form of a container's `Secrets`: the
/// ARN, a key, and the newest version ("Specifying sensitive data using Secrets Manager").
pub(crate) fn secrets(site: &Site<'_>) -> Vec<Value> {
    each(site, |detail| match detail {
        Detail::Username => Some("username"),
        Detail::Password => Some("password"),
        Detail::Host | Detail::ReaderHost | Detail::Port | Detail::Name | Detail::Secret => None,
    })
    .map(|(name, stack, key)| {
        let from = [import(&stack, Export::Secret), format!(":{key}::").into()];
        json!({"Name": name, "ValueFrom": {"Fn::Join": ["", from]}})
    })
    .collect()
}

/// Reading the databases' secrets. They are encrypted with Secrets Manager's own key of the
/// account, which whoever may read them may use.
pub(crate) fn statements(site: &Site<'_>) -> Option<Value> {
    let secrets: Vec<Value> = stacks(site)
        .iter()
        .map(|stack| import(stack, Export::Secret))
        .collect();
    (!secrets.is_empty()).then(|| {
        json!({
            "Sid": "Databases",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": secrets,
        })
    })
}

/// Every variable that `what` knows something of, with its database's stack.
fn each<'a, T: 'a>(
    site: &'a Site<'_>,
    what: impl Fn(Detail) -> Option<T> + 'a,
) -> impl Iterator<Item = (String, StackName, T)> + 'a {
    let settings = &site.effective.settings;
    let details = Detail::of(settings.kind);
    settings
        .databases
        .iter()
        .flat_map(move |(prefix, database)| {
            let stack = stack(site, database);
            let found: Vec<_> = details
                .iter()
                .filter_map(|detail| what(*detail).map(|found| (detail.variable(prefix), found)))
                .map(|(name, found)| (name, stack.clone(), found))
                .collect();
            found
        })
}
