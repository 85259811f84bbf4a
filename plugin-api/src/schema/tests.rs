use serde_json::json;

use super::*;

fn schema(json: Value) -> Schema {
    Schema::compile(Some(&json)).unwrap()
}

/// What is told of the first flaw; empty where there is none.
fn told(schema: &Schema, value: &Value) -> String {
    schema.flaw(value).map(|flaw| flaw.to_string()).unwrap_or_default()
}

#[test]
fn a_flaw_says_where_it_is_and_what_was_expected() {
    let schema = schema(json!({
        "type": "object", "required": ["load"], "additionalProperties": false,
        "properties": {
            "load": { "type": "number" }, "state": { "enum": ["up", "down"] },
            "disks": { "items": { "properties": { "a/b": { "minimum": 0 } } } },
        }
    }));
    for (value, expected) in [
        (json!({ "load": 0.5, "state": "up", "disks": [{ "a/b": 0 }] }), ""),
        (json!({}), "load: \"load\" is a required property"),
        (json!({ "load": null }), "load: null is not of type \"number\""),
        (json!({ "load": 1, "state": "on" }), "state: \"on\" is not one of \"up\" or \"down\""),
        (json!({ "load": 1, "disks": [{}, { "a/b": -1 }] }), "disks.1.a/b: -1 is less than the minimum of 0"),
        (json!({ "load": 1, "l": 1 }), "Additional properties are not allowed ('l' was unexpected)"),
        (json!([1]), "a list is not of type \"object\""),
    ] {
        assert_eq!(told(&schema, &value), expected);
        assert_eq!(schema.fits(&value), expected.is_empty());
        assert_eq!(schema.flaws(&value).is_empty(), expected.is_empty());
    }
}

#[test]
fn what_is_told_is_short_however_long_the_value_is() {
    let long = "é".repeat(10_000);
    let nested = json!({ "a".repeat(5_000): { "b": long } });
    let schema = schema(json!({ "additionalProperties": { "additionalProperties": { "type": "null" } } }));
    let flaw = schema.flaw(&nested).unwrap();
    assert_eq!(flaw.what, "a long text is not of type \"null\"");
    assert_eq!(flaw.field().chars().count(), LONGEST + 1);
    let names: Value =
        (0..1_000).map(|n| (format!("name{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    let closed = self::schema(json!({ "additionalProperties": false }));
    assert!(told(&closed, &names).chars().count() <= LONGEST + 1);
    assert!(schema.flaws(&json!(vec![json!({}); 3])).len() <= MOST);
}

#[test]
fn formats_are_held_to_and_unknown_ones_are_not() {
    let schema = schema(json!({ "properties": {
        "at": { "format": "date-time" }, "id": { "format": "uuid" }, "link": { "format": "uri" },
        "host": { "format": "ipv4" }, "colour": { "format": "colour" }
    } }));
    let good = json!({ "at": "2026-01-01T12:00:00.5Z", "id": "67e55044-10b1-426f-9247-bb680e5fe0c8",
                       "link": "https://example.com/", "host": "127.0.0.1", "colour": "any" });
    assert_eq!(told(&schema, &good), "");
    for field in ["at", "id", "link", "host"] {
        let bad = json!({ field: "yesterday, here" });
        assert!(
            told(&schema, &bad).starts_with(&format!("{field}: \"yesterday, here\" is not a ")),
            "{field}"
        );
    }
}

#[test]
fn references_lead_to_places_of_the_same_schema_and_nowhere_else() {
    let tree = schema(json!({
        "$defs": { "node": { "type": "object", "required": ["name"],
                             "properties": { "children": { "items": { "$ref": "#/$defs/node" } } } } },
        "$ref": "#/$defs/node"
    }));
    assert_eq!(told(&tree, &json!({ "name": 1, "children": [{ "name": 2 }] })), "");
    assert!(told(&tree, &json!({ "name": 1, "children": [{}] })).starts_with("children.0.name: "));
    for elsewhere in ["https://example.com/x.json", "file:///etc/passwd", "other.json", "#/$defs/none"] {
        let error = Schema::compile(Some(&json!({ "$ref": elsewhere }))).unwrap_err();
        assert!(matches!(error, SchemaError::Reference(_)), "{elsewhere}: {error}");
    }
}

#[test]
fn a_circle_of_references_ends() {
    for circle in [
        json!({ "$ref": "#" }),
        json!({ "$dynamicRef": "#" }),
        json!({ "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" }),
        json!({ "$schema": "http://json-schema.org/draft-07/schema#", "allOf": [{ "$ref": "#" }] }),
    ] {
        if let Ok(schema) = Schema::compile(Some(&circle)) {
            let _either = schema.flaw(&json!({ "a": [1] }));
        }
    }
}

#[test]
fn what_costs_too_much_to_compile_or_is_no_schema_is_refused() {
    let error = |schema: Value| Schema::compile(Some(&schema)).unwrap_err();
    let large = json!({ "enum": vec!["x".repeat(1_000); 300] });
    assert!(matches!(error(large), SchemaError::Large(size) if size > LARGEST));
    let deep = (0..=DEEPEST).fold(json!({}), |inner, _| json!({ "not": inner }));
    assert_eq!(error(deep), SchemaError::Deep);
    for none in
        [json!({ "type": 5 }), json!([1]), json!({ "pattern": "(" }), json!({ "pattern": "(a{1000}){1000}" })]
    {
        assert!(matches!(error(none.clone()), SchemaError::None(_)), "{none}");
    }
}

#[test]
fn what_says_nothing_lets_everything_through() {
    for open in [None, Some(json!(true)), Some(json!({}))] {
        let schema = Schema::compile(open.as_ref()).unwrap();
        assert!(schema.is_open() && schema.fits(&json!([1])) && schema.flaw(&json!([1])).is_none());
    }
    assert!(!schema(json!(false)).fits(&json!(1)));
}
