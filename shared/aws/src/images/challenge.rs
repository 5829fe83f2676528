//! The way to an anonymous token: what a registry's `WWW-Authenticate` asks for.
//!
//! Source: the distribution project's token authentication (`Bearer` with `realm`, `service` and
//! `scope`), which every public registry follows, also for images that need no login.

use serde_json::Value;

/// Where a registry has its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    realm: String,
    service: Option<String>,
    scope: Option<String>,
}

impl Challenge {
    /// Reads the header; nothing when it is no `Bearer` challenge with a realm.
    pub(super) fn read(header: &str) -> Option<Self> {
        let (scheme, mut rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        while let Some((name, after)) = rest.split_once('=') {
            let (value, after) = value(after)?;
            match name.trim().to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
            rest = after.trim_start().trim_start_matches(',');
        }
        Some(Self {
            realm: realm?,
            service,
            scope,
        })
    }

    /// The address of a token that lets pull from `repository`.
    pub(super) fn address(&self, repository: &str) -> String {
        let scope = match &self.scope {
            Some(scope) => scope.clone(),
            None => format!("repository:{repository}:pull"),
        };
        let mut address = self.realm.clone();
        let service = self.service.iter().map(|service| ("service", service));
        for (name, value) in service.chain([("scope", &scope)]) {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str(name);
            address.push('=');
            encode(value, &mut address);
        }
        address
    }
}

/// A value, quoted or not, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return Some((text[..end].trim().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

/// Percent-encodes what RFC 3986 does not call unreserved; colons and slashes, which scopes are
/// full of, may stand in a query.
fn encode(text: &str, to: &mut String) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/".contains(&byte) {
            to.push(char::from(byte));
        } else {
            // Writing to a text never fails.
            let _ = write!(to, "%{byte:02X}");
        }
    }
}

/// The token in the answer; some registries call it `access_token` only.
pub(super) fn token(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let token = answer["token"].as_str().or(answer["access_token"].as_str());
    token.filter(|token| !token.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_becomes_the_address_of_a_token() {
        let header = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#;
        assert_eq!(
            Challenge::read(header).unwrap().address("library/nginx"),
            "https://auth.docker.io/token?service=registry.docker.io&scope=repository:library/nginx:pull"
        );
    }

    #[test]
    fn what_is_missing_is_made_up_and_what_is_special_is_encoded() {
        let header = r#"bearer service="a b, c=\"d\"" , realm=https://r.example/t?x=1, error="x""#;
        assert_eq!(
            Challenge::read(header).unwrap().address("team/app"),
            "https://r.example/t?x=1&service=a%20b%2C%20c%3D%22d%22&scope=repository:team/app:pull"
        );
    }

    #[test]
    fn other_schemes_and_broken_headers_are_no_challenge() {
        for header in [
            "",
            "Basic realm=\"x\"",
            "Bearer",
            "Bearer scope=\"a\"",
            "Bearer realm=\"x",
        ] {
            assert_eq!(Challenge::read(header), None, "{header}");
        }
    }

    #[test]
    fn a_token_has_one_of_two_names() {
        assert_eq!(token(br#"{"token": "a"}"#).as_deref(), Some("a"));
        assert_eq!(token(br#"{"access_token": "b"}"#).as_deref(), Some("b"));
        assert_eq!(token(br#"{"token": ""}"#), None);
        assert_eq!(token(b"<html>"), None);
    }
}
