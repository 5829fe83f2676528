//! Resource types that the emulator does not know, and what stands in for them.
//!
//! The emulator refuses a whole template for one unknown type. Such a resource is replaced by
//! one that does nothing (`AWS::CDK::Metadata`): it keeps its place in the stack, its condition
//! and its dependencies, while every `Ref`, `Fn::GetAtt` and `${…}` to it becomes a made-up id,
//! the same one every time. Its own properties are kept in `Metadata`, which the emulator
//! resolves and hands back, so that the companion can answer for a scalable target or a VPC
//! link with real values.
//!
//! One table says which types, and what they answer. A type that the emulator knows is never
//! in it.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::python::hex;

/// The key in a resource's `Metadata` under which its original is kept.
pub(crate) const ORIGINAL: &str = "SlipwayLocalCloud";

/// The type that does nothing at the emulator.
pub(crate) const NOTHING: &str = "AWS::CDK::Metadata";

/// Scalable targets are answered for by the companion.
pub(crate) const SCALABLE_TARGET: &str = "AWS::ApplicationAutoScaling::ScalableTarget";
/// VPC links are answered for by the companion.
pub(crate) const VPC_LINK: &str = "AWS::ApiGatewayV2::VpcLink";

/// How `Ref` and `Fn::GetAtt` answer for a type. `{id}` is 17 hexadecimal digits made from the
/// stack and the logical id, `{short}` the first ten of them.
struct StandIn {
    kind: &'static str,
    reference: &'static str,
    attributes: &'static [(&'static str, &'static str)],
}

const STAND_INS: &[StandIn] = &[
    StandIn {
        kind: VPC_LINK,
        reference: "{short}",
        attributes: &[("VpcLinkId", "{short}")],
    },
    StandIn {
        kind: SCALABLE_TARGET,
        reference: "{id}|ecs:service:DesiredCount|ecs",
        attributes: &[
            ("Id", "{id}|ecs:service:DesiredCount|ecs"),
            (
                "ScalableTargetARN",
                "arn:aws:application-autoscaling:{region}:{account}:scalable-target/{id}",
            ),
        ],
    },
    StandIn {
        kind: "AWS::ApplicationAutoScaling::ScalingPolicy",
        reference: "arn:aws:autoscaling:{region}:{account}:scalingPolicy:{id}",
        attributes: &[(
            "Arn",
            "arn:aws:autoscaling:{region}:{account}:scalingPolicy:{id}",
        )],
    },
    StandIn {
        kind: "AWS::CodeDeploy::Application",
        reference: "application-{id}",
        attributes: &[],
    },
    StandIn {
        kind: "AWS::CodeDeploy::DeploymentConfig",
        reference: "configuration-{id}",
        attributes: &[],
    },
    StandIn {
        kind: "AWS::CodeDeploy::DeploymentGroup",
        reference: "group-{id}",
        attributes: &[],
    },
    StandIn {
        kind: "AWS::EC2::EIP",
        reference: "203.0.113.7",
        attributes: &[
            ("AllocationId", "eipalloc-{id}"),
            ("PublicIp", "203.0.113.7"),
        ],
    },
    StandIn {
        kind: "AWS::EC2::NatGateway",
        reference: "nat-{id}",
        attributes: &[("NatGatewayId", "nat-{id}")],
    },
    StandIn {
        kind: "AWS::EC2::SecurityGroupIngress",
        reference: "sgr-{id}",
        attributes: &[("Id", "sgr-{id}")],
    },
    StandIn {
        kind: "AWS::EC2::SecurityGroupEgress",
        reference: "sgr-{id}",
        attributes: &[("Id", "sgr-{id}")],
    },
    StandIn {
        kind: "AWS::EC2::FlowLog",
        reference: "fl-{id}",
        attributes: &[("Id", "fl-{id}")],
    },
    StandIn {
        kind: "AWS::EC2::NetworkAcl",
        reference: "acl-{id}",
        attributes: &[("Id", "acl-{id}")],
    },
    StandIn {
        kind: "AWS::EC2::NetworkAclEntry",
        reference: "acle-{id}",
        attributes: &[],
    },
    StandIn {
        kind: "AWS::EC2::SubnetNetworkAclAssociation",
        reference: "aclassoc-{id}",
        attributes: &[("AssociationId", "aclassoc-{id}")],
    },
    StandIn {
        kind: "AWS::ECR::RegistryScanningConfiguration",
        reference: "{account}",
        attributes: &[("RegistryId", "{account}")],
    },
    StandIn {
        kind: "AWS::ECS::CapacityProvider",
        reference: "cp-{id}",
        attributes: &[],
    },
    StandIn {
        kind: "AWS::ECS::ClusterCapacityProviderAssociations",
        reference: "cpa-{id}",
        attributes: &[],
    },
    StandIn {
        kind: "AWS::IAM::ServiceLinkedRole",
        reference: "AWSServiceRoleFor{short}",
        attributes: &[("RoleName", "AWSServiceRoleFor{short}")],
    },
    StandIn {
        kind: "AWS::WAFv2::WebACLAssociation",
        reference: "waf-{id}",
        attributes: &[],
    },
    StandIn {
        kind: "AWS::CodePipeline::Pipeline",
        reference: "pipeline-{id}",
        attributes: &[],
    },
];

