//! Who may call: every route asks for what the manifest says, and no route for less.

use serde_json::{Value, json};
use slipway_domain::manifest::Authorization;
use slipway_domain::{Effective, Platform};
use slipway_synth::Template;

use super::{Rules, of_type};

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let settings = &effective.settings;
    let (kind, authorizer) = match settings.authorization {
        Authorization::None => ("NONE", Value::Null),
        Authorization::Iam => ("AWS_IAM", Value::Null),
        Authorization::Jwt => ("JWT", platform.authorizer.as_str().into()),
    };
    let is_asked = settings.authorization == Authorization::Jwt && !settings.scopes.is_empty();
    let scopes = if is_asked {
        json!(settings.scopes)
    } else {
        Value::Null
    };
    for route in of_type(template, "AWS::ApiGatewayV2::Route") {
        let route = &route["Properties"];
        rules.hold(
            route["AuthorizationType"] == kind
                && route["AuthorizerId"] == authorizer
                && route["AuthorizationScopes"] == scopes,
            "a route asks for something else than the manifest says",
        );
    }
}
