//! The request as a load balancer hands it to a function, as far as it matters ("Using AWS Lambda
//! with an Application Load Balancer"). The body is not read: nobody answers it here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A request of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The ARN of the target group that led here.
    pub target_group: String,
    /// The path, as it was sent, without what the HTTP API has taken off.
    pub path: String,
    /// The query's keys and values, as they were sent.
    pub query: Vec<(String, String)>,
    /// Whether the caller is a person's browser.
    pub wants_html: bool,
    /// Whether the load balancer hands all values of a header on, and wants them so.
    pub has_many_values: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    request_context: Context,
    #[serde(default)]
    path: String,
    headers: Option<BTreeMap<String, String>>,
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    query_string_parameters: Option<BTreeMap<String, String>>,
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Debug, Deserialize)]
struct Context {
    elb: Elb,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Elb {
    target_group_arn: String,
}

impl Request {
    /// Reads an event; nothing for one that no load balancer sends.
    pub fn read(event: &Value) -> Option<Self> {
        let event = Event::deserialize(event).ok()?;
        let has_many_values = event.multi_value_headers.is_some();
        let mut headers = event.multi_value_headers.unwrap_or_default();
        for (name, value) in event.headers.unwrap_or_default() {
            headers.entry(name).or_insert_with(|| vec![value]);
        }
        let accepts = headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("accept"))
            .flat_map(|(_, values)| values);
        let wants_html = accepts.into_iter().any(|value| value.contains("text/html"));
        let many = event.multi_value_query_string_parameters.into_iter();
        let mut query: Vec<(String, String)> = many
            .flatten()
            .flat_map(|(key, values)| values.into_iter().map(move |it| (key.clone(), it)))
            .collect();
        if query.is_empty() {
            let single = event.query_string_parameters.unwrap_or_default();
            query = single.into_iter().collect();
        }
        Some(Self {
            target_group: event.request_context.elb.target_group_arn,
            path: event.path,
            query,
            wants_html,
            has_many_values,
        })
    }

    /// A reference to the address that was called, whatever was taken off its path: relative to
    /// it (RFC 3986, section 5.2), a query alone keeps the path, and the last segment keeps what
    /// is before it.
    pub fn same_address(&self) -> String {
        let pairs: Vec<String> = self
            .query
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let last = self.path.rsplit('/').next().unwrap_or_default();
        if !pairs.is_empty() || last.is_empty() {
            format!("?{}", pairs.join("&"))
        } else {
            // The dot keeps a colon in the segment from ending a scheme.
            format!("./{last}")
        }
    }
}
