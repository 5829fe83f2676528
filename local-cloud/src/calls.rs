//! The log of every call that passes the companion.
//!
//! Tests count with it: how many AWS calls a function makes for one request, and which.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// One call to AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// When it arrived.
    pub at: Timestamp,
    /// `app/NAME` of the caller's user agent (`slipway-api`), or the agent's first word.
    pub caller: String,
    /// The service by its signing name: `cloudformation`, `dynamodb`, `apigateway`, …
    pub service: String,
    /// The operation: `CreateStack`, `GetItem`, `GetRoutes`, …; for a REST call that has no
    /// name here, its method and path.
    pub operation: String,
    /// The region it was signed for.
    pub region: String,
    /// The stack that a CloudFormation call names.
    pub stack: Option<String>,
}

/// Appended to by the companion, read by tests.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    calls: Mutex<Vec<Call>>,
}

impl CallLog {
    pub(crate) fn add(&self, call: Call) {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
    }

    pub(crate) fn all(&self) -> Vec<Call> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
