//! What a request to AWS says about itself: who calls, which service, which operation.
//!
//! Knows the query, JSON and REST protocols as far as the companion needs them, and how each
//! words an error. Pure: nothing here sends anything.

use axum::body::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use crate::upstream::Answer;

/// How a service writes its requests and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Query,
    Json,
    Rest,
    S3,
}

/// What a request is for.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) region: String,
    pub(crate) caller: String,
    pub(crate) protocol: Protocol,
    /// The parameters of the query protocol.
    pub(crate) form: Vec<(String, String)>,
}

impl Intent {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.form
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The members of a list of strings, `Name.member.N`.
    pub(crate) fn members(&self, name: &str) -> Vec<&str> {
        let prefix = format!("{name}.member.");
        self.form
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix) && !key[prefix.len()..].contains('.'))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// `Parameters.member.N.ParameterKey` and `.ParameterValue` as pairs.
    pub(crate) fn stack_parameters(&self) -> Vec<(&str, &str)> {
        (1..)
            .map_while(|n| {
                let key = self.parameter(&format!("Parameters.member.{n}.ParameterKey"))?;
                let value = self.parameter(&format!("Parameters.member.{n}.ParameterValue"));
                Some((key, value.unwrap_or_default()))
            })
            .collect()
    }
}

/// Reads a request's intent from its credential scope, target, action or path.
pub(crate) fn read(method: &Method, path: &str, headers: &HeaderMap, body: &Bytes) -> Intent {
    let (region, scope) = credential_scope(headers).unwrap_or_default();
    let caller = caller(headers);
    let form = if is_form(headers) {
        decode_form(body)
    } else {
        Vec::new()
    };
    let target = header(headers, "x-amz-target");
    let action = form
        .iter()
        .find(|(key, _)| key == "Action")
        .map(|(_, value)| value.clone());
    let (service, operation, protocol) = match (target, action) {
        (Some(target), _) => {
            let operation = target.rsplit('.').next().unwrap_or(target);
            (scope, operation.to_owned(), Protocol::Json)
        }
        (None, Some(action)) => (scope, action, Protocol::Query),
        (None, None) if scope == "s3" || scope.is_empty() => {
            ("s3".to_owned(), s3_operation(method, path), Protocol::S3)
        }
        (None, None) => {
            let operation = rest_operation(method, path);
            (scope, operation, Protocol::Rest)
        }
    };
    Intent {
        service,
        operation,
        region,
        caller,
        protocol,
        form,
    }
}

/// An error answer as the protocol words it.
pub(crate) fn error(protocol: Protocol, status: u16, code: &str, message: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let sender = if status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    let escaped = escape(message);
    let (content_type, body) = match protocol {
        Protocol::Query => (
            "text/xml",
            format!(
                "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
                 <Error><Type>{sender}</Type><Code>{code}</Code><Message>{escaped}</Message>\
                 </Error><RequestId>00000000-0000-4000-8000-000000000000</RequestId>\
                 </ErrorResponse>"
            ),
        ),
        Protocol::S3 => (
            "application/xml",
            format!("<Error><Code>{code}</Code><Message>{escaped}</Message></Error>"),
        ),
        Protocol::Json | Protocol::Rest => (
            "application/x-amz-json-1.1",
            json!({ "__type": code, "message": message }).to_string(),
        ),
    };
    let mut headers = HeaderMap::new();
    if let (Ok(kind), Ok(code)) = (content_type.parse(), code.parse()) {
        headers.insert("content-type", kind);
        headers.insert("x-amzn-errortype", code);
    }
    Answer {
        status,
        headers,
        body: body.into(),
    }
}

/// The answer of a query call that has nothing to say.
pub(crate) fn empty_result(operation: &str) -> Answer {
    response(operation, "")
}

/// The answer of a query call; `result` is what its result element holds.
pub(crate) fn result(operation: &str, result: &str) -> Answer {
    let element = format!("{operation}Result");
    response(operation, &format!("<{element}>{result}</{element}>"))
}

fn response(operation: &str, result: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static("text/xml"));
    let body = format!(
        "<{operation}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
         {result}<ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId>\
         </ResponseMetadata></{operation}Response>"
    );
    Answer {
        status: StatusCode::OK,
        headers,
        body: body.into(),
    }
}

/// A JSON answer of the JSON and REST protocols.
pub(crate) fn json_answer(body: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(
        "content-type",
        http::HeaderValue::from_static("application/x-amz-json-1.1"),
    );
    Answer {
        status: StatusCode::OK,
        headers,
        body: body.to_string().into(),
    }
}

/// The access key of a signed request.
pub(crate) fn access_key(headers: &HeaderMap) -> Option<&str> {
    header(headers, "authorization")?
        .split_once("Credential=")?
        .1
        .split('/')
        .next()
}

