//! The routes of plugins, as their manifests tell of them.

use std::collections::HashSet;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::answers::{Answers, problem};
use super::openapi::{media, security};
use super::operation::path_parameters;
use super::paths::{self, Paths};
use super::schemas::{Schemas, component};
use super::{Face, Subject};
use crate::web::{Declaration, RouteSpec};

/// Adds the routes of all plugins.
pub(super) fn add_routes(subject: &Subject<'_>, schemas: &mut Schemas, paths: &mut Paths) {
    let mut ids: HashSet<String> = subject.routes.iter().map(|route| route.operation.id.to_owned()).collect();
    for plugin in subject.plugins {
        for route in &plugin.routes {
            let Ok(method) = route.method.parse::<Method>() else { continue };
            let id = id(plugin, route, &mut ids);
            let mut told = Told { plugin, route, id: &id, schemas };
            let (parameters, operation) = (told.path(), told.operation(subject.face, &method));
            paths.add(&route.path, &method, parameters, operation);
        }
    }
}

/// The tag of a plugin's routes.
pub(super) fn tag(plugin: &Declaration) -> String {
    format!("plugin: {}", plugin.name)
}

/// The plugin, the method and the path: what does not change while these do not.
fn id(plugin: &Declaration, route: &RouteSpec, ids: &mut HashSet<String>) -> String {
    let words = route.path.split(['/', '{', '}']).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    let wanted = component(&format!("{}_{}_{}", plugin.name, route.method.to_lowercase(), words.join("_")));
    let mut id = wanted.clone();
    let mut number = 1;
    while !ids.insert(id.clone()) {
        number += 1;
        id = format!("{wanted}_{number}");
    }
    id
}

/// A route that is told of.
struct Told<'a> {
    plugin: &'a Declaration,
    route: &'a RouteSpec,
    id: &'a str,
    schemas: &'a mut Schemas,
}

impl Told<'_> {
    fn adopt(&mut self, name: &str, schema: &Value) -> Value {
        self.schemas.adopt(&self.plugin.name, &format!("{}_{name}", self.id), schema)
    }

    fn path(&mut self) -> Vec<Value> {
        let names: Vec<_> = path_parameters(&self.route.path).map(str::to_owned).collect();
        let mut parameter = |name: &String| {
            let declared = self.route.params.get(name).cloned();
            let mut schema = self.adopt(name, &declared.unwrap_or_else(|| json!({ "type": "string" })));
            let example = self.schemas.example(&schema);
            let about = take(&mut schema, "description").unwrap_or_default();
            paths::parameter(about.as_str().unwrap_or_default(), schema, example)
        };
        names.iter().map(&mut parameter).collect()
    }

    fn operation(&mut self, face: &Face, method: &Method) -> Value {
        let route = self.route;
        let mut operation = Map::new();
        operation.insert("operationId".into(), self.id.into());
        operation.insert("tags".into(), json!([tag(self.plugin)]));
        operation.insert("summary".into(), route.summary.as_str().into());
        if !route.description.is_empty() {
            operation.insert("description".into(), route.description.as_str().into());
        }
        if let Some(query) = &route.query {
            let query = self.adopt("query", query);
            let query = self.schemas.follow(&query);
            operation.insert("parameters".into(), paths::query(&query).into());
        }
        if let Some(request) = &route.request {
            operation.insert("requestBody".into(), self.request_body(request));
        }
        operation.insert("security".into(), security(face, route.scope.as_deref()));
        operation.insert("responses".into(), self.responses(method));
        operation.into()
    }

    fn request_body(&mut self, request: &Value) -> Value {
        let schema = self.adopt("request", request);
        let example = self.schemas.example(&schema);
        let required = !takes_nothing(request);
        json!({ "required": required, "content": { "application/json": media(schema, example) } })
    }

    fn responses(&mut self, method: &Method) -> Value {
        let mut answers = Answers::default();
        for (status, schema) in &self.route.responses {
            let Ok(status) = status.parse::<StatusCode>() else { continue };
            let about = schema["description"].as_str().unwrap_or_default();
            let about = if about.is_empty() { status.canonical_reason().unwrap_or_default() } else { about };
            answers.put(status, about, self.content(status, schema));
        }
        if self.route.responses.is_empty() {
            answers.put(StatusCode::OK, "What the plugin answers", None);
        }
        answers.add_shared(method, self.route.scope.as_deref(), self.route.request.is_some());
        answers.add_host();
        answers.finish()
    }

    /// What an answer holds: a problem where it is an error, else what its schema says, if that says anything.
    fn content(&mut self, status: StatusCode, schema: &Value) -> Option<(&'static str, Value)> {
        let words = ["description", "examples"];
        let says_nothing =
            schema.as_object().is_some_and(|keys| keys.keys().all(|key| words.contains(&key.as_str())));
        let mut own = self.adopt(status.as_str(), schema);
        let example = self.schemas.example(&own);
        // They stand beside the schema.
        for key in words {
            take(&mut own, key);
        }
        if status.as_u16() >= 400 {
            let problem = problem(if says_nothing { None } else { Some(own) }, self.schemas);
            return Some(("application/problem+json", media(problem, example)));
        }
        let names_a_body = example.is_some() || schema.get("description").is_none();
        let empty = says_nothing && (status == StatusCode::NO_CONTENT || !names_a_body);
        if empty { None } else { Some(("application/json", media(own, example))) }
    }
}

fn take(schema: &mut Value, key: &str) -> Option<Value> {
    schema.as_object_mut().and_then(|schema| schema.remove(key))
}

/// Whether a body may be left out: none is as good as null.
fn takes_nothing(request: &Value) -> bool {
    jsonschema::validator_for(request).is_ok_and(|schema| schema.is_valid(&Value::Null))
}