/// Where a stack lives: what made-up ids are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) stack: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
}

/// A resource for which another stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Original {
    pub(crate) kind: String,
    /// What `Ref` answers for it, which is its physical id.
    pub(crate) id: String,
}

/// Replaces every resource of an unknown type; returns them by their logical ids.
pub(crate) fn replace(template: &mut Value, place: Place<'_>) -> Vec<(String, Original)> {
    let found: Vec<(String, &StandIn)> = template["Resources"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(id, resource)| {
            let kind = resource["Type"].as_str()?;
            Some((
                id.clone(),
                STAND_INS.iter().find(|entry| entry.kind == kind)?,
            ))
        })
        .collect();
    if found.is_empty() {
        return Vec::new();
    }
    rewrite(template, &|id, attribute| {
        let (_, entry) = found.iter().find(|(found, _)| found == id)?;
        let pattern = match attribute {
            None => entry.reference,
            Some(name) => entry.attributes.iter().find(|(known, _)| *known == name)?.1,
        };
        Some(fill(pattern, id, place))
    });
    let known: Vec<String> = template["Resources"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(id, _)| id.clone())
        .collect();
    for (id, entry) in &found {
        stand_in(
            &mut template["Resources"][id],
            &fill(entry.reference, id, place),
            &known,
        );
    }
    found
        .into_iter()
        .map(|(id, entry)| {
            let original = Original {
                kind: entry.kind.to_owned(),
                id: fill(entry.reference, &id, place),
            };
            (id, original)
        })
        .collect()
}

fn stand_in(resource: &mut Value, reference: &str, known: &[String]) {
    let properties = resource
        .get("Properties")
        .cloned()
        .unwrap_or_else(|| json!({}));
    depend(resource, &properties.to_string(), known);
    let digest = hex(&Sha256::digest(properties.to_string().as_bytes()));
    let mut metadata = resource["Metadata"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    metadata.insert(
        ORIGINAL.to_owned(),
        json!({ "Type": resource["Type"], "Id": reference, "Properties": properties }),
    );
    resource["Metadata"] = Value::Object(metadata);
    // A change of the original's properties has to be a change of the stand-in's.
    resource["Properties"] = json!({ "Digest": digest });
    resource["Type"] = json!(NOTHING);
}

/// What the original refers to comes before it; in `Metadata` the emulator does not see that.
fn depend(resource: &mut Value, properties: &str, known: &[String]) {
    let mut after: Vec<Value> = match resource["DependsOn"].take() {
        Value::Array(ids) => ids,
        Value::Null => Vec::new(),
        id => vec![id],
    };
    for id in known {
        let refers = [
            format!("\"Ref\":\"{id}\""),
            format!("\"Fn::GetAtt\":[\"{id}\""),
            format!("\"Fn::GetAtt\":\"{id}."),
            format!("${{{id}}}"),
            format!("${{{id}."),
        ];
        if refers.iter().any(|text| properties.contains(text)) && !after.iter().any(|it| it == id) {
            after.push(json!(id));
        }
    }
    if let Some(fields) = resource.as_object_mut() {
        fields.remove("DependsOn");
    }
    if !after.is_empty() {
        resource["DependsOn"] = Value::Array(after);
    }
}

pub(crate) fn fill(pattern: &str, logical_id: &str, place: Place<'_>) -> String {
    let seed = format!(
        "{}/{}/{}/{logical_id}",
        place.account, place.region, place.stack
    );
    let digest = hex(&Sha256::digest(seed.as_bytes()));
    pattern
        .replace("{id}", &digest[..17])
        .replace("{short}", &digest[..10])
        .replace("{region}", place.region)
        .replace("{account}", place.account)
}

/// Replaces references for which `answer(logical id, attribute)` knows a value.
fn rewrite(value: &mut Value, answer: &dyn Fn(&str, Option<&str>) -> Option<String>) {
    if let Some(text) = reference(value, answer) {
        *value = Value::String(text);
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, answer)),
        Value::Object(fields) => {
            if let Some(sub) = fields.get_mut("Fn::Sub") {
                rewrite_sub(sub, answer);
            }
            fields.values_mut().for_each(|field| rewrite(field, answer));
        }
        _ => {}
    }
}

