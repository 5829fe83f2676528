//! The manifest's JSON Schema, and what it refuses in words.
//!
//! The schema comes from the types of `manifest.rs`. Checking is the `jsonschema` crate's;
//! this module turns each of its findings into a pointer and a sentence that says what would
//! be right.

use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::manifest::{Manifest, Settings};
use crate::name::EnvironmentName;
use crate::problem::{Problem, join};
use crate::secret::SecretReference;
use crate::size;

/// Days that CloudWatch Logs has as retention (`PutRetentionPolicy`).
pub const RETENTIONS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// The most entries of a map of variables or environments.
const MAX_ENTRIES: u32 = 100;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings
        .into_generator()
        .into_root_schema_for::<Manifest>()
        .to_value()
});

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    jsonschema::validator_for(&SCHEMA)
        .unwrap_or_else(|error| panic!("the manifest's schema: {error}"))
});

/// The manifest's JSON Schema (draft 2020-12), without references.
pub fn manifest() -> &'static Value {
    &SCHEMA
}

/// Everything in `document` that the schema refuses.
pub fn check(document: &Value) -> Vec<Problem> {
    VALIDATOR
        .iter_errors(document)
        .flat_map(|error| describe(&error))
        .collect()
}

fn describe(error: &ValidationError<'_>) -> Vec<Problem> {
    let pointer = error.instance_path().as_str().to_owned();
    let node = node_of(error.schema_path().as_str());
    let one = |detail: String| vec![Problem::new(pointer.clone(), detail)];
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| Problem::new(join(&pointer, name), unknown_field(name, node)))
            .collect(),
        ValidationErrorKind::PropertyNames { error } => {
            let name = error.instance().as_str().unwrap_or_default().to_owned();
            let what = expected(node);
            vec![Problem::new(
                join(&pointer, &name),
                format!("is not a name that can stand here: {what}"),
            )]
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let what = expected(&node["properties"][name]);
            vec![Problem::new(
                join(&pointer, name),
                format!("is missing: {what}"),
            )]
        }
        ValidationErrorKind::Type { kind } => one(format!(
            "must be {}, but is {}",
            if node.get("x-rule").is_some() || node.get("minimum").is_some() {
                expected(node)
            } else {
                kind_in_words(kind)
            },
            in_words(error.instance())
        )),
        ValidationErrorKind::Maximum { .. }
        | ValidationErrorKind::Minimum { .. }
        | ValidationErrorKind::MultipleOf { .. }
        | ValidationErrorKind::Enum { .. }
        | ValidationErrorKind::Constant { .. }
        | ValidationErrorKind::OneOfNotValid { .. } => one(format!(
            "must be {}, but is {}",
            expected(node),
            in_words(error.instance())
        )),
        ValidationErrorKind::Pattern { .. }
        | ValidationErrorKind::MinLength { .. }
        | ValidationErrorKind::MaxLength { .. } => one(format!("must be {}", expected(node))),
        ValidationErrorKind::MaxItems { limit } | ValidationErrorKind::MaxProperties { limit } => {
            one(format!("must have at most {limit} entries"))
        }
        ValidationErrorKind::MinItems { limit } => one(format!("must have at least {limit} entry")),
        // The schema uses no other keyword; a test renders one of each.
        _ => one(error.to_string()),
    }
}

/// The schema's object that holds the keyword at `path`.
fn node_of(path: &str) -> &'static Value {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    SCHEMA.pointer(parent).unwrap_or(&Value::Null)
}

/// What the schema `node` accepts, in words.
fn expected(node: &Value) -> String {
    if let Some(rule) = node["x-rule"].as_str() {
        return rule.to_owned();
    }
    let options: Vec<String> = match (&node["enum"], &node["oneOf"], &node["const"]) {
        (Value::Array(options), _, _) => options.iter().map(Value::to_string).collect(),
        (_, Value::Array(options), _) => options.iter().map(|o| o["const"].to_string()).collect(),
        (_, _, Value::Null) => Vec::new(),
        (_, _, only) => vec![only.to_string()],
    };
    if !options.is_empty() {
        return match options.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => options.concat(),
        };
    }
    if let (Some(low), Some(high)) = (node["minimum"].as_u64(), node["maximum"].as_u64()) {
        return format!("a whole number from {low} to {high}");
    }
    if let Some(most) = node["maxLength"].as_u64() {
        return format!("a text of at most {most} characters");
    }
    match node["type"].as_str() {
        Some("string") => "a text".to_owned(),
        Some("object") => "an object".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        _ => "another value".to_owned(),
    }
}

