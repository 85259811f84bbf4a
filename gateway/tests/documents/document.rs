//! A document as tests read it.

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use testkit::Gateway;

/// A document of a gateway.
pub(super) struct Document(pub(super) Value);

/// An operation of an OpenAPI document.
#[derive(Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) told: &'a Value,
}

impl Document {
    pub(super) async fn of(gateway: &Gateway, path: &str) -> Self {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        Self(answer.json())
    }

    /// What `value` refers to, or itself.
    pub(super) fn follow<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(target) = value.get("$ref").and_then(Value::as_str) else { return value };
        let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{target} leads elsewhere"));
        let found = self.0.pointer(pointer).unwrap_or_else(|| panic!("{target} leads nowhere"));
        self.follow(found)
    }

    /// The operations of all paths.
    pub(super) fn operations(&self) -> Vec<Operation<'_>> {
        let mut all = Vec::new();
        for (path, methods) in object(&self.0["paths"]) {
            all.extend(object(methods).iter().map(|(method, told)| Operation { method, path, told }));
        }
        all
    }

    /// One operation.
    pub(super) fn operation(&self, path: &str, method: &str) -> Operation<'_> {
        let mut all = self.operations().into_iter();
        all.find(|operation| operation.path == path && operation.method == method)
            .unwrap_or_else(|| panic!("{method} {path} is not told of"))
    }

    /// A schema of the document, with what it refers to.
    pub(super) fn schema(&self, schema: &Value) -> Validator {
        let whole = json!({ "allOf": [schema], "components": self.0["components"] });
        jsonschema::options()
            .should_validate_formats(true)
            .build(&whole)
            .unwrap_or_else(|error| panic!("{error}: {schema}"))
    }

    /// Asserts that `value` fits.
    #[track_caller]
    pub(super) fn fits(&self, schema: &Value, value: &Value, what: &str) {
        let errors: Vec<_> = self.schema(schema).iter_errors(value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{what}: {errors:#?}\n{value:#}");
    }
}

impl<'a> Operation<'a> {
    /// Its name, for those who read that a test failed.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }

    pub(super) fn parameters(&self, place: &str) -> Vec<&'a Value> {
        let all = self.told["parameters"].as_array().into_iter().flatten();
        all.filter(|parameter| parameter["in"] == place).collect()
    }

    /// The path with its parameters' examples.
    pub(super) fn example_path(&self) -> String {
        self.parameters("path").iter().fold(self.path.to_owned(), |path, parameter| {
            let name = format!("{{{}}}", parameter["name"].as_str().unwrap());
            path.replace(&name, parameter["example"].as_str().unwrap())
        })
    }

    /// The body of its request, if it takes one.
    pub(super) fn body(&self) -> Option<&'a Value> {
        self.told["requestBody"]["content"].get("application/json")
    }
}

pub(super) fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}"))
}
