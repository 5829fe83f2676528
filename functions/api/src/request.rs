//! What a handler takes from a request, each refused as a problem when it is not of its form.

use std::ops::RangeInclusive;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use lambda_http::request::RequestContext;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use slipway_control::services::{Caller, Precondition};
use slipway_domain::whole_numbers;
use slipway_lambda::clock;

use crate::answer::Refusal;

/// The form of an idempotency key.
pub(crate) const KEY_PATTERN: &str = "^[A-Za-z0-9._:-]{1,128}$";
/// The form of `If-Match`: an `ETag` as services have it, or anything that exists.
pub(crate) const ETAG_PATTERN: &str = "^(\\*|\"[0-9]+-[0-9A-HJKMNP-TV-Z]{26}\")$";
/// The form of a page's cursor.
pub(crate) const CURSOR_PATTERN: &str = "^[A-Za-z0-9/:._-]{1,100}$";
/// The entries of a page when the caller does not say.
pub(crate) const PAGE: usize = 50;
/// The most entries of a page.
pub(crate) const MAX_PAGE: usize = 100;

/// Who calls: an identity that the authorizer found. Nothing in the request itself counts.
pub(crate) struct Identity(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for Identity {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let actor = actor(parts).ok_or_else(|| {
            Refusal::new(
                StatusCode::UNAUTHORIZED,
                "no-identity",
                "The request is not signed",
                "Sign it with AWS Signature Version 4 for the service `execute-api`; `slipway` and `curl --aws-sigv4` do.",
            )
        })?;
        let key = parts
            .headers
            .get("idempotency-key")
            .map(|value| {
                let valid = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
                value
                    .to_str()
                    .ok()
                    .filter(|key| (1..=128).contains(&key.len()) && key.chars().all(valid))
                    .map(str::to_owned)
                    .ok_or_else(|| {
                        Refusal::malformed(format!(
                            "the header Idempotency-Key must match {KEY_PATTERN}"
                        ))
                    })
            })
            .transpose()?;
        Ok(Self(Caller {
            actor,
            stamp: clock::stamp(),
            key,
        }))
    }
}

/// The caller's ARN: an assumed role's session, a user, or an account's root.
fn actor(parts: &Parts) -> Option<String> {
    match parts.extensions.get::<RequestContext>()? {
        RequestContext::ApiGatewayV2(context) => {
            context.authorizer.as_ref()?.iam.as_ref()?.user_arn.clone()
        }
        _ => None,
    }
}

/// The precondition of a change, from `If-Match`.
pub(crate) fn precondition(headers: &HeaderMap) -> Result<Option<Precondition>, Refusal> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    match value.to_str().map(str::trim) {
        Ok("*") => Ok(Some(Precondition::Exists)),
        Ok(tag) if tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"') => {
            Ok(Some(Precondition::Is(tag.to_owned())))
        }
        _ => Err(Refusal::malformed(
            "the header If-Match must be the ETag of the service as it was read, in quotes, or *",
        )),
    }
}

/// The parts of the path, of their forms.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(Refusal::malformed(format!(
                "the address is not of its form: {}",
                rejection.body_text()
            ))),
        }
    }
}

/// What a service may be in need of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Need {
    /// A person: one of its stacks does not go on without.
    Person,
}

impl Need {
    pub(crate) fn schema() -> Value {
        serde_json::json!({"type": "string", "enum": ["person"]})
    }
}

/// Which page of a listing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// Where the page begins.
    pub(crate) cursor: Option<String>,
    /// How many entries.
    pub(crate) limit: Option<usize>,
    /// Only of this team; services alone have it.
    pub(crate) team: Option<slipway_domain::TeamName>,
    /// Only what needs this; services alone have it.
    pub(crate) needs: Option<Need>,
}

/// A checked page.
pub(crate) struct Paging {
    pub(crate) after: Option<String>,
    pub(crate) limit: usize,
    pub(crate) team: Option<slipway_domain::TeamName>,
    pub(crate) needs: Option<Need>,
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Query(query) = Query::<PageQuery>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Refusal::malformed(rejection.body_text()))?;
        let (after, limit) = checked(query.cursor, query.limit)?;
        Ok(Self {
            after,
            limit,
            team: query.team,
            needs: query.needs,
        })
    }
}

