//! What the document says of bodies is what they are held to.

use serde_json::{Value, json};
use testkit::{Answer, Gateway};

use super::document::{Document, Operation, object};
use crate::{options, start};

/// The schema of a body that is an object; of several that fit, the first.
fn object_schema<'a>(document: &'a Document, schema: &'a Value) -> Option<&'a Value> {
    let schema = document.follow(schema);
    if schema.get("properties").is_some() {
        return Some(schema);
    }
    schema.get("anyOf")?.as_array()?.iter().find_map(|schema| object_schema(document, schema))
}

async fn send(gateway: &Gateway, operation: Operation<'_>, body: &Value) -> Answer {
    let method = operation.method.to_uppercase();
    gateway.request(&method, &operation.example_path(), Some(&body.to_string())).await
}

/// A refusal that names the field, where it is one of validation.
#[track_caller]
fn refused(answer: &Answer, field: &str, what: &str) {
    assert!([400, 422].contains(&answer.status), "{what}: {answer:?}");
    if answer.status == 422 {
        let errors = answer.json()["errors"].clone();
        let of_field = |error: &Value| error["loc"].as_array().unwrap().contains(&field.into());
        assert!(errors.as_array().unwrap().iter().any(of_field), "{what}: {errors}");
    }
}

#[tokio::test]
async fn what_must_be_there_is_asked_for_and_what_is_there_must_fit() {
    let gateway = start(options());
    let document = Document::of(&gateway, "/openapi.json").await;
    let mut judged = 0;
    for operation in document.operations() {
        let Some(body) = operation.body() else { continue };
        let Some(schema) = object_schema(&document, &body["schema"]) else { continue };
        for field in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut without = body["example"].clone();
            without.as_object_mut().unwrap().remove(field);
            let answer = send(&gateway, operation, &without).await;
            refused(&answer, field, &format!("{} without {field}", operation.name()));
            judged += 1;
        }
        for (field, schema) in object(&schema["properties"]) {
            let schema = document.schema(schema);
            let wrong =
                [json!({ "wrong": true }), json!(-7.5)].into_iter().find(|wrong| !schema.is_valid(wrong));
            let Some(wrong) = wrong else { continue }; // any JSON
            let mut with = body["example"].clone();
            with[field] = wrong;
            let answer = send(&gateway, operation, &with).await;
            refused(&answer, field, &format!("{} with {field} {}", operation.name(), with[field]));
            judged += 1;
        }
    }
    assert!(judged > 30, "only {judged}");
}

#[tokio::test]
async fn a_query_is_held_to_what_is_told_of_its_parameters() {
    let gateway = start(options());
    let document = Document::of(&gateway, "/openapi.json").await;
    for operation in document.operations() {
        for parameter in operation.parameters("query") {
            let name = parameter["name"].as_str().unwrap();
            let schema = &parameter["schema"];
            for (bound, step) in [("minimum", -1), ("maximum", 1)] {
                let Some(number) = schema[bound].as_i64() else { continue };
                let path = |number: i64| format!("{}?{name}={number}", operation.example_path());
                assert_eq!(gateway.get(&path(number)).await.status, 200, "{}", path(number));
                let answer = gateway.get(&path(number + step)).await;
                refused(&answer, name, &path(number + step));
            }
        }
    }
}
