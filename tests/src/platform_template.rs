//! What `template.yaml` makes with given parameters: its conditions decided, its mappings looked
//! up, and each function worked out that needs nothing but parameters.
//!
//! It is no CloudFormation. What depends on a resource or on the region stays as it is written
//! (`{"Ref": "Vpc"}`), so that a test can see who refers to whom. What nested stacks make is made
//! beside the rest, as if it stood in one file.

mod addresses;
mod nested;
mod sets;
mod texts;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use crate::local_platform::root;

/// `template.yaml`, or a template that it nests.
#[derive(Debug)]
pub struct PlatformTemplate {
    /// Its path below the project's folder.
    file: String,
    template: Value,
    /// The templates of nested stacks, by the stacks' logical ids.
    nested: BTreeMap<String, PlatformTemplate>,
}

/// What is made with some parameters.
#[derive(Debug)]
pub struct Made {
    /// The resources by logical id.
    pub resources: BTreeMap<String, Value>,
    /// The outputs' values by name.
    pub outputs: BTreeMap<String, Value>,
}

/// Where it is made. Conditions and rules take it for us-east-1 unless it is given with the parameters.
const REGION: &str = "AWS::Region";

/// A function's argument that is no value: the property goes.
const NO_VALUE: &str = "AWS::NoValue";

impl PlatformTemplate {
    /// Reads the repository's.
    ///
    /// # Errors
    /// A file that is not there, or no template.
    pub fn read() -> Result<Self> {
        Self::of("template.yaml")
    }

    fn of(file: &str) -> Result<Self> {
        let path = root().join(file);
        let text = std::fs::read_to_string(&path).with_context(|| file.to_owned())?;
        let template = slipway_local_cloud::read_template(&text)?;
        let mut nested = BTreeMap::new();
        for (id, named) in nested::files(&template) {
            let beside = Path::new(file).with_file_name(named);
            nested.insert(id, Self::of(&beside.to_string_lossy())?);
        }
        Ok(Self {
            file: file.to_owned(),
            template,
            nested,
        })
    }

    /// The files that it consists of, below the project's folder: its own first.
    pub fn files(&self) -> Vec<&str> {
        let inner = self.nested.values().flat_map(Self::files);
        std::iter::once(&*self.file).chain(inner).collect()
    }

    /// The parameters' declarations by name.
    pub fn parameters(&self) -> Map<String, Value> {
        let parameters = self.template["Parameters"].as_object();
        parameters.cloned().unwrap_or_default()
    }

    /// What is made with these parameters, and the defaults of all others.
    ///
    /// # Errors
    /// A parameter that the template does not have, a condition that cannot be decided, and a
    /// condition or mapping that is not there.
    pub fn made(&self, given: &BTreeMap<String, String>) -> Result<Made> {
        Ok(self.made_in(self.scope(given)?)?.1)
    }

