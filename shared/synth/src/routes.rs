//! The way from the platform's HTTP API to the load balancer, to the tasks that the platform's DNS
//! namespace has, or to the function.
//!
//! Two routes, the path itself and everything below it. Where the prefix is taken off, each
//! needs an integration of its own, because the bare path has nothing left to send on. To a load
//! balancer that services share, an integration of that one's stack leads.

use serde_json::{Value, json};
use slipway_domain::manifest::{Authorization, Ingress};
use slipway_domain::{Platform, RoutePath};

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, path, reference};
use crate::{discovery, function, load_balancer};

pub(crate) const INTEGRATION: &str = "Integration";
const ROOT_INTEGRATION: &str = "RootIntegration";
const ROOT_ROUTE: &str = "RootRoute";
const PROXY_ROUTE: &str = "ProxyRoute";

/// The most that an HTTP API waits for an answer.
const TIMEOUT_MILLISECONDS: u32 = 30_000;

pub(crate) fn add(to: &mut Resources, site: &Site<'_>, prefix: &RoutePath) {
    if let Some(its) = site.shared.as_ref().and_then(|it| it.integration.clone()) {
        let its = path(&[json!("integrations"), its]);
        let root = route(site, &format!("ANY {prefix}"), &its);
        to.add(ROOT_ROUTE, root);
        let below = route(site, &format!("ANY {prefix}/{{proxy+}}"), &its);
        to.add(PROXY_ROUTE, after(ROOT_ROUTE, below));
        return;
    }
    let target = |integration| path(&[json!("integrations"), reference(integration)]);
    let to_root = |integration| route(site, &format!("ANY {prefix}"), &target(integration));
    // One after another: an HTTP API that is changed in two places at once answers
    // ConflictException.
    if site.effective.settings.strip_path {
        let below = integration(site, Some("/$request.path.proxy"));
        to.add(INTEGRATION, below);
        let root = after(INTEGRATION, integration(site, Some("/")));
        to.add(ROOT_INTEGRATION, root);
        to.add(ROOT_ROUTE, to_root(ROOT_INTEGRATION));
    } else {
        to.add(INTEGRATION, integration(site, None));
        to.add(ROOT_ROUTE, to_root(INTEGRATION));
    }
    let key = format!("ANY {prefix}/{{proxy+}}");
    let below = route(site, &key, &target(INTEGRATION));
    to.add(PROXY_ROUTE, after(ROOT_ROUTE, below));
}

/// `resource`, made once `first` is there.
fn after(first: &str, mut resource: Value) -> Value {
    resource["DependsOn"] = json!([first]);
    resource
}

fn integration(site: &Site<'_>, new_path: Option<&str>) -> Value {
    let settings = &site.effective.settings;
    let mut integration = match settings.way_in() {
        _ if !settings.kind.has_tasks() => to_function(site),
        // API Gateway asks Cloud Map for an address and a port, and takes a healthy one.
        Ingress::CloudMap => through_link(site.platform, &attribute(discovery::NAME, "Arn")),
        // A private integration names the listener, and its port with it.
        _ => through_link(site.platform, &reference(load_balancer::LISTENER)),
    };
    let mut parameters = json!({
        // Behind the VPC link every request comes from the link; what a caller writes into
        // the header itself is overwritten.
        "overwrite:header.x-real-ip": "$context.identity.sourceIp",
    });
    if let Some(new_path) = new_path {
        parameters["overwrite:path"] = json!(new_path);
    }
    integration["RequestParameters"] = parameters;
    json!({"Type": "AWS::ApiGatewayV2::Integration", "Properties": integration})
}

/// What leads through the platform's VPC link.
pub(crate) fn through_link(platform: &Platform, to: &Value) -> Value {
    json!({
        "ApiId": platform.api,
        "IntegrationType": "HTTP_PROXY",
        "IntegrationMethod": "ANY",
        "ConnectionType": "VPC_LINK",
        "ConnectionId": platform.vpc_link,
        "IntegrationUri": to,
        "PayloadFormatVersion": "1.0",
        "TimeoutInMillis": TIMEOUT_MILLISECONDS,
    })
}

/// Without the VPC link: the HTTP API calls the function itself.
fn to_function(site: &Site<'_>) -> Value {
    json!({
        "ApiId": site.platform.api,
        "IntegrationType": "AWS_PROXY",
        "IntegrationMethod": "POST",
        "IntegrationUri": reference(function::ALIAS),
        "PayloadFormatVersion": "2.0",
        "TimeoutInMillis": TIMEOUT_MILLISECONDS,
    })
}

fn route(site: &Site<'_>, key: &str, target: &Value) -> Value {
    let settings = &site.effective.settings;
    let authorization = match settings.authorization {
        Authorization::None => "NONE",
        Authorization::Iam => "AWS_IAM",
        Authorization::Jwt => "JWT",
    };
    let mut route = json!({
        "ApiId": site.platform.api,
        "RouteKey": key,
        "AuthorizationType": authorization,
        "Target": target,
    });
    if settings.authorization == Authorization::Jwt {
        route["AuthorizerId"] = site.platform.authorizer.as_str().into();
        if !settings.scopes.is_empty() {
            route["AuthorizationScopes"] = json!(settings.scopes);
        }
    }
    json!({"Type": "AWS::ApiGatewayV2::Route", "Properties": route})
}
