use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json as made;

use super::*;

#[test]
fn no_body_is_as_good_as_null() {
    let schema = |kinds| Schema::compile(Some(&serde_json::json!({ "type": kinds }))).unwrap();
    assert!(body(&schema(vec!["object", "null"]), b"").is_ok());
    let problem = body(&schema(vec!["object"]), b"").unwrap_err();
    assert_eq!(problem.detail, "body: a JSON body is required");
}

#[test]
fn only_one_whole_json_value_in_utf_8_is_json() {
    for good in ["null", " {\"a\":[1,2.5e3]} ", "\"é\"", "[]"] {
        assert!(is_json(good.as_bytes()), "{good}");
    }
    let deep = "[".repeat(100) + &"]".repeat(100);
    for bad in ["", " ", "{", "{}{}", "nul", "{\"a\":}", "'a'", "01", deep.as_str()] {
        assert!(!is_json(bad.as_bytes()), "{bad}");
    }
    assert!(!is_json(b"\"\xff\""));
}

/// Schemas of all kinds of words, over the names that [`value`] uses.
fn schema() -> impl Strategy<Value = Value> {
    let leaf = select(vec![
        made!({ "type": "string", "minLength": 2, "maxLength": 3 }),
        made!({ "type": "integer" }),
        made!({ "type": ["number", "null"], "minimum": -1, "exclusiveMaximum": 7.5 }),
        made!({ "multipleOf": 0.5 }),
        made!({ "enum": ["a", 1, 1.5, null, [1], { "a": 1 }] }),
        made!({ "const": { "a": [true] } }),
        made!({ "pattern": "^a+$", "format": "date-time" }),
        made!({ "uniqueItems": true, "minItems": 1, "contains": { "type": "integer" } }),
        made!({ "propertyNames": { "maxLength": 1 }, "minProperties": 1 }),
        made!({ "required": ["a"], "additionalProperties": false, "properties": { "a": {} } }),
        made!({ "patternProperties": { "^b": { "type": "string" } }, "dependentRequired": { "a": ["b"] } }),
        made!({ "$ref": "#/$defs/tree" }),
        made!(true),
        made!(false),
    ]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            pair.clone().prop_map(|(a, b)| made!({ "properties": { "a": a, "b": b }, "required": ["b"] })),
            pair.clone().prop_map(|(a, b)| made!({ "type": "array", "items": a, "prefixItems": [b] })),
            pair.clone().prop_map(|(a, b)| made!({ "anyOf": [a, { "not": b }] })),
            pair.prop_map(|(a, b)| made!({ "if": a, "then": b, "unevaluatedProperties": false })),
        ]
    })
}

/// JSON as it may come: with names twice, escapes, and numbers that parsers differ about.
fn value() -> impl Strategy<Value = String> {
    let leaf = select(vec![
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "1.0",
        "1.5",
        "-7",
        "7.5",
        "1e0",
        "1e999",
        "18446744073709551616",
        "0.1",
        "12345678901234567.5",
        r#""a""#,
        r#""""#,
        r#""aaa\n""#,
        r#""\u0061""#,
        r#""\ud800""#,
        r#""é""#,
        r#""2026-01-01T12:00:00Z""#,
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, |inner| {
        let name = select(vec!["a", "b", r"\u0061", "bb"]);
        let members = prop::collection::vec((name, inner.clone()), 0..4);
        let member = |(name, value)| format!("\"{name}\":{value}");
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            members.prop_map(move |all| format!(
                "{{{}}}",
                all.into_iter().map(member).collect::<Vec<_>>().join(",")
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// What is surely right is right; and what every reader reads alike is sure where it is right.
    #[test]
    fn what_surely_fits_fits(schema in schema(), json in value()) {
        let mut schema = schema;
        if let Some(schema) = schema.as_object_mut() {
            let tree = made!({ "type": ["array", "integer"], "items": { "$ref": "#/$defs/tree" } });
            schema.insert("$defs".into(), made!({ "tree": tree }));
        }
        let schema = Schema::compile(Some(&schema)).unwrap();
        let value = serde_json::from_str::<Value>(&json);
        let fits = value.is_ok_and(|value| schema.fits(&value));
        let is_plain = !["\\u", "-0", "1e", "18446744073709551616", "12345678901234567.5"].iter().any(|odd| json.contains(odd));
        let surely = surely_fits(&schema, json.as_bytes());
        prop_assert!(fits || !surely);
        let has_twice = json.matches("\"a\":").count() > 1 || json.matches("\"b\":").count() > 1;
        let has_twice = has_twice || json.matches("\"bb\":").count() > 1;
        prop_assert!(surely || !fits || !is_plain || has_twice, "{json}");
    }
}
