//! The forms of what surrounds a container, as JSON Schema.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Sidecar, Volume};

pub(crate) fn port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": 65_535})
}

pub(crate) fn cpu_share(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": 16_000})
}

pub(crate) fn memory_share(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 6, "maximum": 120_000})
}

pub(crate) fn stop_timeout(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 2, "maximum": 120})
}

pub(crate) fn storage(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 21, "maximum": 200})
}

/// As `T` itself, where a field may be left out: leaving it out is not writing null.
pub(crate) fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

pub(crate) fn wait_for(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["started", "healthy", "done"]})
}

pub(crate) fn user(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^[a-z0-9_][a-z0-9_-]{0,31}(:[a-z0-9_][a-z0-9_-]{0,31})?$",
        "x-rule": "a user's name or number, and behind a colon a group's if you like, such as `1000:1000`",
    })
}

pub(crate) fn directories(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 10,
        "items": directory(generator),
    })
}

pub(crate) fn directory(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$",
        "maxLength": 200,
        "x-rule": "a directory that starts with `/`, of letters, digits and `._-`, at most 200 characters, such as `/tmp`",
    })
}

pub(crate) fn file_system(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^fs-[0-9a-f]{8,40}$",
        "x-rule": "the id of a file system of EFS, such as `fs-0123456789abcdef0`",
    })
}

/// A map from the names of volumes to them.
pub(crate) struct VolumeMap;

impl JsonSchema for VolumeMap {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Volumes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": {
                "type": "string",
                "pattern": "^[a-z][a-z0-9]{0,19}$",
                "x-rule": "lower-case letters and digits, a letter first, at most 20 characters, such as `uploads`",
            },
            "additionalProperties": generator.subschema_for::<Volume>(),
            "maxProperties": 5,
        })
    }
}

/// A map from the names of containers to sidecars.
pub(crate) struct SidecarMap;

impl JsonSchema for SidecarMap {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sidecars".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": {
                "type": "string",
                "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
                "maxLength": 30,
                "x-rule": "lower-case letters, digits and single hyphens, a letter first, at most 30 characters, such as `proxy`",
            },
            "additionalProperties": generator.subschema_for::<Sidecar>(),
            "maxProperties": 5,
        })
    }
}