    /// What is made, and the scope that knows what nested stacks answer.
    fn made_in<'a>(&'a self, mut scope: Scope<'a>) -> Result<(Scope<'a>, Made)> {
        let mut resources = self.made_within(&mut scope)?;
        for (id, resource) in scope.present("Resources", |it| scope.value(it))? {
            if self.nested.contains_key(&id) {
                continue;
            }
            if resources.insert(id.clone(), resource).is_some() {
                bail!("{} and a template that it nests both have {id}", self.file);
            }
        }
        let outputs = scope.present("Outputs", |it| scope.value(&it["Value"]))?;
        Ok((scope, Made { resources, outputs }))
    }

    /// Why the template's rules refuse these parameters; nothing where they do not.
    ///
    /// # Errors
    /// As [`Self::made`], and a rule that cannot be decided.
    pub fn refused(&self, given: &BTreeMap<String, String>) -> Result<Option<String>> {
        let scope = self.scope(given)?;
        for rule in self.template["Rules"].as_object().into_iter().flatten() {
            let rule = rule.1;
            let condition = &rule["RuleCondition"];
            if !condition.is_null() && !scope.holds(condition)? {
                continue;
            }
            for assertion in rule["Assertions"].as_array().into_iter().flatten() {
                if !scope.holds(&assertion["Assert"])? {
                    let said = assertion["AssertDescription"].as_str();
                    return Ok(Some(said.unwrap_or_default().to_owned()));
                }
            }
        }
        Ok(None)
    }

    /// What else the template says, beside resources and outputs: `Globals`, say.
    pub fn section(&self, name: &str) -> &Value {
        &self.template[name]
    }

    fn scope(&self, given: &BTreeMap<String, String>) -> Result<Scope<'_>> {
        let region = given.get(REGION).map_or("us-east-1", |it| it);
        let given = given.iter().filter(|(name, _)| *name != REGION);
        let given = given.map(|(name, text)| (name.clone(), Value::from(text.clone())));
        self.scope_with(given.collect(), region)
    }

    /// The template with these values, which may refer to resources of the one that nests it.
    fn scope_with(&self, mut given: BTreeMap<String, Value>, region: &str) -> Result<Scope<'_>> {
        let mut parameters = BTreeMap::new();
        let declared = self.template["Parameters"].as_object();
        for (name, declaration) in declared.into_iter().flatten() {
            let value = match (given.remove(name), &declaration["Default"]) {
                (Some(value), _) => value,
                (None, Value::Null) => bail!("{}: nothing for {name}", self.file),
                (None, Value::String(text)) => text.clone().into(),
                (None, other) => other.to_string().into(),
            };
            let kind = declaration["Type"].as_str().unwrap_or_default();
            let value = match &value {
                Value::String(text) if kind.contains("List") => {
                    text.split(',').map(Value::from).collect()
                }
                _ => value,
            };
            parameters.insert(name.clone(), value);
        }
        if let Some(name) = given.keys().next() {
            bail!("{} has no parameter {name}", self.file);
        }
        Ok(Scope {
            template: &self.template,
            parameters,
            outputs: BTreeMap::new(),
            region: region.to_owned(),
        })
    }
}

/// The template with values for its parameters.
struct Scope<'a> {
    template: &'a Value,
    parameters: BTreeMap<String, Value>,
    /// What nested stacks answer, by the name that it is asked for: `Network.Outputs.Vpc`.
    outputs: BTreeMap<String, Value>,
    region: String,
}

