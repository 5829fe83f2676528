//! Which of a service's two target groups has production traffic.
//!
//! ECS moves traffic by writing weights into the listener rule. They are ECS's, as the number of
//! tasks is the scaler's: a template is rendered with those that are live, and its digest does
//! not know them.
//!
//! What an update writes, a rollback takes back: CloudFormation then writes what the template
//! before said. So the template that a stack has must say what is live *before* an update begins
//! that may fail. A stack tells with an output what its template says; where that is not what is
//! live, an update of nothing else comes first.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use crate::intrinsic::{attribute, reference};
use crate::load_balancer::{ALTERNATE, RULE, TARGET_GROUP};
use crate::names;
use crate::template::Template;

/// The output that says how the applied template's rule is weighted, as `100/0`. A template
/// without it has one target group, the first.
pub const WEIGHTS_OUTPUT: &str = "Weights";

/// The weights of a rule's two target groups, each from 0 to 999; traffic is shared in proportion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights {
    /// That of the output `TargetGroup`.
    pub first: u16,
    /// That of the output `AlternateTargetGroup`.
    pub second: u16,
}

impl Weights {
    /// All traffic goes to the first group: how a rule begins.
    pub const FIRST: Self = Self {
        first: 100,
        second: 0,
    };
    /// All traffic goes to the second group.
    pub const SECOND: Self = Self {
        first: 0,
        second: 100,
    };

    /// Whether most of the traffic is the second group's.
    fn leans_to_second(self) -> bool {
        self.second > self.first
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.second)
    }
}

/// A text that is no pair of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoWeights;

impl FromStr for Weights {
    type Err = NoWeights;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, second) = text.split_once('/').ok_or(NoWeights)?;
        let weight = |text: &str| text.parse().ok().filter(|it| *it <= 999).ok_or(NoWeights);
        Ok(Self {
            first: weight(first)?,
            second: weight(second)?,
        })
    }
}

impl Template {
    /// How the rule is weighted; nothing where there is one target group, the first.
    pub fn weights(&self) -> Option<Weights> {
        let output = &self.as_value()["Outputs"][WEIGHTS_OUTPUT]["Value"];
        output.as_str()?.parse().ok()
    }

    /// The template with the weights that are live, so that applying it moves no traffic. Its
    /// digest stays.
    ///
    /// Where the strategy needs one target group only, it is the one that has the traffic. A stack
    /// that leaves a strategy with two may thus keep the second, and says so in its outputs: who
    /// updates it hands its weights in again.
    #[must_use]
    pub fn with_weights(mut self, weights: Weights) -> Self {
        let has_two = self.resource(RULE).is_some_and(shares);
        if has_two {
            share(&mut self, weights);
            put_output(&mut self, weights);
        } else if weights.leans_to_second() && self.resource(TARGET_GROUP).is_some() {
            self = self.rewritten(second_for_first);
            put_output(&mut self, Weights::SECOND);
        }
        self
    }
}

/// A rule's action over two target groups.
pub(crate) fn forward(weights: Weights) -> Value {
    json!({"Type": "forward", "ForwardConfig": forward_config(weights)})
}

fn forward_config(weights: Weights) -> Value {
    json!({
        "TargetGroups": [
            {"TargetGroupArn": reference(TARGET_GROUP), "Weight": weights.first},
            {"TargetGroupArn": reference(ALTERNATE), "Weight": weights.second},
        ],
        // A caller that stuck to the old tasks would never see the new ones.
        "TargetGroupStickinessConfig": {"Enabled": false},
    })
}

fn shares(rule: &Value) -> bool {
    rule["Properties"]["Actions"][0]
        .get("ForwardConfig")
        .is_some()
}

fn share(template: &mut Template, weights: Weights) {
    let properties = template
        .resource_mut(RULE)
        .and_then(|rule| rule.get_mut("Properties"))
        .and_then(Value::as_object_mut);
    if let Some(properties) = properties {
        properties.insert("Actions".to_owned(), json!([forward(weights)]));
    }
}

fn put_output(template: &mut Template, weights: Weights) {
    template.set_output(WEIGHTS_OUTPUT, json!({"Value": weights.to_string()}));
}

