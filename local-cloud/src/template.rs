//! What a submitted template asks for, as far as it can be told before it runs. Pure.
//!
//! Names are evaluated from literals, parameters and pseudo parameters; whatever depends on a
//! resource, a mapping or a condition is left alone, because nothing is refused on a guess.

use serde_json::{Value, json};

/// The types that need `CAPABILITY_IAM`, and the property that makes it `CAPABILITY_NAMED_IAM`
/// (API reference of `CreateStack`).
const IAM: &[(&str, Option<&str>)] = &[
    ("AWS::IAM::AccessKey", None),
    ("AWS::IAM::Group", Some("GroupName")),
    ("AWS::IAM::InstanceProfile", Some("InstanceProfileName")),
    ("AWS::IAM::ManagedPolicy", Some("ManagedPolicyName")),
    ("AWS::IAM::Policy", None),
    ("AWS::IAM::Role", Some("RoleName")),
    ("AWS::IAM::User", Some("UserName")),
    ("AWS::IAM::UserToGroupAddition", None),
];

/// Types with a name that AWS refuses to give twice, and the emulator does not mind:
/// the property with the name.
pub(crate) const NAMED: &[(&str, &str)] = &[
    ("AWS::ECR::Repository", "RepositoryName"),
    ("AWS::ECS::Cluster", "ClusterName"),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "Name"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Name"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::Logs::LogGroup", "LogGroupName"),
];

/// A named resource of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) logical_id: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Whether the stack would leave it behind, which an import demands.
    pub(crate) retained: bool,
}

/// What names are made of.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) parameters: Vec<(&'a str, &'a str)>,
    pub(crate) stack: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
}

