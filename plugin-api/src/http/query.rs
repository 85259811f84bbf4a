//! The query of a request.

use std::ops::RangeInclusive;

use percent_encoding::percent_decode_str;

use crate::FieldError;

/// A query taken apart: names and values in order, decoded. Bytes that are no UTF-8 become U+FFFD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Takes a query apart, given without its `?`. Every text is one: what has no `=` has an empty value.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(pairs.collect())
    }

    /// The first value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The integer of that name, `default` where it is not given.
    ///
    /// # Errors
    /// What is wrong with it, to be put into a 422.
    pub fn integer(&self, name: &str, default: i64, range: RangeInclusive<i64>) -> Result<i64, FieldError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let value: i64 = text
            .parse()
            .map_err(|_| FieldError::query(name, "Input should be a valid integer", "int_parsing"))?;
        if value < *range.start() {
            let msg = format!("Input should be greater than or equal to {}", range.start());
            return Err(FieldError::query(name, msg, "greater_than_equal"));
        }
        if value > *range.end() {
            let msg = format!("Input should be less than or equal to {}", range.end());
            return Err(FieldError::query(name, msg, "less_than_equal"));
        }
        Ok(value)
    }
}

/// A name or value: `+` is a space, `%XX` a byte.
fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_and_the_first_of_a_name_counts() {
        let query = Query::parse("a=1&b=x+y%26&&c&a=2&%C3%A9=%ff");
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.get("b"), Some("x y&"));
        assert_eq!(query.get("c"), Some(""));
        assert_eq!(query.get("é"), Some("\u{fffd}"));
        assert_eq!(query.get("d"), None);
        assert_eq!(query.iter().count(), 5);
    }

    #[cfg(not(miri))]
    proptest::proptest! {
        #[test]
        fn any_text_is_a_query_and_what_is_encoded_comes_back(
            text in ".*",
            pairs in proptest::collection::vec((".+", ".*"), 0..5),
        ) {
            let _ = Query::parse(&text);
            let encode = |text: &str| {
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
            };
            let encoded: Vec<_> = pairs.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
            proptest::prop_assert_eq!(Query::parse(&encoded.join("&")).0, pairs);
        }
    }

    #[test]
    fn an_integer_has_a_default_a_range_and_an_error_that_names_it() {
        let query = Query::parse("skip=-1&limit=1001&page=x&ok=7");
        assert_eq!(query.integer("none", 5, 0..=9), Ok(5));
        assert_eq!(query.integer("ok", 5, 0..=9), Ok(7));
        let kind = |name| query.integer(name, 0, 0..=1000).unwrap_err().kind;
        assert_eq!(kind("skip"), "greater_than_equal");
        assert_eq!(kind("limit"), "less_than_equal");
        assert_eq!(kind("page"), "int_parsing");
    }
}
