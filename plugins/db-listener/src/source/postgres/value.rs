//! A column's text as JSON.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Number, Value};

use super::literal::{self, Item};
use crate::change::Cell;
use crate::exact;
use crate::source::Values;

/// What a type is in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A number without a fraction.
    Integer,
    /// A number as a processor has it; `NaN` and `Infinity` are text.
    Float,
    /// A number where JSON's readers keep it exactly, that is up to 15 digits, or an integer of 64 bits; else text.
    Numeric,
    /// What it holds.
    Json,
    /// Base64.
    Bytes,
    /// RFC 3339, in UTC.
    Moment,
    /// The same without an offset: PostgreSQL knows none.
    Timestamp,
    /// RFC 3339's `full-time`.
    Time,
    /// An array of any dimensions.
    Array {
        /// The elements' type.
        of: Arc<Type>,
        /// What stands between elements.
        delimiter: u8,
    },
    /// An object of its fields.
    Composite(Arc<Vec<(String, Type)>>),
    /// As PostgreSQL writes it.
    Text,
}

impl Type {
    /// The JSON of a text. What cannot be what its type says is text.
    pub fn json(&self, text: &str) -> Value {
        self.exact(text).unwrap_or_else(|| Value::String(text.to_owned()))
    }

    /// The same of a column, where JSON keeps all digits of its numbers.
    pub fn cell(&self, text: &str) -> Cell {
        match self {
            Self::Json => Cell::json(text),
            kind => Cell::Is(kind.json(text)),
        }
    }

    /// None where the text stays as it is.
    fn exact(&self, text: &str) -> Option<Value> {
        match self {
            Self::Text => None,
            Self::Bool => Some(Value::Bool(text == "t")),
            Self::Integer => integer(text),
            Self::Float => Number::from_f64(text.parse().ok()?).map(Value::Number),
            Self::Numeric => numeric(text),
            Self::Json => exact::cell(text)?.value().cloned(),
            Self::Bytes => Some(Value::String(BASE64_STANDARD.encode(unhex(text.strip_prefix("\\x")?)?))),
            Self::Moment | Self::Timestamp => timestamp(text),
            Self::Time => Some(Value::String(with_offset(text).into_owned())),
            Self::Array { of, delimiter } => Some(of.items(literal::array(text, *delimiter)?)),
            Self::Composite(fields) => object(fields, text),
        }
    }

    /// What its values are in JSON.
    pub(in crate::source) fn values(&self) -> Values {
        match self {
            Self::Bool => Values::Bool,
            Self::Integer => Values::Number,
            Self::Float => Values::Float,
            Self::Numeric => Values::Decimal,
            Self::Json => Values::Any,
            Self::Array { .. } | Self::Composite(_) => Values::Nested,
            Self::Bytes | Self::Moment | Self::Timestamp | Self::Time | Self::Text => Values::Text,
        }
    }

    fn items(&self, items: Vec<Item<'_>>) -> Value {
        let json = |item| match item {
            Item::Null => Value::Null,
            Item::Text(text) => self.json(&text),
            Item::Items(items) => self.items(items),
        };
        Value::Array(items.into_iter().map(json).collect())
    }
}

fn object(fields: &[(String, Type)], text: &str) -> Option<Value> {
    let values = literal::composite(text)?;
    // Fewer or more: the type was changed since, or it has no fields, which reads as one that is null.
    if values.len() != fields.len() {
        return fields.is_empty().then(|| Value::Object(Map::new()));
    }
    let pairs = fields.iter().zip(values);
    let json = |((name, kind), value): (&(String, Type), Option<Cow<'_, str>>)| {
        (name.clone(), value.map_or(Value::Null, |text| kind.json(&text)))
    };
    Some(Value::Object(pairs.map(json).collect()))
}

fn integer(text: &str) -> Option<Value> {
    let signed = text.parse::<i64>().map(Value::from);
    signed.or_else(|_| text.parse::<u64>().map(Value::from)).ok()
}

/// How many digits a JSON number's readers keep, as they read it into 64 bits of floating point.
const DIGITS: usize = 15;

