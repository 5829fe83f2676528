//! Whatever arrives, nothing panics, and nothing that was changed is verified.

use proptest::prelude::*;
use slipway_control::ports::Provider;
use slipway_domain::triggers::{OnPush, Triggers};
use slipway_webhook::meaning::{Situation, means};
use slipway_webhook::payload::{delivery_of, provider_of, told};
use slipway_webhook::request::Request;
use slipway_webhook::verify::verify;

use crate::{EVENTS, SECRET, event, now, request};

/// The headers that anything is read of.
const HEADERS: [&str; 15] = [
    "x-github-event",
    "x-github-delivery",
    "x-hub-signature-256",
    "x-hub-signature",
    "x-gitlab-event",
    "x-gitlab-token",
    "x-gitlab-event-uuid",
    "idempotency-key",
    "x-event-key",
    "x-request-uuid",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "authorization",
    "content-type",
];

/// Values of headers: of the forms that there are, and any.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "sha256=[0-9a-f]{0,66}",
        "v1,[A-Za-z0-9+/=]{0,50}( v1,[A-Za-z0-9+/=]{0,50}){0,3}",
        "[0-9]{1,25}",
        "Basic [A-Za-z0-9+/=]{0,40}",
        "(push|release|package|repo:push|application/x-www-form-urlencoded)",
    ]
}

/// Bodies: any bytes, any form, any JSON near to what senders send.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "payload=[%+0-9a-zA-Z]{0,60}".prop_map(String::into_bytes),
        (0..EVENTS.len(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
            |(event, at, byte)| {
                let mut body = request(EVENTS[event].0).body;
                let at = at.index(body.len());
                body[at] = byte;
                body
            }
        ),
        (0..EVENTS.len(), leaf()).prop_map(|(event, leaf)| {
            let body = request(EVENTS[event].0).body;
            let document: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            serde_json::to_vec(&with_leaves(document, &leaf)).unwrap()
        }),
    ]
}

fn leaf() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
    ]
}

/// The same with one value wherever a text stands.
fn with_leaves(document: serde_json::Value, leaf: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match document {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, with_leaves(value, leaf)))
            .collect(),
        Value::Array(items) => items
            .into_iter()
            .map(|item| with_leaves(item, leaf))
            .collect(),
        Value::String(_) => leaf.clone(),
        other => other,
    }
}

fn any_request() -> impl Strategy<Value = Request> {
    let headers = proptest::collection::btree_map(
        prop::sample::select(&HEADERS[..]).prop_map(str::to_owned),
        value(),
        0..6,
    );
    let query = proptest::collection::btree_map(
        prop_oneof![Just("token".to_owned()), any::<String>()],
        value(),
        0..2,
    );
    (headers, query, body()).prop_map(|(headers, query, body)| Request {
        target: vec!["orders".to_owned()],
        headers,
        query,
        body,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_that_arrives_makes_the_function_panic_or_believe(request in any_request()) {
        provider_of(&request);
        for provider in Provider::ALL {
            prop_assert!(verify(provider, &request, &[SECRET, "", "plain"], now()).is_err());
            prop_assert!((1..=100).contains(&delivery_of(provider, &request).id.len()));
            let told = told(provider, &request);
            for push in [OnPush::Image, OnPush::Tag, OnPush::Pipeline] {
                for tag in ["{sha}", "{branch}-{short}", "{tag}"] {
                    let branches = vec!["*".to_owned()];
                    let triggers =
                        Triggers { push, branches, tag: tag.to_owned(), ..Triggers::default() };
                    let own = "111122223333.dkr.ecr.us-east-1.amazonaws.com/p-s-prod";
                    means(&told, &Situation { triggers: &triggers, own, image: None });
                }
            }
        }
    }

    #[test]
    fn no_event_makes_the_reading_panic(
        path in any::<String>(),
        body in any::<Option<String>>(),
        encoded: bool,
    ) {
        let event = serde_json::json!({
            "rawPath": path, "body": body, "isBase64Encoded": encoded, "headers": {"A": "b"},
        });
        let _ = Request::read(&event);
    }

    #[test]
    fn a_flipped_bit_of_the_proof_is_refused(
        event in 0..EVENTS.len(),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..7,
    ) {
        let (name, provider) = EVENTS[event];
        let mut request = request(name);
        let headers = [
            "x-hub-signature-256", "webhook-signature", "webhook-id", "webhook-timestamp",
            "x-gitlab-token", "authorization",
        ];
        let mut proofs: Vec<&mut String> = request
            .headers
            .iter_mut()
            .filter(|(name, _)| {
                headers.contains(&name.as_str())
                    || (provider == Provider::Bitbucket && *name == "x-hub-signature")
            })
            .map(|(_, value)| value)
            .chain(request.query.values_mut())
            .collect();
        let which = at.index(proofs.len());
        let mut bytes = proofs[which].clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let text = String::from_utf8(bytes).unwrap();
        // Case makes no difference in the scheme's name, and neither does who the user is.
        let scheme = provider == Provider::AzureDevops && at < "Basic c2xpcHdheTp3".len();
        *proofs[which] = text;
        prop_assert!(scheme || verify(provider, &request, &[SECRET], now()).is_err());
    }

    #[test]
    fn a_flipped_bit_of_a_signed_body_is_refused(
        name in prop::sample::select(vec![
            "github-push", "github-push-form", "github-registry_package", "bitbucket-push",
            "bitbucket-push-base64", "gitlab-push-signed", "standard-image", "standard-code",
        ]),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let mut request = request(name);
        let provider = provider_of(&request).unwrap();
        let at = at.index(request.body.len());
        request.body[at] ^= 1 << bit;
        prop_assert!(verify(provider, &request, &[SECRET], now()).is_err());
    }
}

#[test]
fn every_event_names_its_function() {
    for (name, _) in EVENTS {
        assert!(Request::is_one(&event(name)), "{name}");
    }
}
