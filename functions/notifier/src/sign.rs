//! Signatures by Standard Webhooks (its specification, "Verifying webhook authenticity"): HMAC
//! with SHA-256 over the notice's id, the time of the attempt and the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

/// What a key begins with.
const PREFIX: &str = "whsec_";

/// A key is not of its form. The key itself is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is not `whsec_` with base64 behind it")]
pub struct BadKey;

/// The headers of a request with this body at this time. It is signed with each of the keys, as
/// the specification has it for keys that are rotated: who knows one of them can verify it.
///
/// # Errors
/// A key is not of its form.
pub fn headers<'a>(
    keys: impl Iterator<Item = &'a str>,
    id: &str,
    now: Timestamp,
    body: &str,
) -> Result<Vec<(&'static str, String)>, BadKey> {
    let seconds = now.as_second().to_string();
    let signatures: Vec<String> = keys
        .map(|key| signature(key, id, &seconds, body))
        .collect::<Result<_, _>>()?;
    Ok(vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds),
        ("webhook-signature", signatures.join(" ")),
    ])
}

fn signature(key: &str, id: &str, seconds: &str, body: &str) -> Result<String, BadKey> {
    let key = key.strip_prefix(PREFIX).unwrap_or(key);
    let key = STANDARD.decode(key).map_err(|_| BadKey)?;
    if key.is_empty() {
        return Err(BadKey);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| BadKey)?;
    for part in [id, ".", seconds, ".", body] {
        mac.update(part.as_bytes());
    }
    Ok(format!(
        "v1,{}",
        STANDARD.encode(mac.finalize().into_bytes())
    ))
}

#[cfg(test)]
mod tests {
    use slipway_control::ports::NotifySecret;
    use ulid::Ulid;

    use super::*;

    #[test]
    fn signatures_are_those_of_the_published_libraries() {
        // Both are test vectors of the reference libraries.
        for (key, id, seconds, body, expected) in [
            (
                "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "1614265330",
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                "1649367553",
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
        ] {
            assert_eq!(signature(key, id, seconds, body).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_new_key_can_be_signed_with() {
        let key = NotifySecret::new(Ulid(1), &[7; 32]).secret;
        assert!(key.starts_with("whsec_") && key.len() == 6 + 44);
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let headers = headers([&*key].into_iter(), "a-failed", now, "{}").unwrap();
        assert_eq!(headers[0], ("webhook-id", "a-failed".to_owned()));
        assert_eq!(headers[1], ("webhook-timestamp", "1795000000".to_owned()));
        assert!(headers[2].1.starts_with("v1,"));
    }

    #[test]
    fn a_former_key_signs_beside_the_new_one() {
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let [one, two] = [7, 8].map(|byte| NotifySecret::new(Ulid(1), &[byte; 32]).secret);
        let of = |keys: &[&str]| {
            headers(keys.iter().copied(), "a", now, "{}").unwrap()[2]
                .1
                .clone()
        };
        assert_eq!(
            of(&[&two, &one]),
            format!("{} {}", of(&[&two]), of(&[&one]))
        );
    }

    #[test]
    fn a_key_that_is_none_signs_nothing() {
        for key in ["", "whsec_", "whsec_***", "no base64"] {
            assert_eq!(signature(key, "a", "1", "{}"), Err(BadKey), "{key}");
        }
    }
}
