//! JSON whose numbers have more digits than a processor's: kept as it is written.

use std::sync::Arc;

use serde_json::Value;

use crate::change::Cell;

/// How many digits of any decimal number 64 bits of floating point keep.
const DIGITS: usize = 15;

/// JSON with numbers that do not fit a [`Value`]'s.
#[derive(Debug, Clone, PartialEq)]
pub struct Exact {
    /// What is near it: what predicates see.
    pub value: Value,
    /// The JSON as it was written, without what is between its words; two that differ are two values.
    pub text: String,
}

/// What a text says, if it is JSON. A number beyond those of a processor, which no reader takes for one, is a text of its digits.
pub(crate) fn cell(text: &str) -> Option<Cell> {
    let read = serde_json::from_str(text).ok();
    let is_read = read.is_some();
    let mut compact = String::new();
    let (mut is_exact, mut rest) = (true, text);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string(rest),
            '-' | '0'..='9' => rest.find(|c: char| !is_of_number(c)).unwrap_or(rest.len()),
            first => first.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        let is_beyond = !is_read && is_of_number(first) && word.parse::<f64>().is_ok_and(f64::is_infinite);
        if is_beyond {
            compact.push_str(&format!("\"{word}\""));
        } else if !first.is_ascii_whitespace() {
            compact.push_str(word);
        }
        is_exact &= is_beyond || !is_of_number(first) || keeps(word);
        rest = after;
    }
    let value = read.or_else(|| serde_json::from_str(&compact).ok())?;
    Some(if is_exact { Cell::Is(value) } else { Cell::Exact(Arc::new(Exact { value, text: compact })) })
}

fn is_of_number(c: char) -> bool {
    matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')
}

/// Bytes of the string that a text begins with, quotes and all.
fn string(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

/// Whether a number of JSON is the same as one of 64 bits. `e` alone is of `true` and `false`.
pub(crate) fn keeps(word: &str) -> bool {
    if word.parse::<i64>().is_ok()
        || word.parse::<u64>().is_ok()
        || !word.contains(|c: char| c.is_ascii_digit())
    {
        return true;
    }
    let digits = word.split(['e', 'E']).next().unwrap_or(word).trim_start_matches(['-', '0', '.']);
    let count = |digits: &str| digits.bytes().filter(u8::is_ascii_digit).count();
    let digits =
        if digits.contains('.') || word.contains('.') { digits.trim_end_matches('0') } else { digits };
    count(digits) <= DIGITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(json: &str) -> String {
        match cell(json).unwrap() {
            Cell::Exact(exact) => exact.text.clone(),
            Cell::Is(value) => value.to_string(),
            Cell::Unknown => panic!(),
        }
    }

    #[test]
    fn all_digits_of_numbers_are_kept() {
        for exact in [
            r#"{"a":12345678901234567890123,"b":["-0.12345678901234567890",true,null]}"#,
            "[0.12345678901234567890,1]",
            "-1234567890123456789.5e-3",
            "[18446744073709551616]",
        ] {
            assert_eq!(text(exact), exact);
            assert!(matches!(cell(exact), Some(Cell::Exact(_))), "{exact}");
        }
        assert_eq!(
            text("{ \"a b\\\" \" :\n 1234567890.12345678901 }"),
            r#"{"a b\" ":1234567890.12345678901}"#
        );
        for plain in
            ["18446744073709551615", "[0.1, 1e300, -0.000000000000123]", "\"12345678901234567890.5\"", "true"]
        {
            assert!(matches!(cell(plain), Some(Cell::Is(_))), "{plain}");
        }
        assert_eq!(cell("{"), None);
        assert_eq!(cell("[1e400"), None);
    }

    #[test]
    fn numbers_that_no_reader_takes_for_one_are_texts_in_what_holds_them() {
        let digits = "9".repeat(400);
        for (json, told) in [
            ("1e400".to_owned(), "\"1e400\"".to_owned()),
            (
                format!("{{ \"a\": [1, -{digits}], \"b\": 12345678901234567890.5 }}"),
                format!("{{\"a\":[1,\"-{digits}\"],\"b\":12345678901234567890.5}}"),
            ),
        ] {
            assert_eq!(text(&json), told);
            assert!(serde_json::from_str::<Value>(&told).is_ok());
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_says_the_same(value in any::<f64>(), name in ".{0,8}", digits in "[1-9][0-9]{0,30}") {
            let written = format!(" {{ {} : [ {digits} , {} ] }} ", json!(name), json!(value));
            let value: Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&text(&written)).unwrap(), value);
            prop_assert!(text(&written).contains(&digits) || digits.len() <= 15);
        }
    }
}