fn reference(
    value: &Value,
    answer: &dyn Fn(&str, Option<&str>) -> Option<String>,
) -> Option<String> {
    let fields: &Map<String, Value> = value.as_object().filter(|fields| fields.len() == 1)?;
    match fields
        .iter()
        .next()
        .map(|(key, argument)| (key.as_str(), argument))?
    {
        ("Ref", Value::String(id)) => answer(id, None),
        ("Fn::GetAtt", Value::String(text)) => {
            let (id, attribute) = text.split_once('.')?;
            answer(id, Some(attribute))
        }
        ("Fn::GetAtt", Value::Array(parts)) => {
            answer(parts.first()?.as_str()?, Some(parts.get(1)?.as_str()?))
        }
        _ => None,
    }
}

/// `${Id}` and `${Id.Attribute}` in a text, unless the function's own variables hide them.
fn rewrite_sub(sub: &mut Value, answer: &dyn Fn(&str, Option<&str>) -> Option<String>) {
    let own: Vec<String> = sub[1]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, _)| k.clone())
        .collect();
    let text = match sub {
        Value::Array(parts) => parts.first_mut(),
        other => Some(other),
    };
    let Some(Value::String(text)) = text else {
        return;
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let name = &rest[start + 2..start + length];
        let (id, attribute) = name
            .split_once('.')
            .map_or((name, None), |(id, attribute)| (id, Some(attribute)));
        out.push_str(&rest[..start]);
        match answer(id, attribute).filter(|_| !own.iter().any(|own| own == name)) {
            Some(made_up) => out.push_str(&made_up),
            None => out.push_str(&rest[start..=start + length]),
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    *text = out;
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place {
        stack: "s",
        region: "us-east-1",
        account: "000000000000",
    };

    fn template() -> Value {
        json!({
            "Resources": {
                "Ip": { "Type": "AWS::EC2::EIP", "Condition": "Nat" },
                "Nat": {
                    "Type": "AWS::EC2::NatGateway",
                    "DependsOn": "Ip",
                    "Properties": { "AllocationId": { "Fn::GetAtt": ["Ip", "AllocationId"] } },
                },
                "Route": {
                    "Type": "AWS::EC2::Route",
                    "DependsOn": ["Nat"],
                    "Properties": {
                        "NatGatewayId": { "Ref": "Nat" },
                        "Text": { "Fn::Sub": "${Nat}/${Ip.PublicIp}/${Other}/${!Nat}" },
                        "Own": { "Fn::Sub": ["${Nat}", { "Nat": "mine" }] },
                    },
                },
            },
            "Outputs": { "Nat": { "Value": { "Fn::If": ["Nat", { "Ref": "Nat" }, ""] } } },
        })
    }

    #[test]
    fn unknown_types_are_replaced_and_what_refers_to_them_gets_made_up_ids() {
        let mut template = template();
        let replaced = replace(&mut template, PLACE);
        let names: Vec<&str> = replaced.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(names, ["Ip", "Nat"]);
        let route = &template["Resources"]["Route"]["Properties"];
        let nat = route["NatGatewayId"].as_str().expect("an id").to_owned();
        assert!(nat.starts_with("nat-") && nat.len() == 21, "{nat}");
        assert_eq!(
            route["Text"]["Fn::Sub"],
            format!("{nat}/203.0.113.7/${{Other}}/${{!Nat}}")
        );
        assert_eq!(route["Own"]["Fn::Sub"][0], "${Nat}");
        assert_eq!(template["Outputs"]["Nat"]["Value"]["Fn::If"][1], nat);
    }

    #[test]
    fn a_stand_in_keeps_its_place_and_its_original() {
        let mut template = template();
        replace(&mut template, PLACE);
        let nat = &template["Resources"]["Nat"];
        assert_eq!(nat["Type"], NOTHING);
        assert_eq!(nat["DependsOn"], json!(["Ip"]));
        assert_eq!(template["Resources"]["Ip"]["Condition"], "Nat");
        let original = &nat["Metadata"][ORIGINAL];
        assert_eq!(original["Type"], "AWS::EC2::NatGateway");
        assert!(
            original["Properties"]["AllocationId"]
                .as_str()
                .is_some_and(|id| id.starts_with("eipalloc-"))
        );
    }

    #[test]
    fn a_stand_in_comes_after_what_its_original_refers_to() {
        let mut template = json!({ "Resources": {
            "Service": { "Type": "AWS::ECS::Service" },
            "Target": {
                "Type": SCALABLE_TARGET,
                "Properties": { "ResourceId": { "Fn::Sub": "service/c/${Service.Name}" } },
            },
        } });
        replace(&mut template, PLACE);
        assert_eq!(
            template["Resources"]["Target"]["DependsOn"],
            json!(["Service"])
        );
    }

    #[test]
    fn ids_are_the_same_every_time_and_differ_between_stacks() {
        let (mut one, mut again, mut other) = (template(), template(), template());
        replace(&mut one, PLACE);
        replace(&mut again, PLACE);
        replace(
            &mut other,
            Place {
                stack: "t",
                ..PLACE
            },
        );
        assert_eq!(one, again);
        assert_ne!(one, other);
    }
}
