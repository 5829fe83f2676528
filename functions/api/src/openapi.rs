//! The OpenAPI document, made from the table of operations.

use http::StatusCode;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use slipway_lambda::problem::{MEDIA_TYPE, ProblemDocument};

use crate::operations::{self, Operation};
use crate::request::{CURSOR_PATTERN, ETAG_PATTERN, KEY_PATTERN, MAX_PAGE, Need, PAGE};
use crate::takes::Takes;
use crate::{BASE, Ports, assumed, schema};

/// The operations whose body may be left out.
const WITHOUT_BODY: [&str; 5] = [
    "stopUpgrade",
    "rollBack",
    "planRollback",
    "pauseScaling",
    "resumeScaling",
];

/// The OpenAPI 3.1 document of this API.
pub fn document<P: Ports>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<ProblemDocument>().to_value();
    let mut paths = Map::new();
    for operation in operations::all::<P>() {
        let path = paths
            .entry(operation.path.to_owned())
            .or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] =
            describe(&operation, &mut generator, &problem);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Slipway",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Self-service ECS: register a service with one call, and it is deployed.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": BASE}],
        "security": [{"sigv4": []}],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "description": "AWS Signature Version 4 for the service execute-api",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                },
            },
        },
    })
}

fn describe<P: Ports>(
    operation: &Operation<P>,
    generator: &mut SchemaGenerator,
    problem: &Value,
) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters(operation),
        "responses": responses(operation, generator, problem),
    });
    if operation.open {
        described["security"] = json!([]);
    }
    if let Some(body) = operation.body {
        let media = if operation.method == http::Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        described["requestBody"] = json!({
            // Where all of it may be left out, so may the body.
            "required": !WITHOUT_BODY.contains(&operation.id),
            "content": {media: {"schema": body(generator)}},
        });
    }
    described
}

fn parameters<P: Ports>(operation: &Operation<P>) -> Vec<Value> {
    let mut parameters: Vec<Value> = operation
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": schema::parameter(name)}))
        .collect();
    let mut add = |place: &str, name: &str, required: bool, description: &str, schema: Value| {
        parameters.push(json!({"name": name, "in": place, "required": required, "description": description, "schema": schema}));
    };
    if operation.takes == Takes::TeamPage {
        let team = json!({"type": "string", "pattern": slipway_domain::TeamName::PATTERN, "maxLength": slipway_domain::TeamName::MAX});
        add("query", "team", false, "Only services of this team", team);
        add(
            "query",
            "needs",
            false,
            "`person`: only services with a stack that does not go on without one. A page may then be short, even empty, and still have a `next`",
            Need::schema(),
        );
    }
    if matches!(operation.takes, Takes::Assumed | Takes::AssumedPage) {
        for (name, description, schema) in assumed::parameters() {
            add("query", &name, false, &description, schema);
        }
    }
    if matches!(
        operation.takes,
        Takes::Page | Takes::TeamPage | Takes::AssumedPage
    ) {
        add(
            "query",
            "cursor",
            false,
            "`next` of the page before",
            json!({"type": "string", "pattern": CURSOR_PATTERN}),
        );
        let limit = json!({"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE});
        add(
            "query",
            "limit",
            false,
            "The most entries of the page",
            limit,
        );
    }
    if operation.takes == Takes::Key {
        let key = json!({"type": "string", "pattern": KEY_PATTERN});
        add(
            "header",
            "Idempotency-Key",
            false,
            "The same request under the same key is done once, and answered alike for a day",
            key,
        );
    }
    if operation.takes == Takes::Precondition {
        let tag = json!({"type": "string", "pattern": ETAG_PATTERN, "examples": ["*"]});
        add(
            "header",
            "If-Match",
            // A `PUT` may also make a service, which has no ETag yet.
            operation.method != http::Method::PUT,
            "The ETag of the service as it was read, or `*` for whatever it is; needed for what exists",
            tag,
        );
    }
    parameters
}

fn responses<P: Ports>(
    operation: &Operation<P>,
    generator: &mut SchemaGenerator,
    problem: &Value,
) -> Value {
    let mut responses = Map::new();
    for status in operation.success {
        let mut response = json!({
            "description": status.canonical_reason().unwrap_or_default(),
            "content": {"application/json": {"schema": (operation.answer)(generator)}},
        });
        if operation.id.ends_with("Service") && operation.id != "deleteService" {
            response["headers"] = json!({"ETag": {"schema": {"type": "string"}, "description": "What If-Match takes"}});
        }
        responses.insert(status.as_str().to_owned(), response);
    }
    let gateway = json!({"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]});
    let mut refusal = |status: StatusCode, media_type: &str, schema: &Value| {
        let response = responses.entry(status.as_str().to_owned()).or_insert_with(
            || json!({"description": status.canonical_reason().unwrap_or_default(), "content": {}}),
        );
        response["content"][media_type] = json!({"schema": schema});
    };
    for status in refusals(operation) {
        refusal(status, MEDIA_TYPE, problem);
    }
    for status in refusals_of_gateway(operation) {
        refusal(status, "application/json", &gateway);
    }
    Value::Object(responses)
}

/// The statuses with which API Gateway answers in the API's place: callers that it does not
/// know or let in, too many requests, and a function that did not answer.
fn refusals_of_gateway<P: Ports>(operation: &Operation<P>) -> Vec<StatusCode> {
    let mut statuses = vec![
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    if !operation.open {
        statuses.push(StatusCode::FORBIDDEN);
    }
    statuses
}

/// The statuses with which an operation may refuse.
fn refusals<P: Ports>(operation: &Operation<P>) -> Vec<StatusCode> {
    if operation.open {
        return Vec::new();
    }
    let mut statuses = vec![StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED];
    // There is none before the platform's first sweep.
    if operation.path.contains('{') || operation.path.starts_with("/platform/upgrade") {
        statuses.push(StatusCode::NOT_FOUND);
    }
    let writes = operation.method != http::Method::GET && operation.id != "plan";
    if writes {
        statuses.push(StatusCode::CONFLICT);
    }
    if operation.takes == Takes::Precondition {
        statuses.extend([
            StatusCode::PRECONDITION_FAILED,
            StatusCode::PRECONDITION_REQUIRED,
        ]);
    }
    if operation.body.is_some() {
        statuses.push(StatusCode::PAYLOAD_TOO_LARGE);
    }
    // A document that breaks a rule, or a key that was used with another request.
    if operation.body.is_some() || operation.takes == Takes::Key {
        statuses.push(StatusCode::UNPROCESSABLE_ENTITY);
    }
    statuses.extend([
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::SERVICE_UNAVAILABLE,
    ]);
    statuses
}
