//! Nested stacks: what a template names as another's, and what that one makes of what it is given.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{PlatformTemplate, Scope};

/// A stack within a stack.
const STACK: &str = "AWS::CloudFormation::Stack";

/// The files that a template nests, by the logical ids of their stacks.
pub(super) fn files(template: &Value) -> Vec<(String, String)> {
    let resources = template["Resources"].as_object();
    let nested = resources.into_iter().flatten();
    let nested = nested.filter(|(_, it)| it["Type"] == STACK);
    nested
        .filter_map(|(id, it)| {
            let file = it["Properties"]["TemplateURL"].as_str()?;
            Some((id.clone(), file.to_owned()))
        })
        .collect()
}

impl PlatformTemplate {
    /// What the nested stacks make with what the scope gives them; the scope then knows what they
    /// answer.
    pub(super) fn made_within(&self, scope: &mut Scope<'_>) -> Result<BTreeMap<String, Value>> {
        let mut made = BTreeMap::new();
        let mut waiting: Vec<&String> = self.nested.keys().collect();
        while !waiting.is_empty() {
            let asks = |id: &String| {
                let text = self.template["Resources"][id].to_string();
                let asked = |other: &&String| {
                    text.contains(&format!("[\"{other}\",\"Outputs."))
                        || text.contains(&format!("${{{other}.Outputs."))
                };
                waiting.iter().any(asked)
            };
            let (later, now): (Vec<&String>, Vec<&String>) =
                waiting.iter().partition(|id| asks(id));
            if now.is_empty() {
                bail!("nested stacks that wait for each other: {later:?}");
            }
            for id in now {
                made.extend(self.made_by(id, scope).with_context(|| id.clone())?);
            }
            waiting = later;
        }
        Ok(made)
    }

    fn made_by(&self, id: &str, scope: &mut Scope<'_>) -> Result<BTreeMap<String, Value>> {
        let stack = &self.template["Resources"][id];
        if let Some(condition) = stack["Condition"].as_str()
            && !scope.holds(&json!({"Condition": condition}))?
        {
            return Ok(BTreeMap::new());
        }
        let given = scope.value(&stack["Properties"]["Parameters"])?;
        let given = given.as_object().cloned().unwrap_or_default();
        let inner = self.nested.get(id).context("no template")?;
        let within = inner.scope_with(given.into_iter().collect(), &scope.region)?;
        let (_, made) = inner.made_in(within)?;
        let outputs = made.outputs.into_iter();
        scope
            .outputs
            .extend(outputs.map(|(name, value)| (format!("{id}.Outputs.{name}"), value)));
        Ok(made.resources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &Value) -> PlatformTemplate {
        PlatformTemplate {
            file: "a.yaml".to_owned(),
            template: text.clone(),
            nested: BTreeMap::new(),
        }
    }

    fn outer(parameters: &Value) -> PlatformTemplate {
        let mut outer = template(&json!({
            "Parameters": {"Name": {"Type": "String", "Default": "p"}},
            "Resources": {
                "Inner": {"Type": STACK, "Properties": {"Parameters": parameters}},
                "Key": {"Type": "AWS::KMS::Key"},
                "Topic": {"Type": "AWS::SNS::Topic", "Properties": {
                    "Name": {"Fn::GetAtt": ["Inner", "Outputs.Name"]},
                    "Text": {"Fn::Sub": "${Name}: ${Inner.Outputs.Queue}"},
                }},
            },
        }));
        let inner = template(&json!({
            "Parameters": {"Said": {"Type": "String"}, "Key": {"Type": "String"}},
            "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {
                "KmsMasterKeyId": {"Ref": "Key"},
                "Name": {"Fn::Sub": "${Said}-${Key}"},
            }}},
            "Outputs": {"Name": {"Value": {"Ref": "Said"}}, "Queue": {"Value": {"Ref": "Queue"}}},
        }));
        outer.nested.insert("Inner".to_owned(), inner);
        outer
    }

    #[test]
    fn a_nested_template_is_made_with_what_it_is_given_and_answers() {
        let key = json!({"Fn::GetAtt": ["Key", "Arn"]});
        let given = json!({"Said": {"Fn::Sub": "${Name}-x"}, "Key": key});
        let made = outer(&given).made(&BTreeMap::new()).unwrap().resources;
        assert_eq!(made.keys().collect::<Vec<_>>(), ["Key", "Queue", "Topic"]);
        let queue = &made["Queue"]["Properties"];
        assert_eq!(queue["KmsMasterKeyId"], key);
        assert_eq!(
            queue["Name"],
            json!({"Fn::Sub": ["p-x-${Key}", {"Key": key}]})
        );
        let topic = &made["Topic"]["Properties"];
        assert_eq!(topic["Name"], "p-x");
        assert_eq!(
            topic["Text"],
            json!({"Fn::Sub": ["p: ${InnerOutputsQueue}", {"InnerOutputsQueue": {"Ref": "Queue"}}]})
        );
    }

    #[test]
    fn a_nested_template_is_given_all_of_its_parameters_and_no_other() {
        let without = outer(&json!({"Said": "x"})).made(&BTreeMap::new());
        let said = format!("{:#}", without.unwrap_err());
        assert_eq!(said, "Inner: a.yaml: nothing for Key");
        let more = json!({"Said": "x", "Key": "y", "Other": "z"});
        let said = format!("{:#}", outer(&more).made(&BTreeMap::new()).unwrap_err());
        assert_eq!(said, "Inner: a.yaml has no parameter Other");
    }
}
