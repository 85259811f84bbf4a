//! `/openapi.json`: the HTTP API of the gateway and of its plugins, OpenAPI 3.1.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::operation::{Body, Operation, Tag, path_parameters};
use super::paths::{self, Paths};
use super::schemas::Schemas;
use super::{Face, Route, Subject, endpoints, plugins};

/// The name of the schema of event types: those that are known when the document is made.
const EVENT_TYPE: &str = "EventType";

/// The document.
pub fn openapi(subject: &Subject<'_>) -> Value {
    let mut schemas = Schemas::default();
    let mut paths = Paths::default();
    for route in &subject.routes {
        let (parameters, operation) = operation(route, subject.face, &mut schemas);
        paths.add(route.path, &route.method, parameters, operation);
    }
    endpoints::add(subject.face, &mut schemas, &mut paths);
    plugins::add_routes(subject, &mut schemas, &mut paths);
    let shared = answers::shared(&mut schemas);
    let mut schemas = schemas.finish();
    if let Some(Value::Object(schema)) = schemas.get_mut(EVENT_TYPE) {
        schema.insert("enum".into(), known(subject.types));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": subject.face.name,
            "version": subject.face.version,
            "summary": "Publish events, read them, look at rooms and sessions, and use the plugins over HTTP.",
            "description": INTRODUCTION,
        },
        "servers": [{ "url": "/", "description": "The gateway that serves this document" }],
        "tags": tags(subject),
        "paths": paths.finish(),
        "components": {
            "schemas": schemas,
            "responses": shared,
            "headers": answers::headers(),
            "securitySchemes": { "bearer": bearer() },
        },
    })
}

const INTRODUCTION: &str = "Bodies are JSON; one without a content type is read as JSON. Errors are problem details \
(RFC 9457). A path with a slash at its end is the same one without it. Every answer bears `x-request-id`. What \
clients send and get over WebSocket is in `/asyncapi.json`.";

/// The event types that are known, as the values of an enumeration.
fn known(types: &[Arc<str>]) -> Value {
    types.iter().map(|name| Value::from(&**name)).collect()
}

fn bearer() -> Value {
    json!({
        "type": "http",
        "scheme": "bearer",
        "description": "A token that the profile of the API takes, or a key of a program, which gives its bearer scopes: `read`, `publish`, `admin`, and those of plugins.",
    })
}

/// What a caller must show for a scope.
pub(super) fn security(face: &Face, scope: Option<&str>) -> Value {
    match scope {
        None => json!([]),
        Some(scope) if face.anonymous => json!([{}, { "bearer": [scope] }]),
        Some(scope) => json!([{ "bearer": [scope] }]),
    }
}

fn tags(subject: &Subject<'_>) -> Value {
    let own = Tag::ALL.map(Tag::words).map(|(name, about)| json!({ "name": name, "description": about }));
    let of_plugin = subject.plugins.iter().filter(|plugin| !plugin.routes.is_empty());
    let plugins = of_plugin.map(|p| json!({ "name": plugins::tag(p), "description": p.description }));
    own.into_iter().chain(plugins).collect()
}

/// An operation of the gateway's own, and the parameters of its path.
pub(super) fn operation(route: &Route, face: &Face, schemas: &mut Schemas) -> (Vec<Value>, Value) {
    let told = &route.operation;
    let mut operation = Map::new();
    operation.insert("operationId".into(), told.id.into());
    operation.insert("tags".into(), json!([told.tag.words().0]));
    operation.insert("summary".into(), told.summary.into());
    if !told.description.is_empty() {
        operation.insert("description".into(), told.description.into());
    }
    let query = told.query.map(|make| paths::query(&schemas.taken(make)));
    if let Some(query) = &query {
        operation.insert("parameters".into(), query.clone().into());
    }
    if let Some(body) = &told.body {
        operation.insert("requestBody".into(), request_body(body, schemas));
    }
    operation.insert("security".into(), security(face, route.scope));
    let mut answers = Answers::default();
    for answer in &told.answers {
        answers.add(answer, schemas);
    }
    answers.add_shared(&route.method, route.scope, query.is_some() || told.body.is_some());
    operation.insert("responses".into(), answers.finish());
    (path(route.path, told), operation.into())
}

fn path(path: &str, told: &Operation) -> Vec<Value> {
    let of = |name: &str| {
        let found = told.path.iter().find(|(known, ..)| *known == name);
        let (_, about, example) = found.copied().unwrap_or_default();
        paths::parameter(about, json!({ "type": "string", "minLength": 1 }), Some(example.into()))
    };
    path_parameters(path).map(of).collect()
}

fn request_body(body: &Body, schemas: &mut Schemas) -> Value {
    let schema = schemas.taken(body.schema);
    let example = schemas.example(&schema);
    json!({ "required": body.required, "content": { "application/json": media(schema, example) } })
}

/// A media type's schema, with an example.
pub(super) fn media(schema: Value, example: Option<Value>) -> Value {
    let mut media = json!({ "schema": schema });
    if let Some(example) = example {
        media["example"] = example;
    }
    media
}