/// The template with the second target group in the place of the first, which is no more. The
/// output `TargetGroup` names it.
fn second_for_first(template: Value) -> Value {
    let mut template = renamed(template);
    if let Some(resources) = template["Resources"].as_object_mut() {
        *resources = std::mem::take(resources)
            .into_iter()
            .map(|(id, mut resource)| {
                if id != TARGET_GROUP {
                    return (id, resource);
                }
                if let Some(name) = resource.pointer_mut("/Properties/Name") {
                    let first = name.as_str().unwrap_or_default();
                    *name = names::second_target_group(first).into();
                }
                (ALTERNATE.to_owned(), resource)
            })
            .collect();
    }
    template
}

/// The name by which metrics know a target group.
fn name_of(group: &str) -> Value {
    attribute(group, "TargetGroupFullName")
}

fn renamed(value: Value) -> Value {
    if value == reference(TARGET_GROUP) {
        return reference(ALTERNATE);
    }
    if value == name_of(TARGET_GROUP) {
        return name_of(ALTERNATE);
    }
    match value {
        Value::Array(items) => items.into_iter().map(renamed).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, renamed(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use slipway_domain::{Manifest, Platform};

    use super::*;
    use crate::{RunState, environment_stack};

    fn stack(strategy: &str, weights: Option<Weights>) -> Template {
        on("dedicated", strategy, weights)
    }

    fn shared(strategy: &str, weights: Option<Weights>) -> Template {
        on("shared", strategy, weights)
    }

    fn on(ingress: &str, strategy: &str, weights: Option<Weights>) -> Template {
        let document = json!({
            "service": "orders", "image": "nginx:1", "ingress": ingress,
            "deploy": {"strategy": strategy}
        });
        let manifest = Manifest::read(&document).expect("a manifest");
        let platform = Platform::sample();
        let env = &platform.environment;
        let effective = manifest.effective(env, env).expect("its environment");
        let run = RunState {
            weights,
            ..RunState::default()
        };
        environment_stack(&effective, &platform, &run).expect("a stack")
    }

    #[test]
    fn weights_are_written_as_they_are_read() {
        for text in ["100/0", "0/100", "95/5", "999/1"] {
            let weights: Weights = text.parse().expect(text);
            assert_eq!(weights.to_string(), text);
        }
        for bad in ["", "100", "1/2/3", "1000/0", "-1/0", "a/b"] {
            assert_eq!(bad.parse::<Weights>(), Err(NoWeights), "{bad}");
        }
    }

    #[test]
    fn the_live_weights_are_rendered_and_the_digest_does_not_know_them() {
        let begin = stack("canary", None);
        assert_eq!(begin.weights(), Some(Weights::FIRST));
        for text in ["0/100", "100/0", "95/5"] {
            let live: Weights = text.parse().expect(text);
            let template = stack("canary", Some(live));
            assert_eq!(template.weights(), Some(live));
            assert_eq!(template.digest(), begin.digest());
            assert_eq!(template, begin.clone().with_weights(live));
            let actions = &template.as_value()["Resources"][RULE]["Properties"]["Actions"];
            assert_eq!(*actions, json!([forward(live)]));
        }
    }

    #[test]
    fn what_leaves_a_strategy_with_two_groups_keeps_the_one_with_the_traffic() {
        let first = stack("rolling", Some(Weights::FIRST));
        assert_eq!(first, stack("rolling", None));
        assert_eq!(first.weights(), None);
        let second = stack("rolling", Some(Weights::SECOND));
        assert_eq!(second.weights(), Some(Weights::SECOND));
        assert_eq!(second.digest(), first.digest());
        assert!(second.resource(TARGET_GROUP).is_none());
        assert_eq!(second.resource(ALTERNATE), first.resource(TARGET_GROUP));
        let text = second.to_json();
        assert!(!text.contains(r#"{"Ref":"TargetGroup"}"#), "{text}");
        assert!(!text.contains(r#"{"Fn::GetAtt":["TargetGroup","#), "{text}");
        let output = &second.as_value()["Outputs"]["TargetGroup"]["Value"];
        assert_eq!(*output, reference(ALTERNATE));
        // Where it has a name, it keeps that, too.
        let name = |template: &Template, group| {
            let group = template.resource(group).expect("a group");
            group["Properties"]["Name"].clone()
        };
        let (both, alone) = (
            shared("canary", None),
            shared("rolling", Some(Weights::SECOND)),
        );
        assert!(name(&both, ALTERNATE).is_string());
        assert_ne!(name(&both, ALTERNATE), name(&both, TARGET_GROUP));
        assert_eq!(name(&alone, ALTERNATE), name(&both, ALTERNATE));
        // And it keeps it, however often its weights are handed in again.
        assert_eq!(second.clone().with_weights(Weights::SECOND), second);
    }
}
