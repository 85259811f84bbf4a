//! JSON Schemas in few words.

use serde_json::{Map, Value};

/// Values of an enumeration that are named; more are counted.
const MOST: usize = 12;

/// The shape of a value, such as `{name, count?}`; `?` marks what may be left out. What is defined elsewhere
/// goes by its name. None where it may be anything.
pub(super) fn shape(schema: &Value) -> Option<String> {
    if let Some(target) = schema["$ref"].as_str() {
        return target.rsplit('/').next().map(str::to_owned);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(list) = schema[choice].as_array() {
            let shapes: Option<Vec<_>> = list.iter().map(shape).collect();
            return shapes.map(|shapes| shapes.join(" or "));
        }
    }
    let types = types(schema);
    if let Some(members) = schema["properties"].as_object().filter(|members| !members.is_empty()) {
        let null = if types.contains(&"null") { " or null" } else { "" };
        return Some(format!("{{{}}}{null}", self::members(schema, members)));
    }
    let items = || shape(&schema["items"]).map(|item| format!("[{item}]"));
    match types.as_slice() {
        ["array"] => Some(items().unwrap_or_else(|| "[…]".into())),
        _ => value(schema),
    }
}

/// The names of an object's members, in order.
fn members(schema: &Value, members: &Map<String, Value>) -> String {
    let required = |name: &str| {
        let list = schema["required"].as_array();
        list.is_some_and(|list| list.iter().any(|required| required == name))
    };
    let name = |name: &String| format!("{name}{}", if required(name) { "" } else { "?" });
    members.keys().map(name).collect::<Vec<_>>().join(", ")
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A value that is no object with known members: its types, or which ones it may be, and within what bounds.
pub(super) fn value(schema: &Value) -> Option<String> {
    if let Some(only) = schema.get("const") {
        return Some(only.to_string());
    }
    if let Some(list) = schema["enum"].as_array() {
        let some = list.iter().take(MOST).map(Value::to_string).collect::<Vec<_>>().join(", ");
        let more = list.len().saturating_sub(MOST);
        return Some(if more > 0 { format!("{some} and {more} more") } else { some });
    }
    let types = types(schema);
    let word = |kind: &&str| match (*kind, value(&schema["items"])) {
        ("array", Some(item)) => format!("list of {item}"),
        ("array", None) => "list".to_owned(),
        (kind, _) => kind.to_owned(),
    };
    let names = types.iter().map(word).collect::<Vec<_>>().join(" or ");
    if names.is_empty() { None } else { Some(format!("{names}{}", bounds(schema))) }
}

/// The bounds of a number, where it has some.
fn bounds(schema: &Value) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (Some(least), None) => format!(", at least {least}"),
        (None, Some(most)) => format!(", at most {most}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_told_in_few_words() {
        let person = json!({ "type": "object", "required": ["name"],
                             "properties": { "name": { "type": "string" }, "age": { "type": "integer" } } });
        for (schema, words) in [
            (person.clone(), "{age?, name}"),
            (json!({ "type": "array", "items": person }), "[{age?, name}]"),
            (json!({ "$ref": "#/$defs/Person", "$defs": { "Person": person } }), "Person"),
            (json!({ "type": "array", "items": { "$ref": "#/$defs/Person" } }), "[Person]"),
            (json!({ "oneOf": [person, { "type": "null" }] }), "{age?, name} or null"),
            (json!({ "type": ["object", "null"], "properties": { "a": {} } }), "{a?} or null"),
            (json!({ "type": ["string", "number"] }), "string or number"),
            (json!({ "type": "integer", "minimum": 1, "maximum": 10 }), "integer, 1 to 10"),
            (json!({ "type": "number", "minimum": 0 }), "number, at least 0"),
            (json!({ "enum": ["a", null] }), "\"a\", null"),
            (json!({ "const": true }), "true"),
            (json!({ "type": "array" }), "[…]"),
        ] {
            assert_eq!(shape(&schema).as_deref(), Some(words), "{schema}");
        }
        for open in [json!({}), json!(true), json!({ "description": "Any JSON." })] {
            assert_eq!(shape(&open), None);
        }
        assert_eq!(
            value(&json!({ "type": "array", "items": { "type": "string" } })).unwrap(),
            "list of string"
        );
    }
}
