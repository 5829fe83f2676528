//! What is refused, whoever seems to have sent it.

use jiff::SignedDuration;
use slipway_control::ports::Provider;
use slipway_webhook::request::Request;
use slipway_webhook::verify::{Refused, verify};

use crate::{EVENTS, SECRET, now, request};

fn verdict(provider: Provider, request: &Request) -> Result<(), Refused> {
    verify(provider, request, &[SECRET], now())
}

/// Where each sender's proof stands.
fn proof(provider: Provider, request: &mut Request) -> &mut String {
    let signed = request.headers.contains_key("webhook-signature");
    match provider {
        Provider::Github => request.headers.get_mut("x-hub-signature-256"),
        Provider::Bitbucket => request.headers.get_mut("x-hub-signature"),
        Provider::Gitlab if !signed => request.headers.get_mut("x-gitlab-token"),
        Provider::Gitlab | Provider::Standard => request.headers.get_mut("webhook-signature"),
        Provider::AzureDevops => request.headers.get_mut("authorization"),
        Provider::DockerHub => request.query.get_mut("token"),
    }
    .unwrap()
}

/// Senders whose proof is over the body.
fn signs(provider: Provider, request: &Request) -> bool {
    match provider {
        Provider::Github | Provider::Bitbucket | Provider::Standard => true,
        Provider::Gitlab => request.headers.contains_key("webhook-signature"),
        Provider::AzureDevops | Provider::DockerHub => false,
    }
}

#[test]
fn what_was_signed_with_the_secret_is_verified() {
    for (name, provider) in EVENTS {
        assert_eq!(verdict(provider, &request(name)), Ok(()), "{name}");
    }
}

#[test]
fn a_secret_that_was_rotated_counts_beside_the_new_one_and_no_longer_than_that() {
    for (name, provider) in EVENTS {
        let request = request(name);
        let with = |secrets: &[&str]| verify(provider, &request, secrets, now());
        assert_eq!(with(&["whsec_bmV3", SECRET]), Ok(()), "{name}");
        assert_eq!(with(&[SECRET, "whsec_bmV3"]), Ok(()), "{name}");
        assert_eq!(with(&["whsec_bmV3"]), Err(Refused::Mismatch), "{name}");
    }
}

#[test]
fn without_a_secret_or_with_an_empty_one_nothing_is_verified() {
    for (name, provider) in EVENTS {
        let request = request(name);
        for secrets in [&[][..], &[""], &["", ""]] {
            let verdict = verify(provider, &request, secrets, now());
            assert_eq!(verdict, Err(Refused::Mismatch), "{name}");
        }
    }
    // Neither does an empty proof fit an empty secret.
    for (name, provider) in EVENTS {
        let mut request = request(name);
        proof(provider, &mut request).clear();
        let verdict = verify(provider, &request, &["", SECRET], now());
        assert_eq!(verdict, Err(Refused::Missing), "{name}");
    }
}

#[test]
fn without_its_proof_a_request_is_refused() {
    for (name, provider) in EVENTS {
        let mut request = request(name);
        proof(provider, &mut request).clear();
        request.headers.retain(|_, value| !value.is_empty());
        request.query.retain(|_, value| !value.is_empty());
        assert_eq!(verdict(provider, &request), Err(Refused::Missing), "{name}");
    }
}

#[test]
fn half_a_proof_is_none() {
    for (name, provider) in EVENTS {
        let whole = proof(provider, &mut request(name)).clone();
        for length in 1..whole.len() {
            let mut request = request(name);
            proof(provider, &mut request).truncate(length);
            assert!(verdict(provider, &request).is_err(), "{name}, {length}");
        }
    }
}

#[test]
fn a_proof_with_more_behind_it_or_before_it_is_none() {
    for (name, provider) in EVENTS {
        for more in ["0", "00", "=", "A", " ", "\u{0}", ","] {
            for before in [true, false] {
                let mut request = request(name);
                let proof = proof(provider, &mut request);
                *proof = if before {
                    format!("{more}{proof}")
                } else {
                    format!("{proof}{more}")
                };
                // Blanks separate the signatures of Standard Webhooks.
                let separates = more == " " && request.headers.contains_key("webhook-signature");
                let verdict = verdict(provider, &request);
                assert_eq!(verdict.is_ok(), separates, "{name}, `{more}`");
            }
        }
    }
}

