//! Where two documents differ, and where one refers to resources: JSON pointers (RFC 6901).

use std::collections::BTreeSet;

use serde_json::Value;

/// The places where two values differ, as deep inside as both have them. Lists of different
/// lengths differ as a whole, and so do references.
pub(super) fn differing(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(before, after, String::new(), &mut found);
    found
}

fn compare(before: &Value, after: &Value, at: String, found: &mut Vec<String>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) if !refers(before) && !refers(after) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let at = inside(&at, key);
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => compare(old, new, at, found),
                    _ => found.push(at),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (n, (old, new)) in old.iter().zip(new).enumerate() {
                compare(old, new, format!("{at}/{n}"), found);
            }
        }
        _ => found.push(at),
    }
}

/// The places where a value refers to one of the resources.
pub(super) fn references(value: &Value, to: &BTreeSet<&str>) -> Vec<String> {
    let mut found = Vec::new();
    seek(value, to, String::new(), &mut found);
    found
}

fn seek(value: &Value, to: &BTreeSet<&str>, at: String, found: &mut Vec<String>) {
    if refers(value) {
        if names(value, to) {
            found.push(at);
        }
        return;
    }
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                seek(value, to, inside(&at, key), found);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                seek(item, to, format!("{at}/{n}"), found);
            }
        }
        _ => {}
    }
}

/// Whether a function of a template, with all that it joins, names one of the resources.
fn names(value: &Value, to: &BTreeSet<&str>) -> bool {
    let is_one = |id: &Value| id.as_str().is_some_and(|id| to.contains(id));
    match value {
        Value::Object(fields) => fields.iter().any(|(key, value)| match key.as_str() {
            "Ref" => is_one(value),
            "Fn::GetAtt" => is_one(&value[0]),
            _ => names(value, to),
        }),
        Value::Array(items) => items.iter().any(|item| names(item, to)),
        _ => false,
    }
}

/// Whether a value is a function of a template.
fn refers(value: &Value) -> bool {
    let fields = value.as_object();
    fields.is_some_and(|fields| {
        fields.len() == 1
            && fields
                .keys()
                .all(|key| key == "Ref" || key.starts_with("Fn::"))
    })
}

fn inside(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_named_as_deep_inside_as_both_have_them() {
        let before = json!({"a": {"b": [1, {"c": 2}], "gone": 1}, "same": [1], "s/~": 1});
        let after = json!({"a": {"b": [1, {"c": 3}], "new": 1}, "same": [1], "s/~": 2});
        assert_eq!(
            differing(&before, &after),
            ["/a/b/1/c", "/a/gone", "/a/new", "/s~1~0"]
        );
        assert_eq!(differing(&json!([1]), &json!([1, 2])), [""]);
        assert!(differing(&before, &before).is_empty());
    }

    #[test]
    fn a_reference_is_one_value() {
        let join = |id: &str| json!({"Id": {"Fn::Join": ["/", ["service", {"Ref": id}]]}});
        assert_eq!(differing(&join("A"), &join("B")), ["/Id"]);
        assert_eq!(
            differing(&json!({"Id": {"Ref": "A"}}), &json!({"Id": "a"})),
            ["/Id"]
        );
    }

    #[test]
    fn references_are_found_wherever_they_are() {
        let value = json!({
            "One": {"Ref": "A"},
            "Two": [{"Deep": {"Fn::GetAtt": ["B", "Arn"]}}, {"Ref": "C"}],
            "Three": {"Fn::Join": ["/", ["service", {"Fn::GetAtt": ["A", "Name"]}]]},
            "Text": "A",
        });
        assert_eq!(references(&value, &["A"].into()), ["/One", "/Three"]);
        assert_eq!(references(&value, &["B"].into()), ["/Two/0/Deep"]);
        assert!(references(&value, &BTreeSet::new()).is_empty());
    }
}
