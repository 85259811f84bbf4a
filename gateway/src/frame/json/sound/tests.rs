use proptest::prelude::*;
use serde_json::value::RawValue;

use super::super::is_too_deep;
use super::*;

/// The same by a parser that others keep.
fn by_parser(json: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(json).is_ok() && !is_too_deep(json)
}

fn nested(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

#[test]
fn what_a_parser_takes_is_sound() {
    for good in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1.5e+3",
        "12E9",
        "\"\"",
        "[]",
        "{}",
        " { \"a\" : [ 1 , 2.5e3 ] } ",
        "[[],{},[{}]]",
        "{\"a\":{\"b\":[]},\"c\":\"\"}",
        "\"é🦀 in more than eight bytes\"",
        "\"\u{7f}\"",
        r#""\"\\\/\b\f\n\r\t\u00e9\uD800 and so on""#,
        "\r\n\t 1 \r\n\t",
        "1e999",
        "\"12345678\"",
        "\"1234567\\\"\"",
        nested(DEEPEST).as_str(),
        "[\"[[[[[[[[[[\"]",
    ] {
        assert!(is_sound(good.as_bytes()) && by_parser(good.as_bytes()), "{good}");
    }
}

#[test]
fn what_no_parser_takes_is_not_sound() {
    for bad in [
        "",
        " ",
        "{",
        "[",
        "{}{}",
        "[] 1",
        "nul",
        "nulll",
        "tru",
        "True",
        "{\"a\":}",
        "{\"a\"}",
        "{a:1}",
        "{1:1}",
        "{,}",
        "{\"a\":1,}",
        "[1,]",
        "[,]",
        "[1 2]",
        "[1}",
        "{\"a\":1]",
        "'a'",
        "01",
        "-",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x1",
        "NaN",
        "\"",
        "\"abc",
        "\"12345678",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"12345678\u{1f}\"",
        "\u{feff}1",
        "1\u{0}",
        "\u{b}1",
        "]",
        "}",
        ",",
        ":",
        nested(DEEPEST + 1).as_str(),
    ] {
        assert!(!is_sound(bad.as_bytes()) && !by_parser(bad.as_bytes()), "{bad:?}");
    }
    for bad in
        [&b"\"\xff\""[..], b"\"123456789\xc3\"", b"\xc3\xa9", b"[\"\xed\xa0\x80\"]", b"\"1234567\x80\""]
    {
        assert!(!is_sound(bad) && !by_parser(bad), "{bad:?}");
    }
}

#[test]
fn a_byte_that_ends_a_string_is_found_wherever_it_stands() {
    for special in 0..=u8::MAX {
        for place in 0..24 {
            let mut json = [b'x'; 26];
            (json[0], json[25], json[1 + place]) = (b'"', b'"', special);
            assert_eq!(is_sound(&json), by_parser(&json), "{special} at {place}");
        }
    }
}

/// Values as they come, and as they are cut, joined and spoiled.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<f64>().prop_map(|number| serde_json::json!(number).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| serde_json::json!(text).to_string()),
        "-?[0-9]{1,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
        "\"(\\\\[\"\\\\/bfnrtux]|\\\\u[0-9a-g]{3,4}|[ -~é\u{1f}]){0,20}\"",
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        let blanks = "[ \n\r\t]{0,2}";
        let entry = (blanks, "[ -!#-\\[\\]-~]{0,10}", blanks, inner.clone());
        prop_oneof![
            (prop::collection::vec(inner, 0..5), blanks)
                .prop_map(|(all, blank)| format!("[{}{blank}]", all.join(&format!("{blank},")))),
            prop::collection::vec(entry, 0..5).prop_map(|all| {
                let entry = |(a, name, b, value)| format!("{a}\"{name}\"{b}:{a}{value}{b}");
                format!("{{{}}}", all.into_iter().map(entry).collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn values_are_judged_as_by_a_parser(json in value()) {
        prop_assert_eq!(is_sound(json.as_bytes()), by_parser(json.as_bytes()));
    }

    #[test]
    fn spoiled_values_are_judged_as_by_a_parser(
        json in value(), place in any::<prop::sample::Index>(), other in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut json = json.into_bytes();
        let place = place.index(json.len());
        if cut {
            json.remove(place);
        } else {
            json[place] = other;
        }
        prop_assert_eq!(is_sound(&json), by_parser(&json));
    }

    #[test]
    fn pieces_of_the_grammar_are_judged_as_by_a_parser(
        json in "([{}\\[\\],:]|\"a\"|\"\\\\|\\\\u00|0|1|-|\\.|e|null|true| |é){0,12}",
    ) {
        prop_assert_eq!(is_sound(json.as_bytes()), by_parser(json.as_bytes()));
    }
}
