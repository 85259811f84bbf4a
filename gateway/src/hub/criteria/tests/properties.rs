//! What holds of all criteria.

use proptest::prelude::*;
use proptest::string::string_regex;

use super::*;

fn path() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        string_regex("\\.[a-c]").unwrap(),
        string_regex("\\[[0-3]\\]").unwrap(),
        any::<String>().prop_map(|name| format!("[{}]", serde_json::json!(name))),
    ];
    let steps = proptest::collection::vec(step, 0..4).prop_map(|steps| steps.concat());
    prop_oneof![
        4 => ("(data|tags)", steps).prop_map(|(field, steps)| field + &steps),
        1 => "(event_type|source|key|room)",
    ]
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        "(null|true|false)",
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|text| serde_json::json!(text).to_string()),
        "\"[a-c]\"",
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let list = proptest::collection::vec(literal(), 0..4).prop_map(|list| list.join(" , "));
    let term = prop_oneof![
        (path(), "(==|!=)", literal()).prop_map(|(path, sign, literal)| path + &sign + &literal),
        (path(), "(<=|>=|<|>)", "(-?[1-9]|\"[a-c]\")")
            .prop_map(|(path, sign, literal)| path + &sign + &literal),
        (path(), "( in| not in)", list).prop_map(|(path, word, list)| format!("{path}{word}[{list}]")),
        path().prop_map(|path| format!("exists({path})")),
    ];
    term.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not {inner}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            (proptest::collection::vec(inner, 2..4), "( and | or )")
                .prop_map(|(parts, word)| parts.join(&word)),
        ]
    })
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-3i64..3).prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "[a-c]".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let name = prop_oneof![3 => "[a-c]", 1 => Just("tags".to_owned()), 1 => any::<String>()];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::hash_map(name, inner, 0..4)
                .prop_map(|parts| serde_json::Value::Object(parts.into_iter().collect())),
        ]
    })
}

/// What stands at a path, by a parser that others keep.
fn found<'a>(path: &Path, mut data: &'a serde_json::Value) -> Option<&'a serde_json::Value> {
    for step in &path.steps {
        data = match step {
            Step::Name(name) => data.as_object()?.get(&**name)?,
            Step::Index(index) => data.as_array()?.get(*index as usize)?,
        };
    }
    Some(data)
}

proptest! {
    #[test]
    fn the_normal_form_is_read_as_what_it_was_written_of(text in condition()) {
        match text.parse::<Criterion>() {
            Ok(criterion) => {
                let again = parse(&criterion.to_string());
                prop_assert_eq!(again.condition, criterion.condition);
                prop_assert_eq!(again.paths, criterion.paths);
            }
            Err(error) => {
                let bounds = ["longer than ", "nested deeper than ", "more than "];
                prop_assert!(bounds.iter().any(|bound| error.to_string().starts_with(bound)), "{}: {}", text, error);
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}", words in proptest::collection::vec(
        "(data|tags|key|\\.a|\\[0\\]|==|!=|<=?|in|not|exists|and|or|[(),\\[\\]]|\"x\"|-?[0-9.]{1,4}| |\\PC)", 0..40,
    )) {
        let _either = text.parse::<Criterion>();
        let _either = words.concat().parse::<Criterion>();
    }

    #[test]
    fn no_data_makes_it_panic(
        text in condition(), data in proptest::collection::vec(any::<u8>(), 0..100), cut: usize, sound in json(),
    ) {
        let mut criteria = criteria();
        let Ok(criterion) = text.parse::<Criterion>() else { return Ok(()) };
        let number = criteria.hold(&Arc::new(criterion));
        let mut sound = sound.to_string().into_bytes();
        sound.truncate(cut % (sound.len() + 1));
        for data in [data, sound] {
            let _either = criteria.judge(number, 1, &[posted("r", None, data)], &mut Readings::default());
        }
    }

    #[test]
    fn what_is_read_is_what_a_parser_finds(text in condition(), data in json()) {
        let Ok(criterion) = text.parse::<Criterion>() else { return Ok(()) };
        let written = serde_json::to_string_pretty(&data).unwrap();
        for path in criterion.paths.iter().filter(|path| path.field == Field::Data) {
            let alone = format!("exists({path})");
            prop_assert_eq!(passes(&alone, posted("r", None, &written)), found(path, &data).is_some(), "{}", alone);
            if let Some(value) = found(path, &data).filter(|value| !value.is_object() && !value.is_array()) {
                let equal = format!("{path} == {value}");
                prop_assert!(passes(&equal, posted("r", None, &written)), "{}", equal);
            }
        }
    }
}