impl Scope<'_> {
    /// The entries of a section whose condition holds.
    fn present(
        &self,
        section: &str,
        read: impl Fn(&Value) -> Result<Value>,
    ) -> Result<BTreeMap<String, Value>> {
        let mut found = BTreeMap::new();
        for (id, entry) in self.template[section].as_object().into_iter().flatten() {
            let is_there = match entry["Condition"].as_str() {
                Some(condition) => self.holds(&json!({"Condition": condition}))?,
                None => true,
            };
            if is_there {
                let value = read(entry).with_context(|| format!("{section} {id}"))?;
                found.insert(id.clone(), value);
            }
        }
        Ok(found)
    }

    /// Whether a condition holds.
    fn holds(&self, condition: &Value) -> Result<bool> {
        let (name, argument) = only(condition).context("a condition")?;
        let all = || argument.as_array().into_iter().flatten();
        match name {
            "Condition" => {
                let id = argument.as_str().context("a condition's name")?;
                let named = self.template["Conditions"].get(id);
                self.holds(named.with_context(|| format!("no condition {id}"))?)
            }
            "Fn::Not" => Ok(!self.holds(&argument[0])?),
            "Fn::And" => all().try_fold(true, |so_far, it| Ok(so_far && self.holds(it)?)),
            "Fn::Or" => all().try_fold(false, |so_far, it| Ok(so_far || self.holds(it)?)),
            "Fn::Equals" => Ok(self.compared(&argument[0])? == self.compared(&argument[1])?),
            other => bail!("{other} decides nothing"),
        }
    }

    /// One of two values that are compared, where the region is known.
    fn compared(&self, value: &Value) -> Result<Value> {
        if value["Ref"] == REGION {
            return Ok(self.region.as_str().into());
        }
        self.value(value)
    }

    /// A value with its functions worked out, as far as parameters say.
    fn value(&self, value: &Value) -> Result<Value> {
        match value {
            Value::Array(list) => list
                .iter()
                .map(|it| self.value(it))
                .filter(|it| !matches!(it, Ok(it) if it["Ref"] == NO_VALUE))
                .collect(),
            Value::Object(_) => match only(value) {
                Some((name, argument)) if name == "Ref" || name.starts_with("Fn::") => {
                    self.function(name, argument)
                }
                _ => self.object(value),
            },
            plain => Ok(plain.clone()),
        }
    }

    fn object(&self, value: &Value) -> Result<Value> {
        let mut found = Map::new();
        for (key, value) in value.as_object().into_iter().flatten() {
            let value = self.value(value).with_context(|| key.clone())?;
            if value["Ref"] != NO_VALUE {
                found.insert(key.clone(), value);
            }
        }
        Ok(Value::Object(found))
    }

    fn function(&self, name: &str, argument: &Value) -> Result<Value> {
        if name == "Fn::If" {
            let condition = json!({"Condition": argument[0]});
            let branch = if self.holds(&condition)? { 1 } else { 2 };
            return self.value(&argument[branch]);
        }
        if name == "Ref" {
            let id = argument.as_str().unwrap_or_default();
            let parameter = self.parameters.get(id).cloned();
            return Ok(parameter.unwrap_or_else(|| json!({"Ref": id})));
        }
        let argument = self.value(argument)?;
        let done = match name {
            "Fn::FindInMap" => Some(self.looked_up(&argument)?),
            "Fn::GetAtt" => self.answered(&argument),
            "Fn::Sub" => self.substituted(&argument),
            "Fn::Join" => texts::joined(&argument),
            "Fn::Split" => texts::split(&argument),
            "Fn::Select" => selected(&argument),
            "Fn::Cidr" => addresses::blocks(&argument),
            _ => None,
        };
        Ok(done.unwrap_or_else(|| json!({ name: argument })))
    }

    fn looked_up(&self, argument: &Value) -> Result<Value> {
        let key = |place: usize| argument[place].as_str().context("a key of a mapping");
        let found = &self.template["Mappings"][key(0)?][key(1)?][key(2)?];
        if found.is_null() {
            bail!("no entry {argument} in the mappings");
        }
        Ok(found.clone())
    }

    /// What a nested stack answers; nothing where a resource is asked.
    fn answered(&self, argument: &Value) -> Option<Value> {
        let name = format!("{}.{}", argument[0].as_str()?, argument[1].as_str()?);
        self.outputs.get(&name).cloned()
    }
}

/// The key and the value of an object that has one.
fn only(value: &Value) -> Option<(&str, &Value)> {
    let mut entries = value.as_object()?.iter();
    let (key, value) = entries.next()?;
    entries.next().is_none().then_some((key.as_str(), value))
}

fn selected(argument: &Value) -> Option<Value> {
    let place = &argument[0];
    let place = place.as_u64().or_else(|| place.as_str()?.parse().ok())?;
    let place = usize::try_from(place).ok()?;
    argument[1].as_array()?.get(place).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(parameters: &[(&str, &str)]) -> Made {
        let pairs = parameters.iter();
        let given = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        PlatformTemplate::read()
            .unwrap()
            .made(&given.collect())
            .unwrap()
    }

    #[test]
    fn what_its_condition_does_not_want_is_not_made() {
        let is_there = |made: Made| made.resources.contains_key("PublicSubnetC");
        assert!(!is_there(made(&[("ZoneCount", "2")])));
        assert!(is_there(made(&[("ZoneCount", "3")])));
    }

    #[test]
    fn parameters_are_put_in_and_what_refers_to_a_resource_stays() {
        let made = made(&[("VpcCidr", "10.1.0.0/16")]);
        // Of a nested template, as all of the network.
        let subnet = &made.resources["PublicSubnetB"]["Properties"];
        assert_eq!(subnet["CidrBlock"], "10.1.80.0/20");
        assert_eq!(subnet["VpcId"], json!({"Ref": "Vpc"}));
    }

    #[test]
    fn a_parameter_that_is_not_there_is_refused() {
        let template = PlatformTemplate::read().unwrap();
        let given = BTreeMap::from([("Nat".to_owned(), "none".to_owned())]);
        let error = template.made(&given).unwrap_err();
        assert_eq!(error.to_string(), "template.yaml has no parameter Nat");
    }
}
