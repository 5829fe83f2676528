//! The three intrinsic functions that templates use, each over names of our own: `Ref`,
//! `Fn::GetAtt` and `Fn::Join`. `Fn::Sub` is deliberately absent, because it reads text that
//! a team may have written.

use serde_json::{Map, Value, json};

/// What a resource is referred to by.
pub(crate) fn reference(logical_id: &str) -> Value {
    json!({"Ref": logical_id})
}

/// An attribute of a resource.
pub(crate) fn attribute(logical_id: &str, name: &str) -> Value {
    json!({"Fn::GetAtt": [logical_id, name]})
}

/// Parts joined by slashes.
pub(crate) fn path<const N: usize>(parts: &[Value; N]) -> Value {
    json!({"Fn::Join": ["/", parts.as_slice()]})
}

/// A function's alias, as metrics know it.
pub(crate) fn qualified(function: &str, alias: &str) -> Value {
    json!({"Fn::Join": [":", [reference(function), alias]]})
}

/// A document as JSON text, in which what is referred to stands as texts. Whatever else is in the
/// document is data: JSON's own escapes are in the parts, and `Fn::Join` reads none.
pub(crate) fn json_text(document: &Value) -> Value {
    let mut parts = vec![String::new().into()];
    write(document, &mut parts);
    json!({"Fn::Join": ["", parts]})
}

fn write(value: &Value, parts: &mut Vec<Value>) {
    match value {
        Value::Array(items) => {
            between(parts, '[', ']', items.iter(), |item, parts| {
                write(item, parts);
            });
        }
        Value::Object(fields) if is_intrinsic(fields) => {
            text("\"", parts);
            parts.extend([value.clone(), String::new().into()]);
            text("\"", parts);
        }
        Value::Object(fields) => between(parts, '{', '}', fields.iter(), |(name, field), parts| {
            text(&format!("{}:", Value::from(name.as_str())), parts);
            write(field, parts);
        }),
        plain => text(&plain.to_string(), parts),
    }
}

/// Items with commas in between.
fn between<T>(
    parts: &mut Vec<Value>,
    open: char,
    close: char,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(T, &mut Vec<Value>),
) {
    text(&open.to_string(), parts);
    for (number, item) in items.enumerate() {
        if number > 0 {
            text(",", parts);
        }
        write(item, parts);
    }
    text(&close.to_string(), parts);
}

fn is_intrinsic(fields: &Map<String, Value>) -> bool {
    fields.len() == 1 && (fields.contains_key("Ref") || fields.contains_key("Fn::GetAtt"))
}

/// Adds to the last part, which is always a text.
fn text(more: &str, parts: &mut [Value]) {
    if let Some(Value::String(last)) = parts.last_mut() {
        last.push_str(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_text_with_what_it_refers_to_in_between() {
        let document = json!({
            "a": [reference("X"), 1.5, true, null],
            "say \"b\"": {"c": attribute("Y", "Arn"), "d": "${Z}"},
        });
        assert_eq!(
            json_text(&document),
            json!({"Fn::Join": ["", [
                "{\"a\":[\"", {"Ref": "X"}, "\",1.5,true,null],\"say \\\"b\\\"\":{\"c\":\"",
                {"Fn::GetAtt": ["Y", "Arn"]}, "\",\"d\":\"${Z}\"}}",
            ]]})
        );
    }

    #[test]
    fn what_is_put_together_is_the_document() {
        let document = json!({"a": [reference("X")], "b": {"c": "d"}, "e": [], "f": {}});
        let Value::Array(parts) = json_text(&document)["Fn::Join"][1].take() else {
            panic!("no parts");
        };
        let text: String = parts.iter().map(|it| it.as_str().unwrap_or("x")).collect();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read, json!({"a": ["x"], "b": {"c": "d"}, "e": [], "f": {}}));
    }
}
