//! Errors as callers read them: problem details for HTTP APIs (RFC 9457).

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use slipway_domain::Problem;

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemDocument {
    /// What kind of problem it is, for programs: `urn:slipway:problem:` and a word.
    pub r#type: String,
    /// The same in a few words, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This very problem, and what would be right.
    pub detail: String,
    /// Each thing that is wrong with the request's body, with a pointer to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Problem>,
}

impl ProblemDocument {
    /// A problem of the kind `kind`, a word in kebab case.
    pub fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("urn:slipway:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// The same with what is wrong, each with its pointer.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<Problem>) -> Self {
        self.errors = errors;
        self
    }
}
