//! What a caller gets, in the form that a load balancer takes from a function.

use serde_json::{Value, json};

use crate::request::Request;

/// Seconds after which a caller may come again: Fargate takes tens of seconds to start a task.
const RETRY_AFTER: u32 = 15;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status, as a number and in words.
    pub status: (u16, &'static str),
    /// Headers; each has one value.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// The service is being started: come again in a while.
pub fn later(request: &Request, service: &str) -> Answer {
    unavailable(request, service, RETRY_AFTER)
}

/// The service has just started: come again at once.
pub fn soon(request: &Request, service: &str) -> Answer {
    unavailable(request, service, 1)
}

/// The service has just started: the same again, with the same method and body.
pub fn again(request: &Request) -> Answer {
    Answer {
        status: (307, "Temporary Redirect"),
        headers: vec![
            ("location", request.same_address()),
            ("cache-control", "no-store".to_owned()),
        ],
        body: String::new(),
    }
}

/// There is nothing to wake: what the listener says itself of what it does not know.
pub fn not_found() -> Answer {
    Answer {
        status: (404, "Not Found"),
        headers: vec![("content-type", "application/json".to_owned())],
        body: r#"{"message":"Not Found"}"#.to_owned(),
    }
}

fn unavailable(request: &Request, service: &str, seconds: u32) -> Answer {
    let detail = format!("{service} was asleep and is being started; that takes about a minute");
    let (kind, body) = if request.wants_html {
        // The name of a service has letters, digits and hyphens only.
        let page = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta http-equiv=\"refresh\" content=\"{seconds}\"><title>{service} wakes up</title>\
             <p>{detail}. This page asks again by itself.</p></html>"
        );
        ("text/html; charset=utf-8", page)
    } else {
        let problem = json!({
            "type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": detail,
        });
        ("application/problem+json", problem.to_string())
    };
    Answer {
        status: (503, "Service Unavailable"),
        headers: vec![
            ("content-type", kind.to_owned()),
            ("retry-after", seconds.to_string()),
            ("cache-control", "no-store".to_owned()),
        ],
        body,
    }
}

impl Answer {
    /// The answer as the load balancer takes it.
    pub fn to_json(&self, many_values: bool) -> Value {
        let (status, words) = self.status;
        let mut answer = json!({
            "statusCode": status,
            "statusDescription": format!("{status} {words}"),
            "isBase64Encoded": false,
            "body": self.body,
        });
        let key = if many_values {
            "multiValueHeaders"
        } else {
            "headers"
        };
        for (name, value) in &self.headers {
            answer[key][*name] = if many_values {
                json!([value])
            } else {
                json!(value)
            };
        }
        answer
    }
}
