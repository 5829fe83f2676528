//! Sets of parameters of `template.yaml`, every two choices of two parameters together in one of
//! them, and each as a template in which nothing is left to be decided.

use std::cell::RefCell;
use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::PlatformTemplate;
use crate::pairwise::{Row, rows};

/// Another value than the default, of parameters that list none to choose from.
const OTHERS: &[(&str, &str)] = &[
    ("PlatformName", "other"),
    ("Environment", "live"),
    ("VpcId", "vpc-0a1b2c3d4e5f60718"),
    ("VpcCidr", "192.168.128.0/17"),
    ("AvailabilityZones", "us-east-1a,us-east-1b,us-east-1c"),
    ("DiscoveryDomain", "petclinic.local"),
    ("CorsAllowOrigins", "https://a.example,https://b.example"),
    ("ThrottlingBurstLimit", "100"),
    ("ThrottlingRateLimit", "50"),
    ("DomainName", "api.example.com"),
    (
        "DomainCertificate",
        "arn:aws:acm:us-east-1:111122223333:certificate/0a1b2c3d",
    ),
    ("DomainHostedZone", "Z0123456789ABCDEFGHIJ"),
    (
        "PublicCertificate",
        "arn:aws:acm:us-east-1:111122223333:certificate/0a1b2c3e",
    ),
    ("PublicDomainName", "www.example.com"),
    ("JwtIssuer", "https://login.example.com/pets"),
    ("JwtAudience", "pets,shop"),
    ("WafRateLimit", "10"),
    (
        "CdnWebAclArn",
        "arn:aws:wafv2:us-east-1:111122223333:global/webacl/edge/0a1b2c3d",
    ),
    ("LogRetentionDays", "7"),
    (
        "KeyArn",
        "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d-1a2b-1a2b-1a2b-0a1b2c3d4e5f",
    ),
    ("MaxStackOperations", "1"),
    ("OperationDeadlineMinutes", "170"),
    ("UpgradeAtOnce", "50"),
    ("UpgradeMaxFailures", "1"),
    ("AlertEmail", "ops@example.com"),
    ("DeploymentEmail", "team@example.com"),
    ("SecretPrefixes", "/shared/,/teams/{service}/"),
    ("ResourcePrefixes", "acme-{service}--,acme-shared-"),
    (
        "CollectorImage",
        "111122223333.dkr.ecr.us-east-1.amazonaws.com/otel:v1",
    ),
    ("AllowedRegistries", "public.ecr.aws,ghcr.io"),
    ("RegistryMirrors", "docker.io=https://mirror.example/hub"),
    ("Ec2InstanceType", "m7g.large"),
    ("Ec2MinSize", "1"),
    ("Ec2MaxSize", "10"),
    ("Ec2TargetCapacity", "50"),
];

/// What follows from another choice, and is nothing to choose: what a VPC that is there has, in as many
/// zones as `ZoneCount` says, and `CloudFront`'s certificate.
const FOLLOW: [&str; 5] = [
    "PrivateSubnetIds",
    "PublicSubnetIds",
    "DatabaseSubnetIds",
    "ExistingVpcCidr",
    "CdnCertificate",
];

impl PlatformTemplate {
    /// The sets, each with a value for every parameter. None is refused by the template's rules.
    ///
    /// # Errors
    /// A parameter with nothing to choose from, which then wants an entry in `OTHERS`, and a rule
    /// that cannot be decided.
    pub fn sets(&self) -> Result<Vec<Row>> {
        // Rules are asked thousands of times, and look at few parameters.
        let rules = self.template["Rules"].to_string();
        let mut asked_for = self.parameters();
        asked_for.retain(|name, _| rules.contains(&format!("\"{name}\"")));
        let known: RefCell<BTreeMap<Row, bool>> = RefCell::default();
        let allowed = |row: &Row| {
            let mut asked = row.clone();
            asked.retain(|name, _| asked_for.contains_key(name));
            let answer = known.borrow().get(&asked).copied();
            answer.unwrap_or_else(|| {
                let is_allowed = matches!(self.refused(&whole(&asked)), Ok(None));
                known.borrow_mut().insert(asked, is_allowed);
                is_allowed
            })
        };
        let found = rows(&self.choices()?, allowed);
        Ok(found.iter().map(whole).collect())
    }

