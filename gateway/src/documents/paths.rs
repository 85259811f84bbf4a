//! The paths of a document: as the router sees them, `/a/{x}` and `/a/{y}/` are one.

use serde_json::{Map, Value, json};

use super::operation::path_parameters;
use crate::web::trim;

/// The paths so far.
#[derive(Default)]
pub(super) struct Paths {
    /// By the path with its parameters left open: how it is shown, and its operations.
    known: Vec<(String, String, Map<String, Value>)>,
}

impl Paths {
    /// Adds an operation. Its path's parameters are given their names here, as one path has one set of them.
    pub(super) fn add(
        &mut self,
        path: &str,
        method: &http::Method,
        parameters: Vec<Value>,
        operation: Value,
    ) {
        let key = open(path);
        let at = self.known.iter().position(|(known, ..)| *known == key).unwrap_or_else(|| {
            self.known.push((key, path.to_owned(), Map::new()));
            self.known.len() - 1
        });
        let (_, shown, operations) = &mut self.known[at];
        let mut operation = operation;
        let mut all = Vec::new();
        for (name, mut parameter) in path_parameters(shown).zip(parameters) {
            parameter["name"] = name.into();
            all.push(parameter);
        }
        if let Some(Value::Array(query)) = operation.get("parameters") {
            all.extend(query.iter().cloned());
        }
        if !all.is_empty() {
            operation["parameters"] = all.into();
        }
        operations.insert(method.as_str().to_ascii_lowercase(), operation);
    }

    pub(super) fn finish(self) -> Value {
        let mut paths = Map::new();
        for (_, path, operations) in self.known {
            paths.insert(path, operations.into());
        }
        paths.into()
    }
}

/// A path without the names of its parameters.
fn open(path: &str) -> String {
    let segment = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
    trim(path).split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// A parameter of a path, which gets its name later.
pub(super) fn parameter(about: &str, schema: Value, example: Option<Value>) -> Value {
    let mut parameter = json!({ "in": "path", "required": true, "schema": schema });
    if !about.is_empty() {
        parameter["description"] = about.into();
    }
    if let Some(example) = example {
        parameter["example"] = example;
    }
    parameter
}

/// The parameters of a query, from the schema of an object with a field for each.
pub(super) fn query(schema: &Value) -> Vec<Value> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, schema)| {
            let mut parameter =
                json!({ "name": name, "in": "query", "required": required.contains(&name.as_str()) });
            let mut schema = schema.clone();
            if let Some(about) = schema.as_object_mut().and_then(|schema| schema.remove("description")) {
                parameter["description"] = about;
            }
            parameter["schema"] = schema;
            parameter
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_the_router_takes_for_one_are_one() {
        let mut paths = Paths::default();
        let id = || vec![parameter("An id", json!({ "type": "string" }), None)];
        paths.add("/a/{id}", &http::Method::GET, id(), json!({ "operationId": "get" }));
        let query = query(&json!({ "properties": { "n": { "type": "integer", "description": "N" } } }));
        paths.add(
            "/a/{key}/",
            &http::Method::PUT,
            id(),
            json!({ "operationId": "put", "parameters": query }),
        );
        let paths = paths.finish();
        assert_eq!(paths.as_object().unwrap().keys().collect::<Vec<_>>(), ["/a/{id}"]);
        assert_eq!(paths["/a/{id}"]["get"]["parameters"][0]["name"], "id");
        assert_eq!(paths["/a/{id}"]["put"]["parameters"][0]["name"], "id");
        assert_eq!(
            paths["/a/{id}"]["put"]["parameters"][1],
            json!({ "name": "n", "in": "query", "required": false, "description": "N", "schema": { "type": "integer" } })
        );
    }
}
