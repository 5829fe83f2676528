//! A webhook's request, as API Gateway hands it over (payload format 2.0).
//!
//! Header names arrive in lower case, and what was sent several times under one name arrives
//! joined by commas. The body's bytes are what was signed: they are decoded where API Gateway
//! encoded them, and never read and written anew.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

/// The largest body that is read, in bytes. Bitbucket sends 256 KB at most; the largest push of
/// GitHub, with 2048 commits, stays below.
pub const MAX_BODY: usize = 1024 * 1024;

/// A webhook's request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// What follows `/webhook/` in the path: a service, and perhaps an environment. Nothing is
    /// known of their forms.
    pub target: Vec<String>,
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The query's parameters.
    pub query: BTreeMap<String, String>,
    /// The body as it was sent.
    pub body: Vec<u8>,
}

/// Why an event of API Gateway is no request that could be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not of API Gateway's form.
    #[error("the event is not of the form of an HTTP API")]
    Form,
    /// The body is larger than [`MAX_BODY`].
    #[error("the body is too large")]
    TooLarge,
}

/// What is read of API Gateway's event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    query_string_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

impl Request {
    /// Whether an event is of API Gateway.
    pub fn is_one(event: &Value) -> bool {
        event["requestContext"]["http"].is_object()
    }

    /// Reads an event of API Gateway.
    ///
    /// # Errors
    /// It is not of that form, or its body is too large.
    pub fn read(event: &Value) -> Result<Self, Unreadable> {
        let event = Event::deserialize(event).map_err(|_| Unreadable::Form)?;
        let (_, target) = event
            .raw_path
            .split_once("/webhook/")
            .ok_or(Unreadable::Form)?;
        let body = event.body.unwrap_or_default();
        let body = if event.is_base64_encoded {
            // Its length is known before it is decoded: four characters are three bytes.
            if body.len() > MAX_BODY.div_ceil(3) * 4 {
                return Err(Unreadable::TooLarge);
            }
            STANDARD.decode(body).map_err(|_| Unreadable::Form)?
        } else {
            body.into_bytes()
        };
        if body.len() > MAX_BODY {
            return Err(Unreadable::TooLarge);
        }
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        Ok(Self {
            target: target.split('/').map(str::to_owned).collect(),
            headers: event.headers.into_iter().map(lower).collect(),
            query: event.query_string_parameters.unwrap_or_default(),
            body,
        })
    }

    /// A header that was sent and is not empty; its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(body: &str, encoded: bool) -> Value {
        json!({
            "version": "2.0",
            "rawPath": "/webhook/orders/prod",
            "headers": {"x-github-event": "push", "x-empty": ""},
            "queryStringParameters": {"token": "t"},
            "requestContext": {"http": {"method": "POST"}},
            "body": body,
            "isBase64Encoded": encoded,
        })
    }

    #[test]
    fn a_request_has_its_target_headers_query_and_body() {
        let request = Request::read(&event("{ \"a\":1 }", false)).unwrap();
        assert_eq!(request.target, ["orders", "prod"]);
        assert_eq!(request.header("x-github-event"), Some("push"));
        assert_eq!(request.header("x-empty"), None);
        assert_eq!(request.query["token"], "t");
        assert_eq!(request.body, b"{ \"a\":1 }");
    }

    #[test]
    fn a_body_in_base64_is_decoded_to_the_bytes_that_were_sent() {
        let request = Request::read(&event("AP8A", true)).unwrap();
        assert_eq!(request.body, [0, 255, 0]);
        assert_eq!(
            Request::read(&event("not base64!", true)),
            Err(Unreadable::Form)
        );
    }

    #[test]
    fn a_body_may_have_a_mebibyte_and_no_byte_more_however_it_comes() {
        let fits = vec![b'x'; MAX_BODY];
        let plain = String::from_utf8(fits.clone()).unwrap();
        assert!(Request::read(&event(&plain, false)).is_ok());
        assert!(Request::read(&event(&STANDARD.encode(&fits), true)).is_ok());
        let more = vec![b'x'; MAX_BODY + 1];
        let plain = String::from_utf8(more.clone()).unwrap();
        let too_large = Err(Unreadable::TooLarge);
        assert_eq!(Request::read(&event(&plain, false)), too_large);
        assert_eq!(
            Request::read(&event(&STANDARD.encode(&more), true)),
            too_large
        );
    }

    #[test]
    fn an_event_without_a_body_or_a_query_is_a_request_and_one_of_another_path_is_none() {
        let bare = json!({"rawPath": "/webhook/orders", "queryStringParameters": null});
        assert!(Request::read(&bare).unwrap().body.is_empty());
        for other in [
            json!({"rawPath": "/platform/v1/health"}),
            json!({}),
            json!(1),
        ] {
            assert_eq!(Request::read(&other), Err(Unreadable::Form));
        }
    }
}
