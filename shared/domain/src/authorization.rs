//! Who may call a service through the HTTP API: the manifest's `authorization` and `scopes`.

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::manifest::{Authorization, Settings};
use crate::platform::Platform;
use crate::problem::Broken;

impl Authorization {
    /// The name as manifests have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Iam => "iam",
            Self::Jwt => "jwt",
        }
    }
}

/// Scopes of OAuth: any of the characters that RFC 6749 has for them, in section 3.3. A route takes
/// ten, of 64 characters each (`AuthorizationScopes`, API Gateway version 2 API reference).
pub(crate) fn scopes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 10,
        "uniqueItems": true,
        "items": {"type": "string", "pattern": "^[!#-\\[\\]-~]{1,64}$"},
    })
}

/// What is said of tokens that nobody asks for.
pub(crate) fn broken(settings: &Settings) -> Option<Broken> {
    let is_asked_for = settings.authorization == Authorization::Jwt;
    (!is_asked_for && !settings.scopes.is_empty()).then(|| {
        let detail = format!(
            "are of tokens, and the authorization is `{}`: leave them out, or set `authorization` to `jwt`",
            settings.authorization.name()
        );
        Broken::unused("/scopes", &["/authorization"], detail)
    })
}

/// What the platform lacks: the field, and why.
pub(crate) fn missing(settings: &Settings, platform: &Platform) -> Option<(&'static str, String)> {
    let is_missing = settings.is_reached()
        && settings.authorization == Authorization::Jwt
        && platform.authorizer.is_empty();
    is_missing.then(|| {
        let detail = "is `jwt`, and this platform knows no issuer of tokens: its parameters `JwtIssuer` and `JwtAudience` name one; `iam` would be right until then";
        ("authorization", detail.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Manifest, Platform};

    fn refused(mut manifest: Value) -> Vec<String> {
        manifest["service"] = "a".into();
        let problems = Manifest::read(&manifest).unwrap_err().problems;
        problems.into_iter().map(|it| it.pointer).collect()
    }

    #[test]
    fn scopes_are_of_tokens() {
        let manifest = json!({"service": "a", "authorization": "jwt", "scopes": ["read:pets"]});
        Manifest::read(&manifest).unwrap();
        assert_eq!(refused(json!({"scopes": ["read"]})), ["/scopes"]);
        let iam = json!({"scopes": ["read"], "authorization": "iam"});
        assert_eq!(refused(iam), ["/scopes"]);
        let spaced = json!({"scopes": ["read pets"], "authorization": "jwt"});
        assert_eq!(refused(spaced), ["/scopes/0"]);
        // An environment that asks for no tokens inherits them in vain.
        let inherited = json!({
            "service": "a", "authorization": "jwt", "scopes": ["read"],
            "environments": {"qa": {"authorization": "none"}},
        });
        Manifest::read(&inherited).unwrap();
    }

    #[test]
    fn tokens_are_asked_for_by_the_http_api_and_nowhere_else() {
        for kind in ["web", "function"] {
            let manifest = json!({"service": "a", "kind": kind, "authorization": "jwt"});
            Manifest::read(&manifest).unwrap();
        }
        for ingress in ["public", "none"] {
            let manifest = json!({"ingress": ingress, "authorization": "jwt"});
            assert_eq!(refused(manifest), ["/authorization"]);
        }
    }

    #[test]
    fn a_platform_without_an_issuer_says_which_parameters_name_one() {
        let manifest = json!({"service": "a", "environments": {"qa": {"authorization": "jwt"}}});
        let mut platform = Platform::sample();
        assert!(Manifest::read_on(&manifest, &platform).is_ok());
        platform.authorizer.clear();
        let refused = Manifest::read_on(&manifest, &platform).unwrap_err();
        assert_eq!(
            refused.problems[0].pointer,
            "/environments/qa/authorization"
        );
        assert!(
            refused.problems[0].detail.contains("JwtIssuer"),
            "{refused}"
        );
    }
}
