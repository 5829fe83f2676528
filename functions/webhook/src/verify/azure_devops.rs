//! Azure DevOps: basic authentication over HTTPS, with the secret as the password and any user
//! name, from learn.microsoft.com/azure/devops/service-hooks/services/webhooks.
//!
//! Nothing is signed; whoever sees one request knows the secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Refused, any, same};
use crate::request::Request;

pub(super) fn verify(request: &Request, secrets: &[&str]) -> Result<(), Refused> {
    let header = request.header("authorization").ok_or(Refused::Missing)?;
    let password = password(header).ok_or(Refused::Malformed)?;
    any(secrets, |secret| same(&password, secret))
}

/// The password of `Basic <base64 of user:password>`; a user name has no colon (RFC 7617).
fn password(header: &str) -> Option<String> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (_, password) = credentials.split_once(':')?;
    (!password.is_empty()).then(|| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_what_follows_the_first_colon() {
        let of = |credentials: &str| password(&format!("Basic {}", STANDARD.encode(credentials)));
        assert_eq!(of("slipway:a:b"), Some("a:b".to_owned()));
        assert_eq!(of(":a"), Some("a".to_owned()));
        assert_eq!(of("slipway:"), None);
        assert_eq!(of("slipway"), None);
        assert_eq!(password("Bearer YTpi"), None);
        assert_eq!(password("Basic YTpi,Basic YTpi"), None);
        assert_eq!(password("basic YTpi"), Some("b".to_owned()));
    }
}
