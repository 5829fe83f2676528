//! References to secrets: where a value lies, never the value.

use crate::text::checked_text;

checked_text! {
    /// A reference to a secret: `ssm:/path/to/parameter`, or `secretsmanager:name`, with
    /// `#key` behind it for one key of a JSON secret. At most 300 characters.
    SecretReference, what: "a secret reference",
    pattern: "^(ssm:(/[A-Za-z0-9_.-]+)+|secretsmanager:/?[A-Za-z0-9_+=.@-]+(/[A-Za-z0-9_+=.@-]+)*(#[A-Za-z0-9_.-]+)?)$",
    max: 300,
    rule: "`ssm:/path/of/the/parameter` or `secretsmanager:/name/of/the/secret`, with `#key` behind it for one key of a JSON secret",
    check: |text| match text.split_once(':') {
        Some(("ssm", name)) => name.starts_with('/') && is_name(&name[1..], b"_.-"),
        Some(("secretsmanager", rest)) => {
            let (name, key) = match rest.split_once('#') {
                Some((name, key)) => (name, Some(key)),
                None => (rest, None),
            };
            is_name(name.strip_prefix('/').unwrap_or(name), b"_+=.@-")
                && key.is_none_or(|key| is_name(key, b"_.-") && !key.contains('/'))
        }
        _ => false,
    }
}

fn is_name(name: &str, punctuation: &[u8]) -> bool {
    name.split('/').all(|segment| {
        !segment.is_empty()
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || punctuation.contains(&b))
    })
}

/// Where a secret lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location<'a> {
    /// A parameter of Systems Manager's Parameter Store, with its leading slash.
    Parameter(&'a str),
    /// A secret of Secrets Manager, and one of its JSON keys.
    Secret(&'a str, Option<&'a str>),
}

impl SecretReference {
    /// Where the secret lies.
    pub fn location(&self) -> Location<'_> {
        match self.as_str().split_once(':') {
            Some(("ssm", name)) => Location::Parameter(name),
            Some((_, rest)) => match rest.split_once('#') {
                Some((name, key)) => Location::Secret(name, Some(key)),
                None => Location::Secret(rest, None),
            },
            None => unreachable!("a secret reference has a colon"),
        }
    }

    /// The secret's name in its store, without a key.
    pub fn name(&self) -> &str {
        let (Location::Parameter(name) | Location::Secret(name, _)) = self.location();
        name
    }

    /// Whether the secret lies under `prefix`, such as `/devops2-g4/orders/`, to the letter:
    /// the permissions boundary, which compares ARNs, knows no other way.
    pub fn is_under(&self, prefix: &str) -> bool {
        self.name().starts_with(prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reference_names_a_store_and_a_place() {
        let parse = |text: &str| text.parse::<SecretReference>();
        assert_eq!(
            parse("ssm:/a/b").unwrap().location(),
            Location::Parameter("/a/b")
        );
        assert_eq!(
            parse("secretsmanager:a/b#c").unwrap().location(),
            Location::Secret("a/b", Some("c"))
        );
        for bad in [
            "",
            "a/b",
            "ssm:a",
            "ssm:/",
            "ssm:/a//b",
            "vault:x",
            "secretsmanager:",
            "secretsmanager:a#",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_prefix_is_compared_whole() {
        let secret: SecretReference = "secretsmanager:/devops2-g4/orders/db".parse().unwrap();
        assert!(secret.is_under("/devops2-g4/orders/"));
        assert!(!secret.is_under("/devops2-g4/order/"));
        assert!(!secret.is_under("devops2-g4/orders/"));
    }

    proptest! {
        #[test]
        fn the_check_and_the_pattern_agree(text in "(ssm|secretsmanager|x):[a-z/#_.:@ -]{0,10}") {
            let schema = serde_json::json!({"type": "string", "pattern": SecretReference::PATTERN, "maxLength": 300});
            prop_assert_eq!(jsonschema::is_valid(&schema, &text.clone().into()), text.parse::<SecretReference>().is_ok(), "{}", text);
        }
    }
}
