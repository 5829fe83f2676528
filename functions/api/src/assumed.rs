//! What a request has an estimate assume: query parameters, one for each assumption.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde_json::{Map, Value, json};
use slipway_synth::cost::Assumptions;

use crate::answer::Refusal;
use crate::request::{MAX_PAGE, checked};

/// What is to be assumed.
pub(crate) struct Assumed(pub(crate) Assumptions);

/// The same, and which page of a listing.
pub(crate) struct AssumedPage {
    pub(crate) assumed: Assumptions,
    pub(crate) after: Option<String>,
    pub(crate) limit: usize,
}

type Pairs = BTreeMap<String, String>;

impl<S: Send + Sync> FromRequestParts<S> for Assumed {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        read(&pairs(parts, state).await?).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AssumedPage {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let mut pairs = pairs(parts, state).await?;
        let cursor = pairs.remove("cursor");
        let limit = pairs
            .remove("limit")
            .map(|text| text.parse().unwrap_or(MAX_PAGE + 1));
        let (after, limit) = checked(cursor, limit)?;
        let assumed = read(&pairs)?;
        Ok(Self {
            assumed,
            after,
            limit,
        })
    }
}

async fn pairs<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Pairs, Refusal> {
    match Query::<Pairs>::from_request_parts(parts, state).await {
        Ok(Query(pairs)) => Ok(pairs),
        Err(rejection) => Err(Refusal::malformed(rejection.body_text())),
    }
}

fn read(pairs: &Pairs) -> Result<Assumptions, Refusal> {
    let mut document = Map::new();
    for (name, text) in pairs {
        let number: u64 = text.parse().map_err(|_| {
            Refusal::malformed(format!("the parameter {name} must be a whole number"))
        })?;
        document.insert(name.clone(), number.into());
    }
    let assumed: Assumptions = serde_json::from_value(document.into())
        .map_err(|error| Refusal::malformed(format!("of the parameters, {error}")))?;
    match assumed.refused() {
        None => Ok(assumed),
        Some(sentence) => Err(Refusal::malformed(format!("the parameter {sentence}"))),
    }
}

/// The parameters: name, description and schema of each.
pub(crate) fn parameters() -> Vec<(String, String, Value)> {
    let schema = schemars::schema_for!(Assumptions).to_value();
    let properties = schema["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    properties
        .into_iter()
        .map(|(name, node)| {
            let description = node["description"].as_str().unwrap_or_default().to_owned();
            let mut schema = json!({"type": "integer", "minimum": 0, "maximum": node["maximum"]});
            if let Some(default) = node.get("default").filter(|it| !it.is_null()) {
                schema["default"] = default.clone();
            }
            (name, description, schema)
        })
        .collect()
}
