//! The registry's table as it lies in DynamoDB, read past the control plane.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::aws::Aws;

/// Every item of the table by `PK` and `SK`, in DynamoDB's own notation.
pub type Items = BTreeMap<(String, String), Value>;

/// Reads the whole table.
///
/// # Errors
/// DynamoDB does not answer.
pub fn scan(aws: &Aws, table: &str) -> Result<Items> {
    let mut items = Items::new();
    let mut start = Value::Null;
    loop {
        let mut ask = json!({"TableName": table, "ConsistentRead": true});
        if !start.is_null() {
            ask["ExclusiveStartKey"] = start;
        }
        let answer = aws.json("dynamodb", "DynamoDB_20120810.Scan", &ask)?;
        for item in answer["Items"].as_array().into_iter().flatten() {
            let key = |name: &str| {
                let text = item[name]["S"].as_str();
                text.map(str::to_owned).context("an item without a key")
            };
            items.insert((key("PK")?, key("SK")?), item.clone());
        }
        start = answer["LastEvaluatedKey"].clone();
        if start.is_null() {
            return Ok(items);
        }
    }
}

/// The items that do not expire: what the platform remembers for good.
pub fn lasting(items: Items) -> Items {
    items
        .into_iter()
        .filter(|(_, item)| item.get("expires_at").is_none())
        .collect()
}

/// Who holds which path: `path` to `service/environment`.
pub fn paths(items: &Items) -> BTreeMap<String, String> {
    items
        .iter()
        .filter_map(|((pk, _), item)| {
            let path = pk.strip_prefix("CLAIM#path#")?;
            let part = |name: &str| item[name]["S"].as_str().unwrap_or("?");
            Some((
                path.to_owned(),
                format!("{}/{}", part("service"), part("env")),
            ))
        })
        .collect()
}

/// The stacks that hold a slot for an operation.
pub fn slots(items: &Items) -> Vec<String> {
    items
        .iter()
        .filter(|((pk, _), _)| pk.starts_with("CLAIM#operations#"))
        .filter_map(|(_, item)| item["holders"]["SS"].as_array())
        .flatten()
        .filter_map(|holder| holder.as_str().map(str::to_owned))
        .collect()
}
