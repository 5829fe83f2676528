//! `sha256=` and the HMAC-SHA256 of the body in lower-case hexadecimal digits: what GitHub and
//! Bitbucket send.
//!
//! Both write lower case. What is written otherwise comes from somebody else, and a header that
//! was sent twice arrives with a comma in it: neither is of the form.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Refused, any};

/// Bytes of a SHA-256.
const LENGTH: usize = 32;

pub(super) fn verify(header: Option<&str>, body: &[u8], secrets: &[&str]) -> Result<(), Refused> {
    let header = header.ok_or(Refused::Missing)?;
    let digits = header.strip_prefix("sha256=").ok_or(Refused::Malformed)?;
    let signature = decode(digits).ok_or(Refused::Malformed)?;
    any(secrets, |secret| {
        // A key of HMAC has any length.
        Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .is_ok_and(|mac| mac.chain_update(body).verify_slice(&signature).is_ok())
    })
}

/// The bytes of 64 hexadecimal digits in lower case.
fn decode(digits: &str) -> Option<[u8; LENGTH]> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != LENGTH || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (value(*high)? << 4) | value(*low)?;
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_in_lower_case_and_in_their_number_only() {
        assert_eq!(decode(&"0f".repeat(32)), Some([15; 32]));
        for wrong in [
            "",
            "0f",
            &"0F".repeat(32),
            &"0g".repeat(32),
            &"0f".repeat(33),
            &"ä".repeat(32),
        ] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
        assert_eq!(decode(&"0f".repeat(32)[1..]), None);
    }
}
