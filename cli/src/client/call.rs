//! One call of the API, and its answer, before anything is read into either.

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ClientError;

/// A call of the API. The typed methods of [`super::Client`] make these; a test that sends
/// what no typed method would makes its own.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

impl Call {
    /// A call of `path` below the base URL, such as `/services`. What a segment holds must
    /// be fit for a URL.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: None,
        }
    }

    /// A `GET` of `path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Adds a parameter to the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.path
            .push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(name);
        self.path.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.path.push(char::from(byte));
            } else {
                // Writing to a `String` does not fail.
                let _ = write!(self.path, "%{byte:02X}");
            }
        }
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets a header to a text, which an earlier answer gave or a caller chose.
    pub(super) fn text_header(self, name: &'static str, value: &str) -> Result<Self, ClientError> {
        let value = HeaderValue::from_str(value).map_err(|_| {
            ClientError::Request(format!("{value:?} cannot be the header `{name}`"))
        })?;
        Ok(self.header(HeaderName::from_static(name), value))
    }

    /// Sends a JSON document.
    pub fn json(self, document: &impl Serialize) -> Result<Self, ClientError> {
        let body = serde_json::to_vec(document)
            .map_err(|error| ClientError::Request(error.to_string()))?;
        Ok(self.body("application/json", body))
    }

    /// Sends bytes of some media type.
    #[must_use]
    pub fn body(mut self, media_type: &'static str, body: Vec<u8>) -> Self {
        self.body = Some(body);
        self.header(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static(media_type),
        )
    }

    /// Whether the same call may be sent twice: reading changes nothing, and the API
    /// remembers what it answered under an idempotency key.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method == Method::GET || self.headers.contains_key("idempotency-key")
    }
}

/// What the API answered, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// That it was a success, whatever its body says.
    ///
    /// # Errors
    /// The problem of any other answer.
    pub fn done(&self) -> Result<(), ClientError> {
        if self.is_success() {
            Ok(())
        } else {
            Err(ClientError::refused(self))
        }
    }

    /// The body of a success, read as a `T`.
    ///
    /// # Errors
    /// The problem of any other answer, or that the body is no `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        self.done()?;
        serde_json::from_slice(&self.body).map_err(|error| ClientError::Unexpected {
            status: self.status,
            detail: format!("is not what this version of slipway reads: {error}"),
        })
    }
}
