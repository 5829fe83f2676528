//! The path prefix under which a service is reached.

use crate::name::EnvironmentName;
use crate::text::checked_text;

checked_text! {
    /// A path prefix such as `/orders` or `/api/orders`: segments of unreserved characters
    /// (RFC 3986, 2.3), no trailing slash, at most 100 characters.
    RoutePath, what: "a path",
    pattern: "^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$", max: 100,
    rule: "a path that starts with `/`, of segments of letters, digits and `-._~` that do not start with a dot, no slash last, at most 100 characters, such as `/orders` or `/api/orders`",
    check: |text| {
        text.strip_prefix('/').is_some_and(|rest| {
            rest.split('/').all(|segment| {
                !segment.is_empty()
                    && !segment.starts_with('.')
                    && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
            })
        })
    }
}

/// First segments that belong to the platform itself: its API and its webhooks.
pub const RESERVED: [&str; 2] = ["platform", "webhook"];

impl RoutePath {
    /// The path's segments, without slashes.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.as_str().split('/').skip(1)
    }

    /// Whether the path lies under one of the platform's own ([`RESERVED`]).
    pub fn is_reserved(&self) -> bool {
        self.segments()
            .next()
            .is_some_and(|first| RESERVED.contains(&first))
    }

    /// The same path in another environment: `/{env}{path}`.
    ///
    /// A path and an environment name are of their forms, and so is what they make, but for
    /// its length, which may pass [`Self::MAX`] by 13 characters: the limit is ours, not AWS's.
    #[must_use]
    pub fn within(&self, environment: &EnvironmentName) -> Self {
        Self(format!("/{environment}{self}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_slash_segments() {
        for good in ["/a", "/api/orders", "/v1.2/x_y~z", "/A-b"] {
            assert!(good.parse::<RoutePath>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "a",
            "/a/",
            "//a",
            "/a b",
            "/{proxy+}",
            "/../a",
            "/.",
            "/a%20",
        ] {
            assert!(bad.parse::<RoutePath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_platforms_own_paths_are_reserved_with_all_below_them() {
        for reserved in ["/platform", "/platform/v1", "/webhook/x"] {
            assert!(reserved.parse::<RoutePath>().is_ok_and(|p| p.is_reserved()));
        }
        assert!(
            "/platforms"
                .parse::<RoutePath>()
                .is_ok_and(|p| !p.is_reserved())
        );
    }
}