#[test]
fn a_header_that_was_sent_twice_is_refused() {
    for (name, provider) in EVENTS {
        let mut request = request(name);
        let proof = proof(provider, &mut request);
        // As API Gateway joins them.
        *proof = format!("{proof},{proof}");
        assert!(verdict(provider, &request).is_err(), "{name}");
        for other in ["webhook-id", "webhook-timestamp"] {
            let mut request = crate::request(name);
            if let Some(value) = request.headers.get_mut(other) {
                *value = format!("{value},{value}");
                assert!(verdict(provider, &request).is_err(), "{name}, {other}");
            }
        }
    }
}

#[test]
fn a_signature_in_upper_case_or_of_another_algorithm_is_refused() {
    for (name, provider) in EVENTS {
        if !matches!(provider, Provider::Github | Provider::Bitbucket) {
            continue;
        }
        let whole = proof(provider, &mut request(name)).clone();
        let digits = whole.strip_prefix("sha256=").unwrap();
        for wrong in [
            format!("sha256={}", digits.to_uppercase()),
            whole.to_uppercase(),
            format!("sha1={digits}"),
            format!("sha512={digits}"),
            format!("SHA256={digits}"),
            format!("sha256:{digits}"),
            format!("sha256=0x{digits}"),
            digits.to_owned(),
        ] {
            let mut request = request(name);
            *proof(provider, &mut request) = wrong.clone();
            let verdict = verdict(provider, &request);
            assert_eq!(verdict, Err(Refused::Malformed), "{wrong}");
        }
    }
}

#[test]
fn githubs_old_signature_counts_for_nothing() {
    let mut request = request("github-push");
    request.headers.remove("x-hub-signature-256");
    assert!(request.headers.contains_key("x-hub-signature"));
    assert_eq!(verdict(Provider::Github, &request), Err(Refused::Missing));
}

#[test]
fn a_body_that_was_read_and_written_anew_is_refused() {
    for (name, provider) in EVENTS {
        let mut request = request(name);
        if !signs(provider, &request) || name == "github-push-form" {
            continue;
        }
        let document: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        request.body = serde_json::to_vec_pretty(&document).unwrap();
        let verdict = verdict(provider, &request);
        assert_eq!(verdict, Err(Refused::Mismatch), "{name}");
    }
}

#[test]
fn a_request_of_other_minutes_is_refused_where_its_time_is_signed() {
    for name in ["standard-image", "standard-code", "gitlab-push-signed"] {
        let request = request(name);
        let provider = slipway_webhook::payload::provider_of(&request).unwrap();
        let at = |seconds| {
            let now = now() + SignedDuration::from_secs(seconds);
            verify(provider, &request, &[SECRET], now)
        };
        assert_eq!((at(300), at(-300)), (Ok(()), Ok(())), "{name}");
        let expired = Err(Refused::Expired);
        assert_eq!((at(301), at(-301)), (expired, expired), "{name}");
    }
}

#[test]
fn a_time_or_an_id_that_was_changed_is_refused() {
    for (header, value) in [
        ("webhook-timestamp", "1795255201"),
        ("webhook-timestamp", "+1795255200"),
        ("webhook-timestamp", "01795255200"),
        ("webhook-id", "msg_2mK7Wn4vQh3LwqVbTq0J9xYa"),
        // Where the id ends would be open.
        ("webhook-id", "msg.1795255200"),
    ] {
        let mut request = request("standard-image");
        request.headers.insert(header.to_owned(), value.to_owned());
        assert!(verdict(Provider::Standard, &request).is_err(), "{value}");
    }
}

#[test]
fn a_token_does_not_make_up_for_a_wrong_signature_of_gitlab() {
    let mut request = request("gitlab-push-signed");
    request
        .headers
        .insert("x-gitlab-token".to_owned(), SECRET.to_owned());
    assert_eq!(verdict(Provider::Gitlab, &request), Ok(()));
    request.body.push(b' ');
    let mismatch = Err(Refused::Mismatch);
    assert_eq!(verdict(Provider::Gitlab, &request), mismatch);
    let header = "webhook-signature".to_owned();
    request.headers.insert(header, String::new());
    assert_eq!(verdict(Provider::Gitlab, &request), Err(Refused::Missing));
}
