//! The answers of operations: their own, and those that the gateway gives for every route.

use http::{Method, StatusCode};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::openapi::media;
use super::operation::{Answer, Content};
use super::schemas::Schemas;
use crate::web::ProblemDetails;

/// What any route may answer before its handler has seen the request, or where that fails.
const EVERYWHERE: [(StatusCode, &str, &str); 8] = [
    (StatusCode::BAD_REQUEST, "Malformed", "The request is malformed: its target, its framing, or a header"),
    (StatusCode::REQUEST_TIMEOUT, "TooSlow", "The body did not arrive in time"),
    (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "The body is longer than it may be"),
    (StatusCode::URI_TOO_LONG, "TargetTooLong", "The path and query are longer than they may be"),
    (StatusCode::TOO_MANY_REQUESTS, "TooMany", "The address or the user asks too often"),
    (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "HeaderTooLong", "A header is longer than it may be"),
    (StatusCode::INTERNAL_SERVER_ERROR, "Failed", "An error of ours; its `request_id` finds it in the log"),
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "Unavailable",
        "Who answers is stopped, has too much to do, or took too long",
    ),
];
/// What routes that want a scope, or something in particular, may answer.
const SOMETIMES: [(StatusCode, &str, &str); 4] = [
    (StatusCode::UNAUTHORIZED, "Unauthorized", "No token, or one that does not verify"),
    (StatusCode::FORBIDDEN, "Forbidden", "Too few rights, or a request that a page of another site makes"),
    (StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "The body or query does not validate; `errors` says where"),
    (StatusCode::GATEWAY_TIMEOUT, "TimedOut", "The plugin did not answer in time"),
];
const PROBLEM: &str = "application/problem+json";

/// The answers of one operation, by status.
#[derive(Default)]
pub(super) struct Answers(Map<String, Value>);

impl Answers {
    /// An answer of the route's own.
    pub(super) fn add(&mut self, answer: &Answer, schemas: &mut Schemas) {
        let (content, schema) = match answer.content {
            Content::Empty => return self.put(answer.status, answer.about, None),
            Content::Json(make) => ("application/json", schemas.sent(make)),
            Content::Other(kind) => (kind, json!({ "type": "string" })),
            Content::Problem(extra) => (PROBLEM, problem(extra.map(|make| schemas.sent(make)), schemas)),
        };
        let example = schemas.example(&schema);
        self.put(answer.status, answer.about, Some((content, media(schema, example))));
    }

    /// An answer with its content, if any; a second one of the same status may come in another form.
    pub(super) fn put(&mut self, status: StatusCode, about: &str, content: Option<(&str, Value)>) {
        let new = || json!({ "description": about, "headers": header_references(status) });
        let answer = self.0.entry(status.as_str()).or_insert_with(new);
        if let Some((kind, media)) = content {
            answer["content"][kind] = media;
        }
    }

    /// The answers that the gateway gives for such a route, where it has none of its own. `judged`: something of the
    /// request may not validate.
    pub(super) fn add_shared(&mut self, method: &Method, scope: Option<&str>, judged: bool) {
        for (status, name, _) in EVERYWHERE {
            self.refer(status, name);
        }
        for (status, name, _) in SOMETIMES {
            let may = match status {
                StatusCode::UNAUTHORIZED => scope.is_some(),
                StatusCode::FORBIDDEN => scope.is_some() || !method.is_safe(),
                StatusCode::UNPROCESSABLE_ENTITY => judged,
                _ => false,
            };
            if may {
                self.refer(status, name);
            }
        }
    }

    /// The answers that the gateway gives where a plugin does not. A plugin is told who asks, so a token that does not
    /// hold is refused also where none is needed.
    pub(super) fn add_host(&mut self) {
        let statuses = [StatusCode::UNAUTHORIZED, StatusCode::GATEWAY_TIMEOUT];
        for (status, name, _) in SOMETIMES.into_iter().filter(|(status, ..)| statuses.contains(status)) {
            self.refer(status, name);
        }
    }

    fn refer(&mut self, status: StatusCode, name: &str) {
        let reference = || json!({ "$ref": format!("#/components/responses/{name}") });
        let known = self.0.entry(status.as_str()).or_insert_with(reference);
        if let Some(content) = known.get_mut("content").and_then(Value::as_object_mut)
            && !content.contains_key(PROBLEM)
        {
            // The route's own answer of this status is no problem; the gateway's is.
            content.insert(PROBLEM.into(), json!({ "schema": super::schemas::reference("Problem") }));
        }
    }

    pub(super) fn finish(self) -> Value {
        self.0.into()
    }
}

/// The schema of a problem, with members of its own where it has any.
pub(super) fn problem(extra: Option<Value>, schemas: &mut Schemas) -> Value {
    let problem = schemas.sent(SchemaGenerator::subschema_for::<ProblemDetails<'_>>);
    match extra {
        Some(extra) => json!({ "allOf": [problem, extra] }),
        None => problem,
    }
}

/// `components/responses`.
pub(super) fn shared(schemas: &mut Schemas) -> Value {
    let schema = problem(None, schemas);
    let all = EVERYWHERE.iter().chain(&SOMETIMES);
    let response = |(status, name, about): &(StatusCode, &str, &str)| {
        let example = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": about,
        });
        let response = json!({
            "description": about,
            "headers": header_references(*status),
            "content": { PROBLEM: media(schema.clone(), Some(example)) },
        });
        ((*name).to_owned(), response)
    };
    all.map(response).collect::<Map<_, _>>().into()
}

/// `components/headers`.
pub(super) fn headers() -> Value {
    json!({
        "RequestId": {
            "description": "The request's id, for logs.",
            "required": true,
            "schema": { "type": "string" },
        },
        "RetryAfter": {
            "description": "Seconds after which the same request may pass.",
            "schema": { "type": "integer", "minimum": 0 },
        },
        "Limit": {
            "description": "How much there may be at once; as `ratelimit-limit`, too.",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "Remaining": {
            "description": "How much of that is left; as `ratelimit-remaining`, too.",
            "schema": { "type": "integer", "minimum": 0 },
        },
        "Reset": {
            "description": "Seconds until all of it is back; as `ratelimit-reset`, too.",
            "schema": { "type": "integer", "minimum": 0 },
        },
        "Authenticate": { "description": "How to show who asks.", "required": true, "schema": { "type": "string" } },
    })
}

fn header_references(status: StatusCode) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    let mut headers = json!({ "x-request-id": reference("RequestId") });
    match status {
        StatusCode::UNAUTHORIZED => headers["www-authenticate"] = reference("Authenticate"),
        StatusCode::SERVICE_UNAVAILABLE => headers["retry-after"] = reference("RetryAfter"),
        StatusCode::TOO_MANY_REQUESTS => {
            headers["retry-after"] = reference("RetryAfter");
            headers["x-ratelimit-limit"] = reference("Limit");
            headers["x-ratelimit-remaining"] = reference("Remaining");
            headers["x-ratelimit-reset"] = reference("Reset");
        }
        _ => {}
    }
    headers
}
