//! What answers and values have to be.

use serde_json::Value;
use testkit::Answer;

/// A body that was answered with success.
#[track_caller]
pub(crate) fn ok(answer: Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

/// Problem details of that status; their text.
#[track_caller]
pub(crate) fn problem(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = answer.json();
    assert_eq!(body["status"], status, "{body}");
    assert!(body["type"].is_string() && body["title"].is_string(), "{body}");
    assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()), "{answer:?}");
    text(&body["detail"])
}

/// Problem details that name exactly these places, each for one reason or for several.
#[track_caller]
pub(crate) fn unprocessable(answer: &Answer, locs: &[Value]) {
    assert!(!problem(answer, 422).is_empty());
    let body = answer.json();
    let errors = body["errors"].as_array().unwrap();
    let mut places: Vec<_> = errors.iter().map(|error| error["loc"].clone()).collect();
    places.dedup();
    assert_eq!(places, locs, "{body}");
    assert!(errors.iter().all(|error| error["msg"].is_string() && error["type"].is_string()), "{body}");
}

/// That an object has these fields and no other.
#[track_caller]
pub(crate) fn has(object: &Value, fields: &[&str]) {
    let mut found: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = fields.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{object}");
}

/// RFC 3339 in UTC with milliseconds and `Z`.
pub(crate) fn is_time(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000Z"
}

#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

#[track_caller]
pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

/// One field of every entry of a list.
pub(crate) fn column(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| text(&entry[field])).collect()
}

/// How many answers are of that status.
pub(crate) fn count(answers: &[Answer], status: u16) -> u64 {
    answers.iter().filter(|answer| answer.status == status).count() as u64
}
