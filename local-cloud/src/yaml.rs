//! CloudFormation's YAML, short-form intrinsics included, as JSON.
//!
//! `!Sub x`, `!Ref x`, `!GetAtt a.b` and their kin are local tags, which YAML libraries that
//! deserialise into plain values drop; so the template is built from the parser's events.
//! JSON is YAML too, so one function reads both. Anchors are resolved; merge keys are refused,
//! as CloudFormation refuses them.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value, json};

/// Reads one YAML or JSON document.
///
/// # Errors
/// What is not YAML, more than one document, tags that CloudFormation does not have, merge keys.
pub fn parse(text: &str) -> Result<Value> {
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(value);
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.context("not YAML")?;
        builder
            .take(event)
            .with_context(|| format!("in line {}", span.start.line()))?;
    }
    builder.document.context("the document is empty")
}

#[derive(Default)]
struct Builder {
    /// Collections that are still open, with their tag and anchor.
    open: Vec<(Collection, Option<String>, usize)>,
    anchors: HashMap<usize, Value>,
    document: Option<Value>,
}

enum Collection {
    Sequence(Vec<Value>),
    Mapping(Map<String, Value>, Option<String>),
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Result<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| tag.suffix().to_owned());
                let plain = matches!(style, ScalarStyle::Plain) && tag.is_none();
                let value = if plain {
                    scalar(&text)
                } else {
                    Value::String(text.into_owned())
                };
                self.complete(value, tag.as_deref(), anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let tag = tag.map(|tag| tag.suffix().to_owned());
                self.open
                    .push((Collection::Sequence(Vec::new()), tag, anchor));
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                let tag = tag.map(|tag| tag.suffix().to_owned());
                self.open
                    .push((Collection::Mapping(Map::new(), None), tag, anchor));
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (collection, tag, anchor) = self.open.pop().context("nothing is open")?;
                let value = match collection {
                    Collection::Sequence(items) => Value::Array(items),
                    Collection::Mapping(fields, _) => Value::Object(fields),
                };
                self.complete(value, tag.as_deref(), anchor)
            }
            Event::Alias(anchor) => {
                let value = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .context("an unknown anchor")?;
                self.complete(value, None, 0)
            }
            _ => Ok(()),
        }
    }

    /// A node is finished: it becomes a key, a value, an item or the document.
    fn complete(&mut self, value: Value, tag: Option<&str>, anchor: usize) -> Result<()> {
        let value = tag.map_or(Ok(value.clone()), |tag| intrinsic(tag, value))?;
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut() {
            None => self.document = Some(value),
            Some((Collection::Sequence(items), ..)) => items.push(value),
            Some((Collection::Mapping(fields, key), ..)) => match key.take() {
                Some(key) => {
                    fields.insert(key, value);
                }
                None => *key = Some(key_text(&value)?),
            },
        }
        Ok(())
    }
}

fn key_text(value: &Value) -> Result<String> {
    match value {
        Value::String(text) if text == "<<" => bail!("merge keys are not understood"),
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => bail!("a key is not a word"),
    }
}

/// The long form of a short-form intrinsic function.
fn intrinsic(tag: &str, value: Value) -> Result<Value> {
    let tag = tag.trim_start_matches('!');
    Ok(match (tag, value) {
        ("str" | "int" | "float" | "bool" | "null" | "map" | "seq", value) => value,
        ("Ref" | "Condition", value) => json!({ tag: value }),
        ("GetAtt", Value::String(text)) => {
            let (resource, attribute) = text.split_once('.').context("!GetAtt without a dot")?;
            json!({ "Fn::GetAtt": [resource, attribute] })
        }
        (
            "Base64" | "Cidr" | "And" | "Equals" | "If" | "Not" | "Or" | "FindInMap" | "GetAtt"
            | "GetAZs" | "ImportValue" | "Join" | "Select" | "Split" | "Sub" | "Transform"
            | "Length" | "ToJsonString",
            value,
        ) => {
            json!({ format!("Fn::{tag}"): value })
        }
        (other, _) => bail!("!{other} is no intrinsic function"),
    })
}

/// A plain scalar as YAML 1.1 reads it, as far as CloudFormation does.
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

/// A number, unless it would not be written the same way again (`0123`, `1_000`, versions).
fn number(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse::<i64>()
        && whole.to_string() == text
    {
        return Some(whole.into());
    }
    let decimal = text.contains('.')
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || b".-".contains(&b));
    decimal
        .then(|| text.parse().ok().and_then(Number::from_f64))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_become_long_forms() {
        let text = "
A: !Ref Name
B: !Sub '${A}-x'
C: !GetAtt Table.StreamArn
D: !If [Yes, !Ref X, !Ref 'AWS::NoValue']
E: !Join
  - ','
  - - !Select [0, !GetAZs '']
    - y
F:
  Fn::Sub: plain
";
        let expected = json!({
            "A": { "Ref": "Name" },
            "B": { "Fn::Sub": "${A}-x" },
            "C": { "Fn::GetAtt": ["Table", "StreamArn"] },
            "D": { "Fn::If": ["Yes", { "Ref": "X" }, { "Ref": "AWS::NoValue" }] },
            "E": { "Fn::Join": [",", [{ "Fn::Select": [0, { "Fn::GetAZs": "" }] }, "y"]] },
            "F": { "Fn::Sub": "plain" },
        });
        assert_eq!(parse(text).expect("yaml"), expected);
    }

    #[test]
    fn scalars_keep_their_kinds() {
        let text =
            "a: 1\nb: '1'\nc: true\nd: 1.5\ne: 2010-09-09\nf: 0123\ng:\nh: >-\n  two\n  lines\n";
        let expected = json!({
            "a": 1, "b": "1", "c": true, "d": 1.5, "e": "2010-09-09", "f": "0123", "g": null,
            "h": "two lines",
        });
        assert_eq!(parse(text).expect("yaml"), expected);
    }

    #[test]
    fn unknown_tags_and_merge_keys_are_refused() {
        assert!(parse("a: !Nonsense b").is_err());
        assert!(parse("a: &x {b: 1}\nc:\n  <<: *x").is_err());
    }
}
