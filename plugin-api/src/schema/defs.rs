//! A manifest's `$defs`, lent to each of its schemas that refers to them: a schema is complete by itself then.

use serde_json::{Map, Value};

/// How a schema refers to them.
const PLACE: &str = "#/$defs/";

/// Adds to a schema those of `defs` that it refers to, and those that these refer to. Its own come first.
pub fn lend(defs: &Map<String, Value>, schema: &mut Value) {
    let mut wanted = Vec::new();
    names(schema, &mut wanted);
    let Some(schema) = schema.as_object_mut() else { return };
    while let Some(name) = wanted.pop() {
        let own = schema.entry("$defs").or_insert_with(|| Map::new().into());
        let (Some(own), Some(def)) = (own.as_object_mut(), defs.get(&name)) else { continue };
        if !own.contains_key(&name) {
            names(def, &mut wanted);
            own.insert(name, def.clone());
        }
    }
    if schema.get("$defs").and_then(Value::as_object).is_some_and(Map::is_empty) {
        schema.remove("$defs");
    }
}

/// The names that `value` refers to.
fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(target)) = object.get("$ref")
                && let Some(rest) = target.strip_prefix(PLACE)
            {
                let name = rest.split('/').next().unwrap_or(rest);
                found.push(name.replace("~1", "/").replace("~0", "~"));
            }
            object.values().for_each(|value| names(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| names(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_gets_what_it_refers_to_and_what_that_refers_to() {
        let defs = json!({ "A": { "items": { "$ref": "#/$defs/B" } }, "B": { "type": "string" }, "C": {} });
        let mut schema = json!({ "properties": { "a": { "$ref": "#/$defs/A" } } });
        lend(defs.as_object().unwrap(), &mut schema);
        assert_eq!(schema["$defs"], json!({ "A": defs["A"], "B": defs["B"] }));
    }

    #[test]
    fn its_own_definitions_stay_and_without_references_nothing_is_added() {
        let defs = json!({ "A": { "type": "string" } });
        let mut own = json!({ "$ref": "#/$defs/A", "$defs": { "A": { "type": "number" } } });
        lend(defs.as_object().unwrap(), &mut own);
        assert_eq!(own["$defs"]["A"]["type"], "number");
        for mut plain in [json!({ "type": "object" }), json!(true), json!({ "$ref": "#/$defs/Missing" })] {
            let before = plain.clone();
            lend(defs.as_object().unwrap(), &mut plain);
            assert_eq!(plain, before);
        }
    }
}
