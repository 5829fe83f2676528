//! From the SDK's errors to the ports'.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::error::{PortError, PortErrorKind};

/// Codes that mean "again later", beside every answer of 500 and above. The SDK has repeated
/// such calls already; what comes through is for a later look.
const TRANSIENT: [&str; 12] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "ProvisionedThroughputExceededException",
    "TooManyRequestsException",
    "ConcurrentUpdateException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "TransactionCanceledException",
    "ServiceUnavailable",
    "OperationInProgressException",
];

/// The port's error for a failed call.
pub(crate) fn port_error<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let (kind, message) = match &error {
        SdkError::ServiceError(service) => {
            let transient = service.raw().status().as_u16() >= 500
                || error.code().is_some_and(|code| TRANSIENT.contains(&code));
            let kind = if transient {
                PortErrorKind::Transient
            } else {
                PortErrorKind::Refused
            };
            let code = error.code().unwrap_or("unknown error");
            (
                kind,
                format!("{code}: {}", error.message().unwrap_or("no message")),
            )
        }
        SdkError::ConstructionFailure(_) => (
            PortErrorKind::Refused,
            "the request could not be made".to_owned(),
        ),
        _ => (PortErrorKind::Transient, "AWS did not answer".to_owned()),
    };
    PortError {
        operation,
        message,
        kind,
        source: Some(Box::new(error)),
    }
}

/// The port's error without anything that may hold a value: AWS's code alone and no source. The
/// refusal of a right says which one, of whom, and nothing else.
pub(crate) fn bare<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let code = error.code().map(str::to_owned);
    let full = port_error(operation, error);
    let message = match code {
        Some(code) if code != "AccessDeniedException" => code,
        _ => full.message,
    };
    PortError {
        operation,
        message,
        kind: full.kind,
        source: None,
    }
}

/// The port's error for an answer that makes no sense.
pub(crate) fn unreadable(operation: &'static str, message: impl Into<String>) -> PortError {
    PortError {
        operation,
        message: message.into(),
        kind: PortErrorKind::Refused,
        source: None,
    }
}
