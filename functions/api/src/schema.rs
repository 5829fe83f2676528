//! Schemas of bodies that no type has.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

/// Any JSON object.
pub(crate) fn any(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object"})
}

/// A manifest whose name may be left out: it is the address.
pub(crate) fn replacement(_: &mut SchemaGenerator) -> Schema {
    let mut schema = slipway_domain::schema::manifest().clone();
    if let Some(fields) = schema.as_object_mut() {
        for name in ["$schema", "title", "description", "required"] {
            fields.remove(name);
        }
    }
    schema.try_into().unwrap_or_else(|_| Schema::default())
}

/// A merge patch (RFC 7396) of a manifest: every field may be left out, and may be null,
/// which gives it its default.
pub(crate) fn patch(_: &mut SchemaGenerator) -> Schema {
    let mut schema = slipway_domain::schema::manifest().clone();
    // The name is the address; it may be repeated, not changed.
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.remove("service");
    }
    optional(&mut schema);
    if let Some(fields) = schema.as_object_mut() {
        for name in ["$schema", "title", "description"] {
            fields.remove(name);
        }
    }
    schema.try_into().unwrap_or_else(|_| Schema::default())
}

fn optional(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    fields.remove("required");
    fields.remove("default");
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(nullable);
    }
    if let Some(values @ Value::Object(_)) = fields.get_mut("additionalProperties") {
        nullable(values);
    }
}

/// Lets a value be null, in the plainest words that JSON Schema has for its kind.
fn nullable(schema: &mut Value) {
    optional(schema);
    let null = serde_json::json!({"type": "null"});
    if let Some(Value::Array(options)) = schema.get_mut("oneOf") {
        options.push(null);
        return;
    }
    match schema.get("type") {
        Some(Value::Array(_)) => {}
        Some(Value::String(only)) => {
            schema["type"] = serde_json::json!([only, "null"]);
            if let Some(Value::Array(options)) = schema.get_mut("enum") {
                options.push(Value::Null);
            }
        }
        _ => {
            let inner = schema.take();
            *schema = serde_json::json!({"anyOf": [inner, null]});
        }
    }
}

/// The schema of a path's parameter.
pub(crate) fn parameter(name: &str) -> Value {
    use slipway_domain::{EnvironmentName, ServiceName};
    match name {
        "name" => {
            serde_json::json!({"type": "string", "pattern": ServiceName::PATTERN, "maxLength": ServiceName::MAX})
        }
        "environment" => serde_json::json!({"type": "string", "pattern": EnvironmentName::PATTERN}),
        "run" => serde_json::json!({"type": "string", "pattern": crate::handlers::RUN_PATTERN}),
        "provider" => {
            let names =
                slipway_control::ports::Provider::ALL.map(slipway_control::ports::Provider::name);
            serde_json::json!({"type": "string", "enum": names})
        }
        _ => serde_json::json!({"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"}),
    }
}
