//! Standard Webhooks (standardwebhooks.com, version 1): `webhook-signature` has signatures
//! `v1,<base64>` separated by spaces, each the HMAC-SHA256 of `id.timestamp.body`. The key is what
//! follows `whsec_` in base64.
//!
//! Signatures of other versions, such as `v1a`, are passed over: their keys are not shared ones.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use super::{Refused, any};
use crate::request::Request;

/// Seconds by which a request's time may differ from ours, either way: what the standard's own
/// libraries allow.
const TOLERANCE: u64 = 300;
/// The most signatures that are looked at. Senders send one for each of their secrets.
const MOST: usize = 8;

/// Keys come with or without the padding of base64.
const KEYS: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn verify(request: &Request, secrets: &[&str], now: Timestamp) -> Result<(), Refused> {
    let header = |name| request.header(name).ok_or(Refused::Missing);
    let (id, time, signatures) = (
        header("webhook-id")?,
        header("webhook-timestamp")?,
        header("webhook-signature")?,
    );
    // A dot would leave open where the id ends.
    if id.contains('.') {
        return Err(Refused::Malformed);
    }
    let signatures = read(signatures)?;
    let second = seconds(time).ok_or(Refused::Malformed)?;
    if now.as_second().abs_diff(second) > TOLERANCE {
        return Err(Refused::Expired);
    }
    any(secrets, |secret| {
        key(secret).is_some_and(|key| {
            Hmac::<Sha256>::new_from_slice(&key).is_ok_and(|mac| {
                let mac = mac
                    .chain_update(id)
                    .chain_update(".")
                    .chain_update(time)
                    .chain_update(".")
                    .chain_update(&request.body);
                let fits = |signature: &Vec<u8>| mac.clone().verify_slice(signature).is_ok();
                signatures.iter().any(fits)
            })
        })
    })
}

/// The signatures of version 1.
fn read(header: &str) -> Result<Vec<Vec<u8>>, Refused> {
    let signatures: Vec<Vec<u8>> = header
        .split(' ')
        .filter_map(|entry| entry.strip_prefix("v1,"))
        .take(MOST)
        .filter_map(|text| STANDARD.decode(text).ok())
        .collect();
    let none = signatures.is_empty();
    if none {
        Err(Refused::Malformed)
    } else {
        Ok(signatures)
    }
}

/// Seconds since 1970, in digits alone.
fn seconds(text: &str) -> Option<i64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// The key that a secret stands for.
fn key(secret: &str) -> Option<Vec<u8>> {
    let text = secret.strip_prefix("whsec_").unwrap_or(secret);
    KEYS.decode(text).ok().filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_decoded_with_or_without_its_prefix_and_padding() {
        assert_eq!(key("whsec_AAEC"), Some(vec![0, 1, 2]));
        assert_eq!(key("AAECAw=="), Some(vec![0, 1, 2, 3]));
        assert_eq!(key("whsec_AAECAw"), Some(vec![0, 1, 2, 3]));
        for none in ["", "whsec_", "whsec_not base64"] {
            assert_eq!(key(none), None, "{none}");
        }
    }

    #[test]
    fn a_time_is_digits_alone() {
        assert_eq!(seconds("1614265330"), Some(1_614_265_330));
        for none in ["", "+1", "-1", "1.5", " 1", "1,1", "99999999999999999999"] {
            assert_eq!(seconds(none), None, "{none}");
        }
    }
}
