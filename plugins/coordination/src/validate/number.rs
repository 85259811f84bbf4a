//! Numbers as clients write them.

use serde_json::Value;

/// What is wrong with a value: for people, and for programs.
pub(super) type Flaw = (String, &'static str);

/// An integer: also as an integral float, or as text that is either.
pub(super) fn integer(value: &Value, least: i64, most: i64) -> Result<i64, Flaw> {
    let wrong = || ("Input should be a valid integer".to_owned(), "int_parsing");
    let number = match value {
        Value::Number(number) => match number.as_i64() {
            Some(number) => Some(number),
            // Too large for us: as good as the largest, which the range judges.
            None if number.is_u64() => Some(i64::MAX),
            None => number.as_f64().and_then(integral),
        },
        Value::String(text) => of_text(text),
        _ => return Err(("Input should be a valid integer".to_owned(), "int_type")),
    };
    let number = number.ok_or_else(wrong)?;
    if number < least {
        return Err((format!("Input should be greater than or equal to {least}"), "greater_than_equal"));
    }
    if number > most {
        return Err((format!("Input should be less than or equal to {most}"), "less_than_equal"));
    }
    Ok(number)
}

/// A number above 0, also as text.
pub(super) fn positive(value: &Value) -> Result<f64, Flaw> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if is_plain(text) => text.parse().ok(),
        Value::String(_) => None,
        _ => return Err(("Input should be a valid number".to_owned(), "float_type")),
    };
    let wrong = || ("Input should be a valid number".to_owned(), "float_parsing");
    let number = number.filter(|number: &f64| number.is_finite()).ok_or_else(wrong)?;
    if number > 0.0 { Ok(number) } else { Err(("Input should be greater than 0".to_owned(), "greater_than")) }
}

/// An integer in text: a sign perhaps, digits, and perhaps a point and zeros.
fn of_text(text: &str) -> Option<i64> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (digits, zeros) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let integral = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !integral || zeros.is_empty() || !zeros.bytes().all(|b| b == b'0') {
        return None;
    }
    // What does not fit is as good as the largest: the range judges it.
    Some(sign * digits.parse().unwrap_or(i64::MAX))
}

/// Whether text is written as JSON or a person writes a number, and not `inf` or `nan`.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
}

/// The integer that a float is, if it is one. A float that is too large becomes the nearest.
fn integral(number: f64) -> Option<i64> {
    (number.fract() == 0.0).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn kind<T: std::fmt::Debug>(result: Result<T, Flaw>) -> &'static str {
        result.unwrap_err().1
    }

    #[test]
    fn integers_come_as_integers_integral_floats_and_texts_of_both() {
        for value in [json!(7), json!(7.0), json!("7"), json!("+7"), json!("07"), json!("7.00"), json!(0.7e1)]
        {
            assert_eq!(integer(&value, 0, 10), Ok(7), "{value}");
        }
        assert_eq!(integer(&json!("-3"), -5, 5), Ok(-3));
    }

    #[test]
    fn what_is_no_integer_is_said_to_be_none() {
        for value in [
            json!(7.5),
            json!("7.5"),
            json!("x"),
            json!(""),
            json!("-"),
            json!("7."),
            json!(" 7"),
            json!("1e1"),
        ] {
            assert_eq!(kind(integer(&value, 0, 10)), "int_parsing", "{value}");
        }
        for value in [json!(true), json!([7]), json!({}), json!(null)] {
            assert_eq!(kind(integer(&value, 0, 10)), "int_type", "{value}");
        }
    }

    #[test]
    fn numbers_out_of_range_say_which_side_however_large() {
        for value in [json!(11), json!("99999999999999999999"), json!(1e300), json!(u64::MAX)] {
            assert_eq!(kind(integer(&value, 0, 10)), "less_than_equal", "{value}");
        }
        for value in [json!(-1), json!("-99999999999999999999"), json!(-1e300)] {
            assert_eq!(kind(integer(&value, 0, 10)), "greater_than_equal", "{value}");
        }
    }

    #[test]
    fn positive_numbers_come_as_numbers_and_texts_and_are_finite() {
        for value in [json!(1), json!(1.0), json!("1"), json!("1.0"), json!("10e-1")] {
            assert_eq!(positive(&value), Ok(1.0), "{value}");
        }
        for value in [json!("inf"), json!("nan"), json!("high"), json!(""), json!("1e999")] {
            assert_eq!(kind(positive(&value)), "float_parsing", "{value}");
        }
        for value in [json!(0), json!(-0.0), json!("-1"), json!("0.0")] {
            assert_eq!(kind(positive(&value)), "greater_than", "{value}");
        }
        assert_eq!(kind(positive(&json!(true))), "float_type");
    }

    proptest! {
        #[test]
        fn any_integer_is_read_from_any_of_its_forms(n in -1_000_000_i64..1_000_000) {
            for value in [json!(n), json!(n as f64), json!(n.to_string()), json!(format!("{n}.0"))] {
                prop_assert_eq!(integer(&value, i64::MIN, i64::MAX), Ok(n));
            }
        }

        #[test]
        fn no_text_is_too_strange(text in ".*") {
            let _ = integer(&json!(text), 0, 10);
            let _ = positive(&json!(text));
        }
    }
}
