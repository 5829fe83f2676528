//! What senders are answered, in API Gateway's form.
//!
//! Whoever proved nothing learns nothing: one answer stands for a service that is not there, for
//! one without a webhook, and for a signature that does not fit. Whoever did is answered with
//! success also where a push means nothing, and why: senders switch off what answers with errors.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use slipway_control::error::{PortError, ServiceError};
use slipway_lambda::problem::{MEDIA_TYPE, ProblemDocument};
use slipway_lambda::telemetry::chain;

/// An answer in API Gateway's form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer(Value);

impl Answer {
    pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Self {
        Self::of(status, "application/json", document)
    }

    /// The push means nothing: why.
    pub(crate) fn ignored(why: &str) -> Self {
        Self::json(StatusCode::OK, &json!({"ignored": why}))
    }

    /// Nothing was proved.
    pub(crate) fn unauthorized() -> Self {
        Self::problem(&ProblemDocument::new(
            StatusCode::UNAUTHORIZED,
            "not-verified",
            "The request is not verified",
            "There is no such webhook, or its signature, token or password is missing, of another form, too old or wrong.",
        ))
    }

    pub(crate) fn too_large() -> Self {
        Self::problem(&ProblemDocument::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The body is too large",
            format!("A body may have {} KiB.", crate::request::MAX_BODY / 1024),
        ))
    }

    /// A call to AWS failed. The reason is for the operator, and stays in the log.
    pub(crate) fn failed(error: &PortError) -> Self {
        tracing::error!(error = chain(error), "a call to AWS failed");
        if error.is_transient() {
            return Self::again("unavailable", "AWS does not answer");
        }
        Self::problem(&ProblemDocument::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something is wrong with the platform",
            "The reason is in the log of the platform's webhook function.",
        ))
    }

    /// Why a deployment was not begun, for who proved to be the sender.
    pub(crate) fn refused(error: &ServiceError) -> Self {
        match error {
            ServiceError::Port(error) => Self::failed(error),
            ServiceError::Contended(_) => {
                Self::again("busy", "Others are changing the same service")
            }
            ServiceError::NoPart(_) => Self::problem(&ProblemDocument::new(
                StatusCode::NOT_FOUND,
                "not-found",
                "There is no such thing",
                error.to_string(),
            )),
            // It went while it was looked at.
            ServiceError::NoService(_) => Self::unauthorized(),
            other => Self::ignored(&other.to_string()),
        }
    }

    fn again(kind: &str, title: &str) -> Self {
        let detail = "Nothing is lost: send the same delivery again in a moment.";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut answer = Self::problem(&ProblemDocument::new(status, kind, title, detail));
        answer.0["headers"]["retry-after"] = "5".into();
        answer
    }

    fn problem(document: &ProblemDocument) -> Self {
        let status = StatusCode::from_u16(document.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::of(status, MEDIA_TYPE, document)
    }

    fn of(status: StatusCode, media_type: &str, document: &impl Serialize) -> Self {
        let body = serde_json::to_string(document).unwrap_or_default();
        Self(json!({
            "statusCode": status.as_u16(),
            "headers": {"content-type": media_type},
            "body": body,
            "isBase64Encoded": false,
        }))
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}
