//! Attributes of items, to and from the domain.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use slipway_control::error::PortError;
use slipway_control::record::StackRecord;
use slipway_domain::Scope;

use super::key::Key;
use crate::error::unreadable;

/// An item of the table.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// A document as JSON text.
pub(super) fn json(value: &impl Serialize) -> AttributeValue {
    AttributeValue::S(serde_json::to_string(value).unwrap_or_default())
}

pub(super) fn seconds(at: Timestamp) -> AttributeValue {
    number(at.as_second())
}

/// The key as an item's attributes.
pub(super) fn keyed((pk, sk): Key) -> Item {
    HashMap::from([("PK".to_owned(), text(pk)), ("SK".to_owned(), text(sk))])
}

pub(super) fn get<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
}

pub(super) fn get_number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)
        .and_then(|value| value.as_n().ok())
        .and_then(|text| text.parse().ok())
}

/// The document of an attribute.
pub(super) fn document<T: DeserializeOwned>(
    operation: &'static str,
    item: &Item,
    name: &str,
) -> Result<T, PortError> {
    let text = get(item, name).ok_or_else(|| damaged(operation, item, &format!("no `{name}`")))?;
    serde_json::from_str(text)
        .map_err(|error| damaged(operation, item, &format!("`{name}`: {error}")))
}

/// An item that is not of its form: a newer version wrote it, or a person did.
pub(super) fn damaged(operation: &'static str, item: &Item, what: &str) -> PortError {
    let key = format!(
        "{}/{}",
        get(item, "PK").unwrap_or("?"),
        get(item, "SK").unwrap_or("?")
    );
    unreadable(
        operation,
        format!("the registry's item {key} cannot be read: {what}"),
    )
}

/// The stack's record of an item, if it is one of this region.
pub(super) fn stack(
    operation: &'static str,
    item: &Item,
    region: &str,
) -> Result<Option<StackRecord>, PortError> {
    let parts = get(item, "SK")
        .and_then(|sk| sk.strip_prefix("STACK#"))
        .and_then(|rest| rest.split_once('#'));
    let Some((scope, of)) = parts else {
        return Ok(None);
    };
    if of != region {
        return Ok(None);
    }
    let scope: Scope = scope
        .parse()
        .map_err(|_| damaged(operation, item, "the scope in its key"))?;
    let deployment = match get(item, "deployment") {
        Some(id) => Some(
            id.parse()
                .map_err(|_| damaged(operation, item, "`deployment`"))?,
        ),
        None => None,
    };
    let paths = match item.get("paths").and_then(|paths| paths.as_ss().ok()) {
        Some(paths) => paths
            .iter()
            .map(|path| path.clone().try_into())
            .collect::<Result<BTreeSet<_>, _>>()
            .map_err(|_| damaged(operation, item, "`paths`"))?,
        None => BTreeSet::new(),
    };
    let places = item.get("places").and_then(|places| places.as_ss().ok());
    let places = places
        .into_iter()
        .flatten()
        .map(|place| place.parse())
        .collect::<Result<BTreeSet<_>, _>>()
        .map_err(|_| damaged(operation, item, "`places`"))?;
    let databases = item.get("databases").and_then(|used| used.as_ss().ok());
    let databases = databases
        .into_iter()
        .flatten()
        .map(|used| used.parse())
        .collect::<Result<BTreeSet<_>, _>>()
        .map_err(|_| damaged(operation, item, "`databases`"))?;
    Ok(Some(StackRecord {
        scope,
        version: get_number(item, "version").unwrap_or(0),
        deployment,
        paths,
        places,
        databases,
        attention: get_number(item, "attention_at")
            .and_then(|seconds| i64::try_from(seconds).ok())
            .and_then(|seconds| Timestamp::from_second(seconds).ok()),
        status: document(operation, item, "status")?,
        progress: document(operation, item, "progress")?,
    }))
}