fn numeric(text: &str) -> Option<Value> {
    let Some((whole, fraction)) = text.split_once('.') else { return integer(text) };
    let digits = whole.trim_start_matches(['-', '0']).len() + fraction.trim_end_matches('0').len();
    if digits > DIGITS {
        return None;
    }
    Number::from_f64(text.parse().ok()?).map(Value::Number)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// `2026-01-31 12:00:00.5+00` as `2026-01-31T12:00:00.5Z`; `infinity` and years before Christ stay as they are.
fn timestamp(text: &str) -> Option<Value> {
    let (date, time) = text.split_once(' ')?;
    if time.contains(' ') {
        return None;
    }
    Some(Value::String(format!("{date}T{}", with_offset(time))))
}

/// An offset as RFC 3339 has it: `+00` is `Z`, `+05` is `+05:00`.
fn with_offset(text: &str) -> Cow<'_, str> {
    let Some(at) = text.rfind(['+', '-']) else { return Cow::Borrowed(text) };
    let (time, offset) = text.split_at(at);
    match offset {
        "+00" => Cow::Owned(format!("{time}Z")),
        _ if offset.len() == 3 => Cow::Owned(format!("{text}:00")),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_numbers_where_they_stay_exact() {
        for (text, value) in [
            ("12.50", json!(12.5)),
            ("-0.001", json!(-0.001)),
            ("123456789012.345", json!(123_456_789_012.345)),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("18446744073709551616", json!("18446744073709551616")),
            ("0.12345678901234567", json!("0.12345678901234567")),
            ("NaN", json!("NaN")),
            ("-Infinity", json!("-Infinity")),
        ] {
            assert_eq!(Type::Numeric.json(text), value, "{text}");
        }
        assert_eq!(Type::Float.json("1e+20"), json!(1e20));
        assert_eq!(Type::Float.json("NaN"), json!("NaN"));
        assert_eq!(Type::Integer.json("-9223372036854775808"), json!(i64::MIN));
    }

    #[test]
    fn times_are_of_rfc_3339() {
        let moment = |text: &str| Type::Moment.json(text);
        assert_eq!(moment("2026-01-31 12:00:00.123456+00"), "2026-01-31T12:00:00.123456Z");
        assert_eq!(Type::Timestamp.json("2026-01-31 12:00:00"), "2026-01-31T12:00:00");
        assert_eq!(Type::Time.json("12:00:00.5-03"), "12:00:00.5-03:00");
        assert_eq!(Type::Time.json("12:00:00+05:30"), "12:00:00+05:30");
        for as_it_is in ["infinity", "0044-03-15 12:00:00+00 BC"] {
            assert_eq!(moment(as_it_is), as_it_is);
        }
    }

    #[test]
    fn what_holds_values_holds_them_by_their_types() {
        let point = Arc::new(vec![("x".to_owned(), Type::Integer), ("name".to_owned(), Type::Text)]);
        let points = Type::Array { of: Arc::new(Type::Composite(point)), delimiter: b',' };
        assert_eq!(
            points.json(r#"{"(1,a)","(2,)",NULL}"#),
            json!([{"x": 1, "name": "a"}, {"x": 2, "name": null}, null])
        );
        assert_eq!(points.json(r#"{"(1,a,new)"}"#), json!(["(1,a,new)"]));
        assert_eq!(Type::Bytes.json("\\x00ff"), "AP8=");
        assert_eq!(Type::Json.json(r#"{"a": [1, null]}"#), json!({"a": [1, null]}));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"[-+{(\\x0-9.,:aeN T]{0,30}") {
            for kind in [Type::Bool, Type::Integer, Type::Float, Type::Numeric, Type::Json, Type::Bytes, Type::Moment, Type::Time] {
                let _either_way = kind.json(&text);
            }
        }

        #[test]
        fn a_numeric_that_is_a_number_says_the_same(whole in "[1-9][0-9]{0,9}", fraction in "[0-9]{1,9}") {
            let text = format!("{whole}.{fraction}");
            match Type::Numeric.json(&text) {
                Value::Number(number) => {
                    let number = number.to_string();
                    prop_assert_eq!(number.strip_suffix(".0").unwrap_or(&number), text.trim_end_matches('0').trim_end_matches('.'));
                }
                other => prop_assert_eq!(other, Value::String(text)),
            }
        }
    }
}
