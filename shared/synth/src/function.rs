//! A function of Lambda: the function, the version that is rendered, and the alias that callers
//! reach it by.
//!
//! Every change of the code or the configuration is a new version, and `live` goes to it when
//! CloudFormation has made it, at once or in steps (`shift`); the old one is deleted last. Lambda publishes no version that
//! equals the one before, so the function's description bears the hash of all that is rendered,
//! and with it whoever asked for the same again. A hash in the version's own description replaces
//! it then.
//!
//! The function has a name of CloudFormation's, because a change from zip to image would need
//! another one anyway. Its log group has a fixed one, which outlives it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway_domain::RoutePath;
use slipway_domain::manifest::Architecture;
use slipway_domain::secret::Location;

use crate::database::client;
use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, reference};
use crate::roles::Role;
use crate::template::sha256;
use crate::{logs, names, network, permissions, roles, shift, tags};

pub(crate) const FUNCTION: &str = "Function";
const ROLE: &str = "FunctionRole";
pub(crate) const VERSION: &str = "Version";
pub(crate) const ALIAS: &str = "Alias";

/// The alias's name.
pub(crate) const LIVE: &str = "live";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let settings = &site.effective.settings;
    to.add(logs::GROUP, logs::group(site, &log_group(site)));
    if settings.function.vpc {
        network::add(to, site);
    }
    to.add(ROLE, role(site));
    let mut properties = function(site);
    let hash = hash(site, &properties);
    properties["Description"] = json!(format!("{}, {hash}", site.family()));
    to.add(
        FUNCTION,
        json!({"Type": "AWS::Lambda::Function", "Properties": properties}),
    );
    to.add(
        VERSION,
        json!({
            "Type": "AWS::Lambda::Version",
            "Properties": {"FunctionName": reference(FUNCTION), "Description": hash},
        }),
    );
    let mut alias = json!({
        "Type": "AWS::Lambda::Alias",
        "Properties": {
            "Name": LIVE,
            "FunctionName": reference(FUNCTION),
            "FunctionVersion": attribute(VERSION, "Version"),
        },
    });
    if settings.shifts_versions() {
        shift::add(to, site);
        alias["UpdatePolicy"] = shift::policy();
    }
    to.add(ALIAS, alias);
}

/// Lets the HTTP API call the function, and only on the routes that are the service's own.
pub(crate) fn add_callers(to: &mut Resources, site: &Site<'_>, path: &RoutePath) {
    let api = &site.platform.api;
    for (id, below) in [("RootCaller", ""), ("ProxyCaller", "/*")] {
        to.add(
            id,
            json!({
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "Action": "lambda:InvokeFunction",
                    "FunctionName": reference(ALIAS),
                    "Principal": "apigateway.amazonaws.com",
                    "SourceArn": site.arn("execute-api", &format!("{api}/*/*{path}{below}")),
                },
            }),
        );
    }
}

pub(crate) fn put_outputs(put: &mut impl FnMut(&str, Value)) {
    put("Function", reference(FUNCTION));
    put("Alias", reference(ALIAS));
    put("Version", attribute(VERSION, "Version"));
    put("LogGroup", reference(logs::GROUP));
}

fn log_group(site: &Site<'_>) -> String {
    let effective = site.effective;
    names::function_log_group(site.platform, &effective.service, &effective.environment)
}

/// The function, without its description.
fn function(site: &Site<'_>) -> Value {
    let settings = &site.effective.settings;
    let architecture = match settings.architecture {
        Architecture::X86_64 => "x86_64",
        Architecture::Arm64 => "arm64",
    };
    let mut function = json!({
        "PackageType": "Image",
        "Code": {"ImageUri": site.image.pinned()},
        "Role": attribute(ROLE, "Arn"),
        "Architectures": [architecture],
        "MemorySize": settings.function.memory,
        "Timeout": settings.function.timeout,
        "Environment": {"Variables": variables(site)},
        "LoggingConfig": {"LogGroup": reference(logs::GROUP)},
        "Tags": tags::lifeline(site.platform),
    });
    if !settings.command.is_empty() {
        function["ImageConfig"] = json!({"Command": settings.command});
    }
    if settings.tracing {
        // Without a collector beside it: Lambda sends what X-Ray is told.
        function["TracingConfig"] = json!({"Mode": "Active"});
    }
    if settings.function.vpc {
        function["VpcConfig"] = json!({
            "SubnetIds": site.platform.private_subnets,
            "SecurityGroupIds": network::groups(site),
        });
    }
    function
}

/// What the function is made of, in 16 hexadecimal digits.
fn hash(site: &Site<'_>, properties: &Value) -> String {
    let all = json!([properties, site.run.restart]);
    sha256(all.to_string().as_bytes())[..16].to_owned()
}

/// The manifest's variables, `ENVIRONMENT`, and of each secret the name by which the function
/// reads it: Lambda hands no secret out.
fn variables(site: &Site<'_>) -> BTreeMap<String, Value> {
    let settings = &site.effective.settings;
    let mut variables = BTreeMap::new();
    let environment = site.effective.environment.to_string();
    variables.insert("ENVIRONMENT".to_owned(), environment.into());
    let own = settings.environment.iter();
    variables.extend(own.map(|(name, value)| (name.clone(), value.as_str().into())));
    variables.extend(client::variables(site));
    for (name, secret) in &settings.secrets {
        let place = match secret.location() {
            Location::Parameter(place) | Location::Secret(place, _) => place,
        };
        variables.insert(name.clone(), place.into());
    }
    variables
}

fn role(site: &Site<'_>) -> Value {
    let mut statements = vec![roles::logs(site, &log_group(site))];
    statements.extend(roles::secrets(site));
    statements.extend(client::statements(site));
    statements.extend(permissions::statements(site));
    if site.effective.settings.function.vpc {
        statements.push(network_interfaces());
    }
    Role {
        what: "What runs in the function of",
        service: "lambda",
        source: site.arn("lambda", "function:*"),
        always_says: false,
        boundary: &site.platform.permissions_boundary,
    }
    .with(site, "run", &statements)
}

/// What Lambda does in the function's name to put it into the VPC
/// (`AWSLambdaENIManagementAccess` in the AWS managed policy reference). The function's own code is
/// kept from it: calls of code bear the function's ARN ("Giving Lambda functions access to
/// resources in an Amazon VPC", security).
fn network_interfaces() -> Value {
    json!({
        "Sid": "NetworkInterfaces",
        "Effect": "Allow",
        "Action": [
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ],
        "Resource": "*",
        "Condition": {"Null": {"lambda:SourceFunctionArn": "true"}},
    })
}
