//! The examples that senders publish themselves.

use jiff::Timestamp;
use slipway_control::ports::Provider;
use slipway_webhook::verify::{Refused, verify};

use crate::{now, with};

/// The secret of GitHub's and Atlassian's examples.
const EVERYBODY: &str = "It's a Secret to Everybody";

#[test]
fn githubs_example_is_verified() {
    let header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let request = with(&[("x-hub-signature-256", header)], b"Hello, World!");
    let verdict = verify(Provider::Github, &request, &[EVERYBODY], now());
    assert_eq!(verdict, Ok(()));
}

#[test]
fn atlassians_example_is_verified() {
    let header = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
    let request = with(&[("x-hub-signature", header)], b"Hello World!");
    let verdict = verify(Provider::Bitbucket, &request, &[EVERYBODY], now());
    assert_eq!(verdict, Ok(()));
}

/// Secret, id, time, body and signature of the examples of Standard Webhooks: of its libraries'
/// tests, and of its specification.
const STANDARD: [(&str, &str, i64, &str, &str); 2] = [
    (
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1_649_367_553,
        r#"{"email":"test@example.com","username":"test_user"}"#,
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
];

#[test]
fn the_examples_of_standard_webhooks_are_verified_for_five_minutes_either_way() {
    for (secret, id, second, body, signature) in STANDARD {
        let time = second.to_string();
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", &*time),
            ("webhook-signature", signature),
        ];
        let request = with(&headers, body.as_bytes());
        let at = |seconds: i64| {
            let now = Timestamp::from_second(second + seconds).unwrap();
            verify(Provider::Standard, &request, &[secret], now)
        };
        assert_eq!((at(0), at(300), at(-300)), (Ok(()), Ok(()), Ok(())));
        let expired = Err(Refused::Expired);
        assert_eq!((at(301), at(-301)), (expired, expired), "{id}");
    }
}

#[test]
fn any_of_several_signatures_will_do_and_those_of_other_versions_are_passed_over() {
    let (secret, id, second, body, signature) = STANDARD[0];
    let other = STANDARD[1].4;
    let time = second.to_string();
    let now = Timestamp::from_second(second).unwrap();
    let of = |signatures: &str| {
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", &*time),
            ("webhook-signature", signatures),
        ];
        let request = with(&headers, body.as_bytes());
        verify(Provider::Standard, &request, &[secret], now)
    };
    assert_eq!(of(&format!("{other} {signature}")), Ok(()));
    assert_eq!(of(&format!("v1a,aGVsbG8= {signature} {other}")), Ok(()));
    assert_eq!(of(other), Err(Refused::Mismatch));
    let newer = signature.replace("v1,", "v1a,");
    assert_eq!(of(&newer), Err(Refused::Malformed));
}
