//! The client against a server that answers as told: signatures, retries, problems, tags.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod mock;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mock::{Mock, Reply};
use serde_json::{Value, json};
use slipway_cli::client::{Client, ClientError, Credentials};
use slipway_cli::clock::Clock;
use slipway_domain::ServiceName;

/// A clock that stands at 2026-01-02T03:04:05Z and notes each pause.
#[derive(Debug, Default)]
struct Standing(Mutex<Vec<Duration>>);

impl Clock for Standing {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_767_323_045)
    }

    fn pause(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}

fn credentials() -> Credentials {
    Credentials::new(
        "AKIDEXAMPLE",
        "secret",
        Some("session".to_owned()),
        None,
        "test",
    )
}

fn client(mock: &Mock) -> (Client, Arc<Standing>) {
    let clock = Arc::new(Standing::default());
    (
        Client::new(&mock.url, "eu-central-1", credentials()).with_clock(clock.clone()),
        clock,
    )
}

fn orders() -> ServiceName {
    "orders".parse().unwrap()
}

fn service() -> Value {
    json!({
        "name": "orders", "team": "default", "generation": 3, "uid": "01JZZZZZZZZZZZZZZZZZZZZZZZ",
        "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z", "updated_by": "me",
        "deleting": false, "manifest": {"service": "orders"},
        "service_stack": {"phase": "ready", "message": "", "conditions": [], "observed_generation": 3, "since": "2026-01-02T03:04:05Z"},
        "environments": {},
    })
}

fn busy() -> Reply {
    Reply::problem(
        503,
        &json!({"title": "Busy", "status": 503, "detail": "Come back."}),
    )
}

#[test]
fn a_call_is_signed_with_every_header_it_sends() {
    let mock = Mock::replies(vec![Reply::json(201, &service()).with("etag", "\"3-x\"")]);
    let tagged = client(&mock)
        .0
        .register(&json!({"service": "orders"}), "key-1")
        .unwrap();
    assert_eq!(tagged.etag, "\"3-x\"");
    assert_eq!(tagged.value.generation, 3);
    let asked = mock.asked().remove(0);
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("POST", "/platform/v1/services")
    );
    assert_eq!(asked.body, r#"{"service":"orders"}"#);
    assert_eq!(asked.headers["idempotency-key"], "key-1");
    assert_eq!(asked.headers["x-amz-date"], "20260102T030405Z");
    assert_eq!(asked.headers["x-amz-security-token"], "session");
    let authorization = &asked.headers["authorization"];
    assert!(
        authorization.starts_with(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-central-1/execute-api/aws4_request, \
             SignedHeaders=content-type;host;idempotency-key;x-amz-date;x-amz-security-token, Signature="
        ),
        "{authorization}"
    );
}

/// The signature is botocore's for the same call at the same time.
#[test]
fn the_signature_is_the_one_that_another_implementation_makes() {
    let mock = Mock::replies(vec![Reply::json(200, &json!({"items": []}))]);
    let client = client(&mock)
        .0
        .with_host("a1b2.execute-api.eu-central-1.amazonaws.com")
        .unwrap();
    client
        .services(Some(&"a-b".parse().unwrap()), Some("x/y+z="), None)
        .unwrap();
    assert_eq!(
        mock.asked()[0].headers["authorization"],
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-central-1/execute-api/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-security-token, \
         Signature=1101a069cd0d304ce9a164eab98532979464ed06f83349135949ce1f3c6fc320"
    );
}

#[test]
fn health_needs_no_credentials() {
    let mock = Mock::replies(vec![Reply::json(200, &json!({"status": "ok"}))]);
    let client = Client::with_provider(&mock.url, "us-east-1", || {
        Err(ClientError::Credentials("none".to_owned()))
    });
    assert_eq!(client.health().unwrap()["status"], "ok");
    assert!(!mock.asked()[0].headers.contains_key("authorization"));
    assert!(matches!(client.openapi(), Err(ClientError::Credentials(_))));
}

#[test]
fn a_local_cloud_is_found_by_its_host_header() {
    let mock = Mock::replies(vec![Reply::json(200, &json!({"items": []}))]);
    let client = client(&mock)
        .0
        .with_host("a1b2.execute-api.localhost:4566")
        .unwrap();
    client.all_services(None).unwrap();
    let asked = mock.asked().remove(0);
    assert_eq!(asked.headers["host"], "a1b2.execute-api.localhost:4566");
    assert!(asked.headers["authorization"].contains("SignedHeaders=host;"));
}