/// A cursor and a limit, of their forms.
pub(crate) fn checked(
    cursor: Option<String>,
    limit: Option<usize>,
) -> Result<(Option<String>, usize), Refusal> {
    let limit = limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Refusal::malformed(format!(
            "the parameter limit must be a whole number from 1 to {MAX_PAGE}"
        )));
    }
    let valid = |cursor: &str| {
        (1..=100).contains(&cursor.len())
            && cursor
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/:._-".contains(c))
    };
    if cursor.as_deref().is_some_and(|cursor| !valid(cursor)) {
        return Err(Refusal::malformed(
            "the parameter cursor must be `next` of the page before",
        ));
    }
    Ok((cursor, limit))
}

/// The fields of a body that is an object, each read by itself, so that a refusal points at it.
pub(crate) struct Fields(serde_json::Map<String, Value>);

impl Fields {
    /// The fields of a body that has none but these.
    pub(crate) fn read(document: &Value, known: &[&str]) -> Result<Self, Refusal> {
        let Value::Object(fields) = whole_numbers(document) else {
            return Err(Refusal::malformed_body("", "must be an object"));
        };
        match fields.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self(fields)),
            Some(unknown) => {
                // RFC 6901, 3.
                let pointer = format!("/{}", unknown.replace('~', "~0").replace('/', "~1"));
                let known = known.join("`, `");
                let detail = format!("is not a field here; there is `{known}`");
                Err(Refusal::malformed_body(&pointer, detail))
            }
        }
    }

    /// A number that must be there.
    pub(crate) fn number(&self, name: &str, range: RangeInclusive<u32>) -> Result<u32, Refusal> {
        let found = self.0.get(name).and_then(Value::as_u64);
        let found = found.and_then(|it| u32::try_from(it).ok());
        found.filter(|it| range.contains(it)).ok_or_else(|| {
            let (from, to) = (range.start(), range.end());
            let detail = format!("must be a whole number from {from} to {to}");
            Refusal::malformed_body(&format!("/{name}"), detail)
        })
    }

    /// A field that must be there.
    pub(crate) fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, Refusal> {
        let value = self.0.get(name).cloned().unwrap_or_default();
        serde_json::from_value(value)
            .map_err(|error| Refusal::malformed_body(&format!("/{name}"), error.to_string()))
    }

    /// A field that may be left out.
    pub(crate) fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Refusal> {
        self.required(name)
    }

    /// A yes or no that may be left out.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Refusal::malformed_body(
                &format!("/{name}"),
                "must be true or false",
            )),
        }
    }
}

/// A JSON document as body.
pub(crate) struct Document(pub(crate) Value);

impl<S: Send + Sync> FromRequest<S> for Document {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let OptionalDocument(document) = OptionalDocument::from_request(request, state).await?;
        let empty = || Refusal::malformed_body("", "the body is empty; send a JSON document");
        document.map(Self).ok_or_else(empty)
    }
}

/// A JSON document as body, or none.
pub(crate) struct OptionalDocument(pub(crate) Option<Value>);

impl<S: Send + Sync> FromRequest<S> for OptionalDocument {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body =
            Bytes::from_request(request, state)
                .await
                .map_err(|rejection| {
                    match rejection {
                BytesRejection::FailedToBufferBody(_) => Refusal::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "too-large",
                    "The body is too large",
                    format!(
                        "A body may have {} KiB; large values belong into Parameter Store or S3.",
                        crate::MAX_BODY / 1024
                    ),
                )
                .at("", "is too large"),
                _ => Refusal::malformed_body("", "the body could not be read"),
            }
                })?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(None));
        }
        serde_json::from_slice(&body)
            .map(|document| Self(Some(document)))
            .map_err(|error| Refusal::malformed_body("", format!("the body is not JSON: {error}")))
    }
}
