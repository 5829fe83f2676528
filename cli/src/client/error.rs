//! What can go wrong between a client and the API.

use std::fmt;

use serde::{Deserialize, Serialize};
use slipway_domain::Problem;

use super::call::Answer;

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The API refused, and said why.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// No answer came.
    #[error("{url} did not answer: {detail}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What happened.
        detail: String,
        /// Whether the same may succeed a moment later.
        passing: bool,
    },
    /// The answer is none of the API's.
    #[error("the answer (status {status}) {detail}")]
    Unexpected {
        /// The answer's status.
        status: u16,
        /// What is wrong with it, as a sentence without its subject.
        detail: String,
    },
    /// The call could not be made.
    #[error("the call cannot be made: {0}")]
    Request(String),
    /// There is nothing to sign with.
    #[error("{0}")]
    Credentials(String),
}

/// An answer of the API that says no: problem details, as RFC 9457 has them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// What kind of problem it is, a URI.
    pub r#type: String,
    /// The kind in words.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// This problem in words.
    pub detail: String,
    /// What stands where in the document that was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Problem>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With a list of what is wrong, the detail repeats it.
        let repeats = !self.errors.is_empty() && !self.title.is_empty();
        let what = if self.detail.is_empty() || repeats {
            &self.title
        } else {
            &self.detail
        };
        write!(f, "{what}")?;
        if matches!(self.status, 401 | 403) || self.status >= 500 {
            write!(f, " (status {})", self.status)?;
        }
        for problem in &self.errors {
            let pointer = if problem.pointer.is_empty() {
                "/"
            } else {
                &problem.pointer
            };
            write!(f, "\n  {pointer}: {}", problem.detail)?;
        }
        Ok(())
    }
}

/// The gateway in front of the API speaks for itself, too.
#[derive(Deserialize)]
struct Gateway {
    #[serde(alias = "Message")]
    message: String,
}

impl ClientError {
    /// The API's refusal in `answer`.
    pub(super) fn refused(answer: &Answer) -> Self {
        let media_type = answer.header("content-type").unwrap_or_default();
        if media_type.starts_with("application/problem+json")
            && let Ok(mut refusal) = serde_json::from_slice::<Refusal>(&answer.body)
        {
            refusal.status = answer.status;
            return Self::Refused(Box::new(refusal));
        }
        let message = serde_json::from_slice::<Gateway>(&answer.body)
            .map(|it| it.message)
            .unwrap_or_default();
        let detail = match answer.status {
            401 | 403 => format!(
                "the platform does not accept these credentials: {}",
                if message.is_empty() {
                    "Forbidden"
                } else {
                    &message
                }
            ),
            404 => format!(
                "there is no Slipway API at this address: {}",
                if message.is_empty() {
                    "Not Found"
                } else {
                    &message
                }
            ),
            _ if message.is_empty() => {
                return Self::Unexpected {
                    status: answer.status,
                    detail: format!("is not the API's: {}", beginning(&answer.body)),
                };
            }
            _ => format!("the platform answered: {message}"),
        };
        Self::Refused(Box::new(Refusal {
            r#type: "about:blank".to_owned(),
            title: http::StatusCode::from_u16(answer.status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or_default()
                .to_owned(),
            status: answer.status,
            detail,
            errors: Vec::new(),
        }))
    }

    /// The status of the answer, if one came.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            Self::Unexpected { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Request(_) | Self::Credentials(_) => None,
        }
    }

    /// What the API said, if it refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Unexpected { .. }
            | Self::Unreachable { .. }
            | Self::Request(_)
            | Self::Credentials(_) => None,
        }
    }
}

fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(120) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None if line.is_empty() => "an empty body".to_owned(),
        None => line,
    }
}