impl Scope<'_> {
    fn value(&self, template: &Value, name: &str) -> Option<String> {
        match name {
            "AWS::StackName" => Some(self.stack.to_owned()),
            "AWS::Region" => Some(self.region.to_owned()),
            "AWS::AccountId" => Some(self.account.to_owned()),
            "AWS::Partition" => Some("aws".to_owned()),
            name => {
                let given = self.parameters.iter().find(|(key, _)| *key == name);
                let default = || template["Parameters"][name]["Default"].as_str();
                given
                    .map(|(_, value)| *value)
                    .or_else(default)
                    .map(str::to_owned)
            }
        }
    }

    /// The text that a property will have, if it can be told.
    pub(crate) fn text(&self, template: &Value, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Object(fields) if fields.len() == 1 => {
                let (function, argument) = fields.iter().next()?;
                match (function.as_str(), argument) {
                    ("Ref", Value::String(name)) => self.value(template, name),
                    ("Fn::Sub", Value::String(text)) => self.sub(template, text),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn sub(&self, template: &Value, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}')?;
            out.push_str(before);
            match name.strip_prefix('!') {
                Some(literal) => out.extend(["${", literal, "}"]),
                None => out.push_str(&self.value(template, name)?),
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }
}

/// The resources of a template, with their logical ids.
pub(crate) fn resources(template: &Value) -> impl Iterator<Item = (&String, &Value)> {
    template["Resources"].as_object().into_iter().flatten()
}

/// Whether a template has a resource of a type.
pub(crate) fn has(template: &Value, kind: &str) -> bool {
    resources(template).any(|(_, resource)| resource["Type"] == kind)
}

/// The capabilities that the caller has to acknowledge.
pub(crate) fn required_capabilities(template: &Value) -> Vec<&'static str> {
    let mut plain = false;
    let mut named = false;
    for (_, resource) in resources(template) {
        let kind = resource["Type"].as_str().unwrap_or_default();
        let properties = &resource["Properties"];
        // SAM makes a role for a function that names none.
        plain |= kind == "AWS::Serverless::Function" && properties["Role"].is_null();
        if let Some((_, name)) = IAM.iter().find(|(known, _)| *known == kind) {
            plain = true;
            named |= name.is_some_and(|name| !properties[name].is_null());
        }
    }
    let mut required = Vec::new();
    if named {
        required.push("CAPABILITY_NAMED_IAM");
    } else if plain {
        required.push("CAPABILITY_IAM");
    }
    if !template["Transform"].is_null() {
        required.push("CAPABILITY_AUTO_EXPAND");
    }
    required
}

/// Those of the required capabilities that were not acknowledged.
pub(crate) fn missing_capabilities(required: &[&'static str], given: &[&str]) -> Vec<&'static str> {
    let acknowledged = |capability: &str| {
        given.contains(&capability)
            || (capability == "CAPABILITY_IAM" && given.contains(&"CAPABILITY_NAMED_IAM"))
    };
    required
        .iter()
        .copied()
        .filter(|capability| !acknowledged(capability))
        .collect()
}

/// The resources whose names must not exist yet. Those with a condition are left alone.
pub(crate) fn named(template: &Value, scope: &Scope<'_>) -> Vec<Named> {
    resources(template)
        .filter(|(_, resource)| resource["Condition"].is_null())
        .filter_map(|(logical_id, resource)| {
            let kind = resource["Type"].as_str()?;
            let (_, property) = NAMED.iter().find(|(known, _)| *known == kind)?;
            let name = scope.text(template, resource["Properties"].get(*property)?)?;
            let policy = resource["DeletionPolicy"].as_str().unwrap_or_default();
            Some(Named {
                logical_id: logical_id.clone(),
                kind: kind.to_owned(),
                name,
                retained: matches!(policy, "Retain" | "RetainExceptOnCreate"),
            })
        })
        .collect()
}

/// The routes of HTTP APIs: logical id, API and route key.
pub(crate) fn routes(template: &Value, scope: &Scope<'_>) -> Vec<(String, String, String)> {
    resources(template)
        .filter(|(_, resource)| resource["Type"] == "AWS::ApiGatewayV2::Route")
        .filter(|(_, resource)| resource["Condition"].is_null())
        .filter_map(|(logical_id, resource)| {
            let api = scope.text(template, resource["Properties"].get("ApiId")?)?;
            let key = scope.text(template, resource["Properties"].get("RouteKey")?)?;
            Some((logical_id.clone(), api, key))
        })
        .collect()
}

/// Makes the emulator fail on a resource: a parameter by this name exists nowhere, and it is
/// looked up when the resource's turn has come.
pub(crate) fn spoil(template: &mut Value, logical_id: &str, word: &str) {
    let resource = &mut template["Resources"][logical_id];
    if resource["Properties"].is_null() {
        resource["Properties"] = json!({});
    }
    resource["Properties"]["Refused"] = json!(format!("{{{{resolve:ssm:{word}}}}}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope<'a>() -> Scope<'a> {
        Scope {
            parameters: vec![("Name", "devops2-g4")],
            stack: "stack",
            region: "us-east-1",
            account: "000000000000",
        }
    }

    #[test]
    fn iam_resources_need_capabilities() {
        let role = json!({ "Resources": { "R": { "Type": "AWS::IAM::Role" } } });
        assert_eq!(required_capabilities(&role), ["CAPABILITY_IAM"]);
        let named = json!({ "Resources": {
            "R": { "Type": "AWS::IAM::Role", "Properties": { "RoleName": "x" } },
        } });
        assert_eq!(required_capabilities(&named), ["CAPABILITY_NAMED_IAM"]);
        let sam = json!({
            "Transform": "AWS::Serverless-2016-10-31",
            "Resources": { "F": { "Type": "AWS::Serverless::Function" } },
        });
        assert_eq!(
            required_capabilities(&sam),
            ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
        );
        let topic = json!({ "Resources": { "T": { "Type": "AWS::SNS::Topic" } } });
        assert!(required_capabilities(&topic).is_empty());
    }

    #[test]
    fn the_stronger_capability_covers_the_weaker() {
        assert!(missing_capabilities(&["CAPABILITY_IAM"], &["CAPABILITY_NAMED_IAM"]).is_empty());
        assert_eq!(
            missing_capabilities(&["CAPABILITY_NAMED_IAM"], &["CAPABILITY_IAM"]),
            ["CAPABILITY_NAMED_IAM"]
        );
    }

    #[test]
    fn names_are_read_from_literals_parameters_and_pseudo_parameters() {
        let template = json!({ "Resources": {
            "A": {
                "Type": "AWS::ECR::Repository",
                "DeletionPolicy": "RetainExceptOnCreate",
                "Properties": { "RepositoryName": "literal" },
            },
            "B": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": { "LogGroupName": { "Fn::Sub": "/${Name}/${AWS::Region}" } },
            },
            "C": {
                "Type": "AWS::ECS::Cluster",
                "Properties": { "ClusterName": { "Fn::GetAtt": ["X", "Y"] } },
            },
            "D": {
                "Type": "AWS::Logs::LogGroup",
                "Condition": "Maybe",
                "Properties": { "LogGroupName": "x" },
            },
        } });
        let found = named(&template, &scope());
        let names: Vec<(&str, bool)> = found
            .iter()
            .map(|named| (named.name.as_str(), named.retained))
            .collect();
        assert_eq!(names, [("literal", true), ("/devops2-g4/us-east-1", false)]);
    }
}
