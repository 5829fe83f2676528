//! Who refers to whom in a template, as far as a linter cannot tell once conditions are decided.

use serde_json::Value;

/// The names that are referred to anywhere in a value: by `Ref`, `Fn::GetAtt` and `Fn::Sub`.
/// AWS's own, such as `AWS::Region`, are left out.
pub(crate) fn of(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(value, &mut found);
    found.retain(|name| !name.starts_with("AWS::"));
    found
}

fn walk(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| walk(it, found)),
        Value::Object(fields) => {
            for (key, inner) in fields {
                match key.as_str() {
                    "Ref" => found.extend(inner.as_str().map(str::to_owned)),
                    "Fn::GetAtt" => found.extend(attribute(inner)),
                    "Fn::Sub" => substituted(inner, found),
                    _ => walk(inner, found),
                }
            }
        }
        _ => {}
    }
}

fn attribute(argument: &Value) -> Option<String> {
    let name = argument[0].as_str().or_else(|| argument.as_str())?;
    name.split('.').next().map(str::to_owned)
}

/// What stands between `${` and `}`, but for the variables that are given with the text.
fn substituted(argument: &Value, found: &mut Vec<String>) {
    let text = argument.as_str().or_else(|| argument[0].as_str());
    let own = &argument[1];
    for piece in text.unwrap_or_default().split("${").skip(1) {
        let name = piece.split('}').next().unwrap_or_default();
        let resource = name.split('.').next().unwrap_or_default();
        if !name.starts_with('!') && own.get(name).is_none() {
            found.push(resource.to_owned());
        }
    }
    walk(own, found);
}

#[test]
fn references_are_found_in_every_form() {
    let value = serde_json::json!({
        "a": [{"Ref": "A"}, {"Ref": "AWS::Region"}],
        "b": {"Fn::GetAtt": ["B", "Arn"]},
        "c": {"Fn::Sub": "${C}-${D.Arn}-${!E}-${AWS::Region}"},
        "f": {"Fn::Sub": ["${Own}-${F}", {"Own": {"Fn::GetAtt": "G.Arn"}}]},
    });
    assert_eq!(of(&value), ["A", "B", "C", "D", "F", "G"]);
}