#[test]
fn a_reading_is_sent_again_until_it_is_answered() {
    let tagged = Reply::json(200, &service()).with("etag", "\"3-x\"");
    let mock = Mock::replies(vec![
        busy(),
        Reply::HangUp,
        busy().with("retry-after", "7"),
        tagged,
    ]);
    let (client, clock) = client(&mock);
    assert_eq!(client.service(&orders()).unwrap().value.generation, 3);
    assert_eq!(mock.asked().len(), 4);
    let pauses = clock.0.lock().unwrap();
    assert_eq!((pauses.len(), pauses[2]), (3, Duration::from_secs(7)));
}

#[test]
fn a_change_under_a_key_is_sent_again_and_others_are_not() {
    let mock = Mock::replies(vec![Reply::HangUp]);
    let (client, _) = client(&mock);
    let register = client
        .register(&json!({"service": "orders"}), "key-1")
        .unwrap_err();
    assert!(
        matches!(register, ClientError::Unreachable { .. }),
        "{register}"
    );
    let keys: Vec<_> = mock
        .asked()
        .iter()
        .map(|asked| asked.headers["idempotency-key"].clone())
        .collect();
    assert_eq!(keys, ["key-1"; 5]);
    client.delete(&orders(), "*").unwrap_err();
    client
        .put(&orders(), &json!({}), Some("\"3-x\""))
        .unwrap_err();
    assert_eq!(mock.asked().len(), 7);
}

#[test]
fn a_refusal_tells_what_stands_where() {
    let mock = Mock::replies(vec![Reply::problem(
        422,
        &json!({
            "type": "/problems/invalid", "title": "The manifest breaks a rule", "status": 422, "detail": "/port: must be ...",
            "errors": [{"pointer": "/port", "detail": "must be a whole number from 1 to 65535, but is 0"}],
        }),
    )]);
    let error = client(&mock)
        .0
        .plan(&json!({"service": "orders", "port": 0}))
        .unwrap_err();
    assert_eq!(error.status(), Some(422));
    assert_eq!(error.refusal().unwrap().errors[0].pointer, "/port");
    assert_eq!(
        error.to_string(),
        "The manifest breaks a rule\n  /port: must be a whole number from 1 to 65535, but is 0"
    );
}

#[test]
fn a_missing_service_is_none_and_a_missing_api_is_an_error() {
    let none =
        json!({"title": "Not found", "status": 404, "detail": "there is no service `orders`"});
    let mock = Mock::replies(vec![
        Reply::problem(404, &none),
        Reply::json(404, &json!({"message": "Not Found"})),
    ]);
    let (client, _) = client(&mock);
    assert_eq!(client.find_service(&orders()).unwrap(), None);
    let error = client.find_service(&orders()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no Slipway API at this address: Not Found"
    );
}

#[test]
fn the_gateways_own_refusal_is_understood() {
    let mock = Mock::replies(vec![Reply::json(403, &json!({"message": "Forbidden"}))]);
    let error = client(&mock).0.all_services(None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the platform does not accept these credentials: Forbidden (status 403)"
    );
}

#[test]
fn a_listing_is_read_to_its_last_page() {
    let summary = |name: &str| json!({"name": name, "team": "a-b", "generation": 1, "deleting": false, "environments": {}});
    let mock = Mock::replies(vec![
        Reply::json(200, &json!({"items": [summary("a")], "next": "x/y+z="})),
        Reply::json(200, &json!({"items": [summary("b")]})),
    ]);
    let found = client(&mock)
        .0
        .all_services(Some(&"a-b".parse().unwrap()))
        .unwrap();
    assert_eq!(found.len(), 2);
    let paths: Vec<_> = mock.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(
        paths,
        [
            "/platform/v1/services?team=a-b&limit=100",
            "/platform/v1/services?team=a-b&cursor=x%2Fy%2Bz%3D&limit=100"
        ]
    );
}

#[test]
fn credentials_are_fetched_once_and_again_before_they_expire() {
    let mock = Mock::replies(vec![Reply::json(200, &json!({"items": []}))]);
    let fetched = Arc::new(Mutex::new(0));
    let count = Arc::clone(&fetched);
    let client = Client::with_provider(&mock.url, "us-east-1", move || {
        let mut count = count.lock().unwrap();
        *count += 1;
        // The first ones are about to expire; the second ones last.
        let lasts = Duration::from_secs(if *count == 1 { 30 } else { 3600 });
        let expiry = Standing::default().now() + lasts;
        Ok(Credentials::new(
            "AKIDEXAMPLE",
            "secret",
            None,
            Some(expiry),
            "test",
        ))
    })
    .with_clock(Arc::new(Standing::default()));
    for _ in 0..3 {
        client.services(None, None, None).unwrap();
    }
    assert_eq!(*fetched.lock().unwrap(), 2);
}
