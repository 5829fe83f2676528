//! The three intrinsic functions that templates use, each over names of our own: `Ref`,
//! `Fn::GetAtt` and `Fn::Join`. `Fn::Sub` is deliberately absent, because it reads text that
//! a team may have written.

use serde_json::{Value, json};

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
