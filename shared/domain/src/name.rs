//! Names of platforms, services, environments and teams.
//!
//! Service names hold no double hyphen, so that `{platform}--{service}--{env}` can be read
//! back without doubt, and IAM can name `stack/{platform}--*` without matching another
//! platform.

use crate::text::{checked_text, is_hyphenated};

checked_text! {
    /// The name of a service, such as `orders`: 1 to 40 characters. The limit keeps every
    /// derived name (stack, cluster, repository, log group) under AWS's own.
    ServiceName, what: "a service name",
    pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max: 40,
    rule: "lower-case letters, digits and single hyphens, a letter first, no hyphen last, at most 40 characters, such as `orders` or `web-shop`",
    check: is_hyphenated
}

checked_text! {
    /// The name of a team, such as `payments`: 1 to 40 characters.
    TeamName, what: "a team name",
    pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max: 40,
    rule: "lower-case letters, digits and single hyphens, a letter first, no hyphen last, at most 40 characters, such as `payments`",
    check: is_hyphenated
}

checked_text! {
    /// The name of a platform, such as `devops2-g4`: 1 to 20 characters.
    PlatformName, what: "a platform name",
    pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max: 20,
    rule: "lower-case letters, digits and single hyphens, a letter first, no hyphen last, at most 20 characters, such as `devops2-g4`",
    check: is_hyphenated
}

checked_text! {
    /// The name of an environment, such as `prod`: 1 to 12 characters, no hyphen, so that the
    /// last part of `{platform}-{service}-{env}` is always the environment.
    EnvironmentName, what: "an environment name",
    pattern: "^[a-z][a-z0-9]{0,11}$", max: 12,
    rule: "lower-case letters and digits, a letter first, at most 12 characters, such as `prod` or `staging`",
    check: |text| is_hyphenated(text) && !text.contains('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_service_name_is_words_joined_by_single_hyphens() {
        for good in ["a", "api1", "web-shop", "a-1", &"a".repeat(40)] {
            assert!(good.parse::<ServiceName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-",
            "1a",
            "A",
            "a--b",
            "a-",
            "-a",
            "a_b",
            "é",
            &"a".repeat(41),
            &"a".repeat(300),
        ] {
            assert!(bad.parse::<ServiceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_error_says_what_would_be_right() {
        let error = "Web_Shop".parse::<ServiceName>().unwrap_err().to_string();
        assert!(
            error.starts_with("\"Web_Shop\" is not a service name: lower-case"),
            "{error}"
        );
    }

    #[test]
    fn an_environment_name_has_no_hyphen() {
        assert!("prod".parse::<EnvironmentName>().is_ok());
        assert!("pre-prod".parse::<EnvironmentName>().is_err());
        assert!("abcdefghijklm".parse::<EnvironmentName>().is_err());
    }

    proptest! {
        #[test]
        fn the_check_and_the_pattern_agree(text in "[a-zA-Z0-9-]{0,14}|.{0,6}") {
            for (pattern, max, accepted) in [
                (ServiceName::PATTERN, ServiceName::MAX, text.parse::<ServiceName>().is_ok()),
                (EnvironmentName::PATTERN, EnvironmentName::MAX, text.parse::<EnvironmentName>().is_ok()),
            ] {
                let schema = serde_json::json!({"type": "string", "pattern": pattern, "maxLength": max});
                prop_assert_eq!(jsonschema::is_valid(&schema, &text.clone().into()), accepted);
            }
        }
    }
}
