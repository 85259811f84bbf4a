//! `/openapi.json`: whole, and right by what is really answered.

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate::documents::path_parameters;

use super::document::{Document, Operation, object};
use crate::{options, start};

#[tokio::test]
async fn every_route_of_the_gateway_is_told_of() {
    let gateway = start(options());
    let document = Document::of(&gateway, "/openapi.json").await;
    for route in tidegate::api::routes(false) {
        let operation = document.operation(route.path, &route.method.as_str().to_lowercase());
        assert_eq!(operation.told["operationId"], route.operation.id);
        let scope = operation.told["security"].as_array().unwrap().iter().find_map(|way| way.get("bearer"));
        assert_eq!(scope.map(|scopes| scopes[0].as_str()), route.scope.map(Some), "{}", operation.name());
    }
}

#[tokio::test]
async fn nothing_is_left_without_words_answers_and_examples() {
    let gateway = start(options());
    let document = Document::of(&gateway, "/openapi.json").await;
    let tags: BTreeSet<_> =
        document.0["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).map(name).collect();
    let mut ids = BTreeSet::new();
    for operation in document.operations() {
        let what = operation.name();
        assert!(ids.insert(name(&operation.told["operationId"])), "{what}: its id is another's, too");
        assert!(!name(&operation.told["summary"]).is_empty(), "{what}: no summary");
        assert!(tags.contains(name(&operation.told["tags"][0])), "{what}: its tag is not told of");
        let told: Vec<_> =
            operation.parameters("path").iter().map(|parameter| name(&parameter["name"])).collect();
        assert_eq!(told, path_parameters(operation.path).collect::<Vec<_>>(), "{what}");
        for parameter in operation.told["parameters"].as_array().into_iter().flatten() {
            assert!(!name(&parameter["description"]).is_empty(), "{what}: {parameter}");
        }
        if let Some(body) = operation.body() {
            assert!(body.get("example").is_some(), "{what}: its body has no example");
        }
        assert!(good_answers(&operation) > 0, "{what}: no good answer is told of");
        for (status, answer) in object(&operation.told["responses"]) {
            judge_answer(&document, &format!("{what} {status}"), status, document.follow(answer));
        }
    }
    assert_eq!(ids.len(), document.operations().len());
}

fn name(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn good_answers(operation: &Operation<'_>) -> usize {
    object(&operation.told["responses"]).keys().filter(|status| status.as_str() < "400").count()
}

/// An answer says when it comes and, but for those without a body, what it holds.
fn judge_answer(document: &Document, what: &str, status: &str, answer: &Value) {
    assert!(!name(&answer["description"]).is_empty(), "{what}: no description");
    let content = answer.get("content").map(object);
    assert_eq!(content.is_none(), ["204", "304"].contains(&status), "{what}: a body, or none");
    for (kind, media) in content.into_iter().flatten() {
        if let Some(example) = media.get("example") {
            document.fits(&media["schema"], example, what);
        }
        let says = document.follow(&media["schema"]).as_object().is_some_and(|schema| !schema.is_empty());
        let of_plugin = answer["content"].get("application/json").is_some() && what.contains("/agents");
        assert!(says || !of_plugin, "{what}: {kind} has no schema");
    }
}

/// Each example request is sent, and its answer held to what the document says of that status.
#[tokio::test]
async fn what_is_answered_is_what_is_told() {
    let gateway = start(options());
    let document = Document::of(&gateway, "/openapi.json").await;
    let scout = serde_json::json!({ "agent_id": "scout", "agent_type": "macrophage" });
    assert_eq!(gateway.post("/agents/", &scout).await.status, 201);
    let mut operations = document.operations();
    operations.sort_by_key(|operation| operation.method == "delete"); // what is looked at is there until then
    for operation in operations {
        let body = operation.body().map(|body| body["example"].to_string());
        let method = operation.method.to_uppercase();
        let answer = gateway.request(&method, &operation.example_path(), body.as_deref()).await;
        let what = format!("{} {}", operation.name(), answer.status);
        assert!(
            answer.status < 400 || answer.status == 404,
            "{what}: an example is refused: {}",
            answer.body
        );
        let told = &operation.told["responses"][answer.status.to_string()];
        assert!(told.is_object(), "{what} is not told of");
        let told = document.follow(told);
        for (header, about) in object(&told["headers"]) {
            let required = document.follow(about)["required"] == true;
            assert!(!required || answer.header(header).is_some(), "{what}: no {header}");
        }
        let Some(content) = told.get("content").map(object) else {
            assert_eq!(answer.body, "", "{what}");
            continue;
        };
        let kind = answer.header("content-type").unwrap().split(';').next().unwrap();
        let media = content.get(kind).unwrap_or_else(|| panic!("{what}: {kind} is not told of"));
        if kind.ends_with("json") {
            document.fits(&media["schema"], &answer.json(), &what);
        }
    }
}

#[tokio::test]
async fn a_profile_that_is_not_anonymous_wants_a_token() {
    let auth = options().set("auth.locked.anonymous=false").set("api.auth=locked");
    let gateway = start(auth);
    let document = Document::of(&gateway, "/openapi.json").await;
    for operation in document.operations() {
        let ways = operation.told["security"].as_array().unwrap();
        let answer = gateway.request(&operation.method.to_uppercase(), &operation.example_path(), None).await;
        assert_eq!(ways.is_empty(), answer.status != 401, "{}: {ways:?}", operation.name());
        assert!(ways.iter().all(|way| way.get("bearer").is_some()), "{}: {ways:?}", operation.name());
        if answer.status == 401 {
            assert!(operation.told["responses"].get("401").is_some(), "{}", operation.name());
        }
    }
}