fn credential_scope(headers: &HeaderMap) -> Option<(String, String)> {
    let (_, credential) = header(headers, "authorization")?.split_once("Credential=")?;
    let mut parts = credential.split([',', ' ']).next()?.split('/').skip(2);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

/// `app/NAME` in the user agent, which every function of the platform sets, or its first word.
fn caller(headers: &HeaderMap) -> String {
    let agents = ["user-agent", "x-amz-user-agent"];
    let named = agents
        .iter()
        .filter_map(|name| header(headers, name))
        .find_map(|agent| {
            agent
                .split_whitespace()
                .find_map(|word| word.strip_prefix("app/"))
        });
    let first = || header(headers, "user-agent")?.split_whitespace().next();
    named.or_else(first).unwrap_or("unknown").to_owned()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn is_form(headers: &HeaderMap) -> bool {
    header(headers, "content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

fn s3_operation(method: &Method, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let kind = if path.trim_matches('/').contains('/') {
        "Object"
    } else {
        "Bucket"
    };
    let mut verb = method.as_str().to_lowercase();
    if let Some(first) = verb.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{verb}{kind}")
}

/// The operations that are counted by name; the others go by their method and path.
fn rest_operation(method: &Method, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["v2", "apis", _, "routes"]) => "GetRoutes".to_owned(),
        ("GET", ["v2", "apis", _, "integrations"]) => "GetIntegrations".to_owned(),
        ("GET", ["v2", "vpclinks"]) => "GetVpcLinks".to_owned(),
        ("GET", ["v2", "vpclinks", _]) => "GetVpcLink".to_owned(),
        ("POST", ["2015-03-31", "functions", _, "invocations"]) => "Invoke".to_owned(),
        // The protocol that CloudWatch's clients speak, CBOR over HTTP.
        ("POST", ["service", _, "operation", operation]) => (*operation).to_owned(),
        (method, _) => format!("{method} {path}"),
    }
}

/// Reads `application/x-www-form-urlencoded`.
pub(crate) fn decode_form(body: &[u8]) -> Vec<(String, String)> {
    String::from_utf8_lossy(body)
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// Writes `application/x-www-form-urlencoded`.
pub(crate) fn encode_form(form: &[(String, String)]) -> String {
    let pairs: Vec<String> = form
        .iter()
        .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
        .collect();
    pairs.join("&")
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..])
                if nibble(*high).is_some() && nibble(*low).is_some() =>
            {
                bytes.push(
                    nibble(*high).unwrap_or_default() << 4 | nibble(*low).unwrap_or_default(),
                );
                rest = after;
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn nibble(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
            out
        })
}

/// Text as it stands in an XML element.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(k, v)| (k.parse().expect("name"), v.parse().expect("value")))
            .collect()
    }

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIDTEAM/20260101/eu-west-1/cloudformation/aws4_request, SignedHeaders=host, Signature=0";

    #[test]
    fn a_query_call_is_known_by_its_scope_and_action() {
        let headers = headers(&[
            ("authorization", SIGNED),
            ("content-type", "application/x-www-form-urlencoded"),
            (
                "user-agent",
                "aws-sdk-rust/1.3 os/linux app/slipway-api lang/rust",
            ),
        ]);
        let body = Bytes::from("Action=CreateStack&StackName=a+b%2Fc&Capabilities.member.1=X");
        let intent = read(&Method::POST, "/", &headers, &body);
        assert_eq!(intent.service, "cloudformation");
        assert_eq!(intent.operation, "CreateStack");
        assert_eq!(intent.region, "eu-west-1");
        assert_eq!(intent.caller, "slipway-api");
        assert_eq!(intent.parameter("StackName"), Some("a b/c"));
        assert_eq!(intent.members("Capabilities"), ["X"]);
    }

    #[test]
    fn a_json_call_is_known_by_its_target() {
        let headers = headers(&[
            (
                "authorization",
                &SIGNED.replace("cloudformation", "dynamodb"),
            ),
            ("x-amz-target", "DynamoDB_20120810.GetItem"),
        ]);
        let intent = read(&Method::POST, "/", &headers, &Bytes::new());
        assert_eq!(
            (intent.service.as_str(), intent.operation.as_str()),
            ("dynamodb", "GetItem")
        );
        assert_eq!(intent.protocol, Protocol::Json);
    }

    #[test]
    fn rest_calls_have_names() {
        assert_eq!(
            rest_operation(&Method::GET, "/v2/apis/abc/routes?x=1"),
            "GetRoutes"
        );
        assert_eq!(
            rest_operation(
                &Method::POST,
                "/service/GraniteServiceVersion20100801/operation/GetMetricData"
            ),
            "GetMetricData"
        );
        assert_eq!(s3_operation(&Method::PUT, "/bucket/key"), "PutObject");
        assert_eq!(s3_operation(&Method::HEAD, "/bucket"), "HeadBucket");
    }

    #[test]
    fn forms_survive_the_way_there_and_back() {
        let form = vec![("a b".to_owned(), "ü=&+%\n".to_owned())];
        assert_eq!(decode_form(encode_form(&form).as_bytes()), form);
    }
}