fn kind_in_words(kind: &TypeKind) -> String {
    let name = |name: String| match name.as_str() {
        "string" => "a text".to_owned(),
        "integer" => "a whole number".to_owned(),
        "number" => "a number".to_owned(),
        "object" => "an object".to_owned(),
        "array" => "a list".to_owned(),
        "boolean" => "true or false".to_owned(),
        _ => name,
    };
    match kind {
        TypeKind::Single(kind) => name(kind.to_string()),
        TypeKind::Multiple(kinds) => {
            let kinds: Vec<String> = kinds
                .iter()
                .map(|kind| kind.to_string())
                .filter(|kind| kind != "null")
                .map(name)
                .collect();
            kinds.join(" or ")
        }
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if text.chars().count() <= 40 => format!("the text {value}"),
        Value::String(_) => "a long text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn unknown_field(name: &str, node: &Value) -> String {
    let Some(known) = node["properties"].as_object() else {
        return "is not a field here".to_owned();
    };
    let near = known
        .keys()
        .map(|key| (strsim::damerau_levenshtein(name, key), key))
        .min()
        .filter(|(distance, key)| *distance <= 2.max(key.len() / 3));
    match near {
        Some((_, key)) => format!("is not a field here; did you mean `{key}`?"),
        None => {
            let known: Vec<&str> = known.keys().map(String::as_str).collect();
            format!("is not a field here; there are {}", known.join(", "))
        }
    }
}

/// A newtype's value known to be right when the program is written.
///
/// # Panics
/// When it is not: the tests that read a manifest's defaults would fail.
pub(crate) fn literal<T>(text: &str) -> T
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Refuses fields that a type does not have.
pub(crate) fn closed(schema: &mut Schema) {
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    schema.remove("unevaluatedProperties");
}

pub(crate) fn cpu(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "enum": size::CPUS})
}

pub(crate) fn retention(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "enum": RETENTIONS})
}

pub(crate) fn resolution(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "enum": [20, 60]})
}

pub(crate) fn requests_per_task(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": 10_000_000})
}

pub(crate) fn task_count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 0, "maximum": 5000})
}

pub(crate) fn most_tasks(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": 5000})
}

pub(crate) fn queue_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": r"^[A-Za-z0-9_-]{1,75}(\.fifo)?$",
        "x-rule": "the name of an SQS queue, of letters, digits, `-` and `_`, at most 80 characters, such as `orders-in`",
    })
}

pub(crate) fn resource_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": 20,
        "items": {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._/#:-]*$",
            "maxLength": 255,
            "x-rule": "a name of letters, digits and `._/#:-`, at most 255 characters: no ARN, no `*`",
        },
        "x-rule": "a list of 1 to 20 names",
    })
}

pub(crate) fn time_of_day(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$",
        "x-rule": "a time of day from `00:00` to `23:59`, such as `08:30`",
    })
}

pub(crate) fn health_path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^/[A-Za-z0-9._~/?=&%-]*$",
        "maxLength": 1024,
        "x-rule": "a path that starts with `/`, of letters, digits and `._~/?=&%-`, at most 1024 characters, such as `/health`",
    })
}

pub(crate) fn tag_template(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": r"^([A-Za-z0-9_.-]|\{branch\}){0,64}\{(sha|short|tag)\}([A-Za-z0-9_.-]|\{(sha|short|branch|tag)\}){0,64}$",
        "x-rule": "an image's tag, of letters, digits and `._-`, with at least one of `{sha}`, `{short}` and `{tag}` in it, and `{branch}` beside it if you like, such as `{branch}-{short}`: a tag does not move, so it must tell builds apart",
    })
}

pub(crate) fn followed_tag(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,126}\*$",
        "x-rule": "the beginning of an image's tag, of letters, digits and `._-`, with `*` behind it for anything, such as `v*` or `main-*`: a tag does not move",
    })
}

pub(crate) fn pause(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": 1440})
}

pub(crate) fn failures(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": 200})
}

/// A map from environment variables to texts.
pub(crate) struct VariableMap;
/// A map from environment variables to secret references.
pub(crate) struct SecretMap;
/// A map from the dimensions of a metric to their values.
pub(crate) struct DimensionMap;
/// A map from environments to their overrides.
pub(crate) struct EnvironmentMap;

fn variable_name() -> Value {
    json!({
        "type": "string",
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        "maxLength": 200,
        "x-rule": "letters, digits and underscores, no digit first, at most 200 characters, such as `LOG_LEVEL`",
    })
}

impl JsonSchema for VariableMap {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Variables".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": variable_name(),
            "additionalProperties": {"type": "string", "maxLength": 4096},
            "maxProperties": MAX_ENTRIES,
        })
    }
}

impl JsonSchema for SecretMap {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secrets".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": variable_name(),
            "additionalProperties": generator.subschema_for::<SecretReference>(),
            "maxProperties": MAX_ENTRIES,
        })
    }
}

impl JsonSchema for DimensionMap {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Dimensions".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": {
                "type": "string",
                "pattern": "^[ -9;-~][ -~]*$",
                "maxLength": 255,
                "x-rule": "printable ASCII, no colon first, at most 255 characters, such as `QueueName`",
            },
            "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 1024},
            "maxProperties": 30,
        })
    }
}

impl JsonSchema for EnvironmentMap {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Environments".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut overrides = Settings::json_schema(generator);
        without_defaults(&mut overrides);
        overrides.insert(
            "description".to_owned(),
            "What differs in this environment.".into(),
        );
        json_schema!({
            "type": "object",
            "propertyNames": generator.subschema_for::<EnvironmentName>(),
            "additionalProperties": overrides,
            "maxProperties": 10,
        })
    }
}

/// An override that is left out is inherited, and so has no default of its own.
fn without_defaults(schema: &mut Schema) {
    schema.remove("default");
    schemars::transform::transform_subschemas(&mut without_defaults, schema);
}
