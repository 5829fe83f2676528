//! Who is told of deployments: outgoing webhooks, and which news they get.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;
use crate::text::checked_text;

/// Last labels of names that never are the internet's: RFC 6761, RFC 6762, RFC 8375, and ICANN's
/// reservation of `internal`.
const INSIDE: [&str; 5] = ["localhost", "local", "internal", "home.arpa", "localdomain"];

checked_text! {
    /// Where an outgoing webhook goes: an `https` address of a host with a name. At most 500
    /// characters.
    WebhookUrl, what: "a webhook's address",
    pattern: r"^https://([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(:443)?(/[A-Za-z0-9._~%!&'()*+,;=:@/-]*)?(\?[A-Za-z0-9._~%!&'()*+,;=:@/?-]*)?$",
    max: 500,
    rule: "`https://` with a host's name (no number, no user, no other port than 443), and a path, such as `https://hooks.example.com/slipway`",
    check: |text| {
        let Some(rest) = text.strip_prefix("https://") else {
            return false;
        };
        let (authority, behind) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host = authority.strip_suffix(":443").unwrap_or(authority);
        let is_known = |it: u8| it.is_ascii_alphanumeric() || b"._~%!&'()*+,;=:@/?-".contains(&it);
        is_host(host) && behind.bytes().all(is_known)
    }
}

/// Whether a text is a host's name of two labels or more, the last of which begins with a letter,
/// as no number and no address does.
fn is_host(text: &str) -> bool {
    let labels: Vec<&str> = text.split('.').collect();
    let is_label = |label: &&str| {
        let edge = |it: Option<&u8>| it.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        bytes.len() <= 63
            && edge(bytes.first())
            && edge(bytes.last())
            && bytes
                .iter()
                .all(|it| it.is_ascii_alphanumeric() || *it == b'-')
    };
    let last = labels.last().and_then(|label| label.bytes().next());
    labels.len() > 1
        && labels.iter().all(is_label)
        && last.is_some_and(|it| it.is_ascii_alphabetic())
}

impl WebhookUrl {
    /// The host's name.
    pub fn host(&self) -> &str {
        let rest = self.as_str().trim_start_matches("https://");
        rest.split(['/', '?', ':']).next().unwrap_or_default()
    }

    /// Whether the name says already that the host is none of the internet. Where a name leads
    /// is looked at again whenever something is sent.
    pub fn is_inside(&self) -> bool {
        let host = self.host().to_ascii_lowercase();
        INSIDE.iter().any(|end| {
            host.strip_suffix(end)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

/// What can be told of a deployment.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// It was made, and is under way or waits for its image.
    Started,
    /// The environment runs what it asked for.
    Succeeded,
    /// It did not work.
    Failed,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Started, Self::Succeeded, Self::Failed];

    /// The word in documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// Who is told of deployments, beside those who subscribe to the platform's topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Notify {
    /// Addresses to which each notice is posted, signed by Standard Webhooks.
    #[schemars(length(max = 5))]
    pub webhooks: Vec<OutgoingWebhook>,
}

impl Notify {
    /// Whether nobody is told.
    pub fn is_empty(&self) -> bool {
        self.webhooks.is_empty()
    }
}

/// An address to which notices are posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::closed)]
pub struct OutgoingWebhook {
    /// The address. It is stored and shown with the manifest: a secret in it is none.
    pub url: WebhookUrl,
    /// What it is told.
    #[serde(default = "everything")]
    #[schemars(length(max = 3))]
    pub on: Vec<NoticeKind>,
}

fn everything() -> Vec<NoticeKind> {
    NoticeKind::ALL.to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_has_https_a_named_host_and_no_port_of_its_own() {
        let long = format!("https://{}.example.com/", "a".repeat(64));
        for (text, is_right) in [
            ("https://hooks.example.com", true),
            ("https://hooks.example.com/", true),
            ("https://hooks.example.com:443/a/b?c=d&e=%20", true),
            ("https://hooks.example.com?c=d", true),
            ("https://a-b.xn--bcher-kva.example/x", true),
            ("http://hooks.example.com/", false),
            ("HTTPS://hooks.example.com/", false),
            ("https://hooks.example.com:8443/", false),
            ("https://user@hooks.example.com/", false),
            ("https://user:word@hooks.example.com/", false),
            ("https://hooks.example.com#part", false),
            ("https://hooks.example.com/#part", false),
            ("https://hooks.example.com./", false),
            ("https://hooks..example.com/", false),
            ("https://-a.example.com/", false),
            ("https://localhost/", false),
            ("https://hooks/", false),
            ("https://10.0.0.1/", false),
            ("https://0x7f.1/", false),
            ("https://2130706433/", false),
            ("https://1.2.3.0x4/", false),
            ("https://[::1]/", false),
            ("https://example.com\\@evil.example/", false),
            ("https://example.com/a b", false),
            ("https://example.com/\n", false),
            ("https://ex\u{e4}mple.com/", false),
            ("https:///path", false),
            ("", false),
            (&long, false),
        ] {
            assert_eq!(text.parse::<WebhookUrl>().is_ok(), is_right, "{text:?}");
        }
    }

    #[test]
    fn names_that_are_never_the_internets_are_known() {
        let url = |text: &str| text.parse::<WebhookUrl>().unwrap();
        for inside in [
            "https://a.localhost/",
            "https://a.LocalHost",
            "https://ip-10-0-0-1.ec2.internal/x",
            "https://printer.local?x",
            "https://x.home.arpa:443/",
        ] {
            assert!(url(inside).is_inside(), "{inside}");
        }
        for outside in [
            "https://localhost.example.com/",
            "https://notlocal.example/",
        ] {
            assert!(!url(outside).is_inside(), "{outside}");
        }
        assert_eq!(url("https://a.example.com:443/b?c").host(), "a.example.com");
        assert_eq!(url("https://a.example.com?c").host(), "a.example.com");
    }

    proptest! {
        #[test]
        fn the_check_is_the_pattern(text in "(https://)?[a-z0-9.-]{0,12}(\\.[a-z]{1,3})?(:443|:80)?(/[a-z?&{ ]{0,4})?(\\?[a-z]?)?") {
            let schema = serde_json::json!({"type": "string", "pattern": WebhookUrl::PATTERN, "maxLength": WebhookUrl::MAX});
            let by_pattern = jsonschema::validator_for(&schema).unwrap().is_valid(&text.clone().into());
            prop_assert_eq!(text.parse::<WebhookUrl>().is_ok(), by_pattern, "{}", text);
        }
    }
}
