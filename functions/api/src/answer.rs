//! Answers: documents with their headers, and every error as a problem document.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use slipway_control::databases::view::DatabaseView;
use slipway_control::error::{PortError, ServiceError};
use slipway_control::services::etag;
use slipway_control::view::ServiceView;
use slipway_domain::{Problem, Problems};
use slipway_lambda::problem::{MEDIA_TYPE, ProblemDocument};
use slipway_lambda::telemetry::chain;

/// An answer that is a problem.
#[derive(Debug)]
pub(crate) struct Refusal {
    document: ProblemDocument,
    /// Seconds after which the same request may succeed.
    retry_after: Option<u32>,
}

/// What a handler gives.
pub(crate) type Answer = Result<Response, Refusal>;

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        kind: &str,
        title: &str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            document: ProblemDocument::new(status, kind, title, detail),
            retry_after: None,
        }
    }

    /// The request is not of the form that the OpenAPI document says.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-request",
            "The request cannot be read",
            detail,
        )
    }

    /// The same, of the body at `pointer`; the empty pointer is the whole of it.
    pub(crate) fn malformed_body(pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self::malformed(detail.clone()).at(pointer, detail)
    }

    /// Says where in the body the problem lies.
    pub(crate) fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.document = self
            .document
            .with_errors(vec![Problem::new(pointer, detail)]);
        self
    }

    fn invalid(problems: Problems) -> Self {
        let (status, title) = if problems.schema {
            (StatusCode::BAD_REQUEST, "The manifest is not of its form")
        } else {
            (
                StatusCode::UNPROCESSABLE_ENTITY,
                "The manifest breaks a rule",
            )
        };
        let detail = match problems.problems.as_slice() {
            [only] => format!("{}: {}", only.pointer, only.detail),
            several => format!("{} things are wrong with it; see `errors`", several.len()),
        };
        let document = ProblemDocument::new(status, "invalid-manifest", title, detail);
        Self {
            document: document.with_errors(problems.problems),
            retry_after: None,
        }
    }

    /// A call to AWS failed. The reason is for the operator, and stays in the log.
    fn port(error: &PortError) -> Self {
        tracing::error!(error = chain(error), "a call to AWS failed");
        if error.is_transient() {
            let mut refusal = Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "AWS does not answer",
                "Nothing is lost: send the same request again in a moment, with the same Idempotency-Key.",
            );
            refusal.retry_after = Some(5);
            return refusal;
        }
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something is wrong with the platform",
            "The reason is in the log of the platform's API function.",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.document.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        let detail = error.to_string();
        let conflict = |kind| {
            Self::new(
                StatusCode::CONFLICT,
                kind,
                "It conflicts with what is there",
                &detail,
            )
        };
        match error {
            ServiceError::Invalid(problems) => Self::invalid(problems),
            ServiceError::NoService(_) | ServiceError::NoDatabase(_) | ServiceError::NoPart(_) => {
                Self::new(
                    StatusCode::NOT_FOUND,
                    "not-found",
                    "There is no such thing",
                    detail,
                )
            }
            ServiceError::Exists(_) => conflict("name-taken"),
            ServiceError::Deleting(_) => conflict("being-deleted"),
            ServiceError::Protected(_) | ServiceError::StillProtected { .. } => {
                conflict("protected")
            }
            ServiceError::PathTaken {
                pointer,
                path,
                owner,
            } => conflict("path-taken").at(
                pointer,
                format!("gives the path `{path}`, which belongs to `{owner}`: choose another"),
            ),
            ServiceError::NoRoom {
                pointer,
                detail: problem,
            } => conflict("no-room").at(pointer, problem),
            ServiceError::InUse { pointer, .. } if pointer.is_empty() => {
                conflict("database-in-use")
            }
            ServiceError::InUse { pointer, .. } => conflict("database-in-use").at(pointer, detail),
            ServiceError::Stale { .. } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "stale",
                "The service has changed since",
                detail,
            ),
            ServiceError::NoPrecondition(_) => Self::new(
                StatusCode::PRECONDITION_REQUIRED,
                "no-precondition",
                "If-Match is missing",
                detail,
            ),
            ServiceError::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The Idempotency-Key was used",
                detail,
            ),
            ServiceError::Contended(_) => Self {
                retry_after: Some(1),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "busy",
                    "Others are changing the same service",
                    detail,
                )
            },
            ServiceError::DeploymentOver(_) => conflict("deployment-over"),
            ServiceError::DeploymentOfOurs(_) => conflict("platforms-own"),
            ServiceError::NothingWaits(_) => conflict("nothing-waits"),
            ServiceError::NothingToGoBackTo { .. } => conflict("nothing-to-go-back-to"),
            ServiceError::NothingToScale { .. } => conflict("nothing-to-scale"),
            ServiceError::ScaledByAws { .. } => conflict("scaled-by-aws"),
            ServiceError::NotAJob { .. } => conflict("not-a-job"),
            ServiceError::RunOver(_) => conflict("run-over"),
            ServiceError::NothingToRun { .. } => conflict("nothing-to-run"),
            ServiceError::OutOfBounds {
                pointer,
                detail: problem,
            } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "out-of-bounds",
                "The number may not be",
                detail,
            )
            .at(pointer, problem),
            ServiceError::UpgradeOver => conflict("upgrade-over"),
            ServiceError::UpgradeBusy => Self {
                retry_after: Some(1),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "busy",
                    "The upgrade is being written",
                    detail,
                )
            },
            ServiceError::Port(error) => Self::port(&error),
        }
    }
}

/// A document with a status.
pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Response {
    (status, Json(document)).into_response()
}

/// A service, with its ETag.
pub(crate) fn service(status: StatusCode, view: &ServiceView) -> Response {
    let mut response = json(status, view);
    put(
        &mut response,
        header::ETAG,
        &etag(view.generation, view.uid),
    );
    if status == StatusCode::CREATED {
        put(
            &mut response,
            header::LOCATION,
            &format!("{}/services/{}", crate::BASE, view.name),
        );
    }
    response
}

/// A database, with its `ETag`.
pub(crate) fn database(status: StatusCode, view: &DatabaseView) -> Response {
    let mut response = json(status, view);
    put(
        &mut response,
        header::ETAG,
        &etag(view.generation, view.uid),
    );
    if status == StatusCode::CREATED {
        put(
            &mut response,
            header::LOCATION,
            &format!("{}/databases/{}", crate::BASE, view.name),
        );
    }
    response
}

pub(crate) fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
