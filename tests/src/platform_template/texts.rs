//! What is made of texts: put together, cut, and with values put into them.

use serde_json::{Map, Value, json};

use super::Scope;

impl Scope<'_> {
    /// The text with the texts put in that are known. What is known and is no text, such as a
    /// reference that a nested stack was given, is put in as a variable of this text's own.
    pub(super) fn substituted(&self, argument: &Value) -> Option<Value> {
        let text = argument.as_str().or_else(|| argument[0].as_str())?;
        let mut kept = Map::new();
        let mut done = String::new();
        let mut is_whole = true;
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let (name, behind) = behind.split_once('}')?;
            done.push_str(before);
            match self.known(name, &argument[1][name]) {
                Some(Value::String(text)) => done.push_str(text),
                Some(value) => {
                    let variable = name.replace('.', "");
                    done.extend(["${", &variable, "}"]);
                    kept.insert(variable, value.clone());
                    is_whole = false;
                }
                None => {
                    done.extend(["${", name, "}"]);
                    is_whole = false;
                }
            }
            rest = behind;
        }
        done.push_str(rest);
        Some(match (is_whole, kept.is_empty()) {
            (true, _) => done.into(),
            (false, true) => json!({"Fn::Sub": done}),
            (false, false) => json!({"Fn::Sub": [done, kept]}),
        })
    }

    fn known<'a>(&'a self, name: &str, own: &'a Value) -> Option<&'a Value> {
        if !own.is_null() {
            return Some(own);
        }
        let parameter = self.parameters.get(name);
        parameter.or_else(|| self.outputs.get(name))
    }
}

pub(super) fn joined(argument: &Value) -> Option<Value> {
    let texts: Option<Vec<&str>> = argument[1].as_array()?.iter().map(Value::as_str).collect();
    Some(texts?.join(argument[0].as_str()?).into())
}

/// The pieces of a text, and of what was joined by the same sign.
pub(super) fn split(argument: &Value) -> Option<Value> {
    let by = argument[0].as_str()?;
    if let Some(text) = argument[1].as_str() {
        return Some(text.split(by).map(Value::from).collect());
    }
    let join = &argument[1]["Fn::Join"];
    (join[0] == by && join[1].is_array()).then(|| join[1].clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_joined_is_split_into_what_it_was() {
        let ids = json!([{"Ref": "A"}, {"Ref": "B"}]);
        let joined = json!({"Fn::Join": [",", ids]});
        assert_eq!(split(&json!([",", joined])), Some(ids));
        assert_eq!(split(&json!([";", joined])), None);
        assert_eq!(split(&json!([",", "a,b"])), Some(json!(["a", "b"])));
    }
}