    /// The template with these parameters decided: what is made, without conditions, and what
    /// nested stacks make beside the rest.
    ///
    /// # Errors
    /// As [`Self::made`].
    pub fn plain(&self, given: &Row) -> Result<Value> {
        let (scope, made) = self.made_in(self.scope(given)?)?;
        let resources: Map<String, Value> = made
            .resources
            .into_iter()
            .map(|(id, mut resource)| {
                if let Some(fields) = resource.as_object_mut() {
                    fields.shift_remove("Condition");
                }
                (id, resource)
            })
            .collect();
        let outputs = made.outputs.into_iter();
        let outputs: Map<String, Value> = outputs
            .map(|(name, value)| (name, json!({"Value": value})))
            .collect();
        Ok(json!({
            "AWSTemplateFormatVersion": self.template["AWSTemplateFormatVersion"],
            "Transform": self.template["Transform"],
            "Globals": scope.value(&self.template["Globals"])?,
            "Resources": resources,
            "Outputs": outputs,
        }))
    }

    /// The choices of each parameter, its default first.
    fn choices(&self) -> Result<Vec<(String, Vec<String>)>> {
        let text = |value: &Value| {
            let text = value.as_str().map(str::to_owned);
            text.unwrap_or_else(|| value.to_string())
        };
        let mut choices = Vec::new();
        for (name, declaration) in self.parameters() {
            let default = text(&declaration["Default"]);
            let given = OTHERS.iter().find(|(other, _)| *other == name);
            let mut others: Vec<String> = match given {
                Some((_, other)) => vec![(*other).to_owned()],
                None if FOLLOW.contains(&&*name) => Vec::new(),
                None => {
                    let allowed = declaration["AllowedValues"].as_array();
                    let allowed = allowed.with_context(|| format!("{name} is not in OTHERS"))?;
                    allowed.iter().map(text).collect()
                }
            };
            others.retain(|other| *other != default);
            others.insert(0, default);
            choices.push((name, others));
        }
        Ok(choices)
    }
}

/// The row with what follows from its choices: names of as many zones as there are, and subnets of a
/// VPC that is there.
fn whole(row: &Row) -> Row {
    let is = |name: &str, value: &str| row.get(name).is_some_and(|it| it == value);
    let says = |name: &str| row.get(name).is_some_and(|it| !it.is_empty());
    let is_small = is("ZoneCount", "2");
    let mut follows = Vec::new();
    if says("AvailabilityZones") && is_small {
        follows.push(("AvailabilityZones", "us-east-1a,us-east-1b"));
    }
    if says("VpcId") {
        let (private, public, databases) = if is_small {
            (
                "subnet-0000000a,subnet-0000000b",
                "subnet-0000001a,subnet-0000001b",
                "subnet-0000002a,subnet-0000002b",
            )
        } else {
            (
                "subnet-0000000a,subnet-0000000b,subnet-0000000c",
                "subnet-0000001a,subnet-0000001b,subnet-0000001c",
                "subnet-0000002a,subnet-0000002b,subnet-0000002c",
            )
        };
        let values = [private, public, databases, "10.9.0.0/20"];
        follows.extend(FOLLOW.into_iter().zip(values));
    }
    if is("Cdn", "true") {
        let certificate = "arn:aws:acm:us-east-1:111122223333:certificate/0a1b2c3f";
        follows.push(("CdnCertificate", certificate));
        // Three more, which no search for one or two other choices would find.
        follows.push(("Waf", "true"));
        let domain = |it: &&(&'static str, &'static str)| {
            it.0.starts_with("DomainN") || it.0.starts_with("DomainC")
        };
        follows.extend(OTHERS.iter().filter(domain));
    }
    let follows = follows.into_iter();
    let follows = follows.map(|(name, value)| (name.to_owned(), value.to_owned()));
    row.clone().into_iter().chain(follows).collect()
}
