//! Bodies and queries taken apart, with everything that is wrong with them said at once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::de::{Deserialize, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::frame::Timestamp;
use crate::frame::json::{DEEPEST, is_too_deep};
use crate::units::moment;
use crate::web::{Invalid, Problem, query_pairs};

/// Of the year 9999: what comes after it has no name in RFC 3339. In seconds since 1970.
pub(super) const LAST_SECOND: u64 = 253_402_300_799;

/// A JSON object's fields, and what has been found wrong with them.
pub(super) struct Fields<'a> {
    fields: BTreeMap<Cow<'a, str>, &'a RawValue>,
    /// Where the object stands, as `["body"]`.
    place: Vec<Value>,
    pub(super) errors: Vec<Invalid>,
}

/// The body as JSON that is well-formed and not too deep.
pub(super) fn json(body: &[u8]) -> Result<&RawValue, Problem> {
    let wrong = |msg: String, kind| {
        Problem::invalid(vec![Invalid { loc: vec!["body".into()], msg: msg.into(), kind }])
    };
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(wrong("a JSON body is required".into(), "missing"));
    }
    let value =
        serde_json::from_slice(body).map_err(|error| wrong(format!("not JSON: {error}"), "json_invalid"))?;
    if is_too_deep(body) {
        return Err(wrong(format!("nested deeper than {DEEPEST} levels"), "json_too_deep"));
    }
    Ok(value)
}

impl<'a> Fields<'a> {
    /// The fields of the object `value`, which stands at `place`.
    pub(super) fn of(value: &'a RawValue, place: Vec<Value>) -> Result<Self, Problem> {
        let not_an_object = |msg: &'static str| {
            Problem::invalid(vec![Invalid { loc: place.clone(), msg: msg.into(), kind: "object_type" }])
        };
        if !value.get().trim_start().starts_with('{') {
            return Err(not_an_object("expected an object"));
        }
        let fields = serde_json::from_str(value.get()).map_err(|_| not_an_object("expected an object"))?;
        Ok(Self { fields, place, errors: Vec::new() })
    }

    /// The fields of a whole body.
    pub(super) fn of_body(body: &'a [u8]) -> Result<Self, Problem> {
        Self::of(json(body)?, vec!["body".into()])
    }

    /// A field that is there and not null.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.get(name).copied().filter(|value| value.get() != "null")
    }

    /// A field that must be there, null or not.
    pub(super) fn required(&mut self, name: &str) -> Option<&'a RawValue> {
        let found = self.fields.get(name).copied();
        if found.is_none() {
            self.wrong(name, "field required", "missing");
        }
        found
    }

    /// A string that may be missing.
    pub(super) fn string(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let value = self.raw(name)?;
        let text = text(value);
        if text.is_none() {
            self.wrong(name, "expected a string", "string_type");
        }
        text
    }

    /// A string that must be there.
    pub(super) fn required_string(&mut self, name: &str) -> Option<Cow<'a, str>> {
        self.required(name)?;
        if self.raw(name).is_none() {
            self.wrong(name, "expected a string", "string_type");
        }
        self.string(name)
    }

    /// A user's id or a role, which may be missing: a string, or a whole number, which may be written as `7.0`.
    pub(super) fn person(&mut self, name: &str) -> Option<String> {
        let value = self.raw(name)?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let whole = || {
            let number: f64 = value.get().parse().ok()?;
            Some(format!("{number:.0}")).filter(|text| number.fract() == 0.0 && digits(text))
        };
        let number = || if digits(value.get()) { Some(value.get().to_owned()) } else { whole() };
        let found = text(value).map(Cow::into_owned).filter(|text| !text.is_empty()).or_else(number);
        if found.is_none() {
            self.wrong(name, "expected a string or a whole number", "string_type");
        }
        found
    }

    /// A moment that may be missing: RFC 3339, or seconds since 1970.
    pub(super) fn moment(&mut self, name: &str) -> Option<Timestamp> {
        let value = self.raw(name)?;
        let written = text(value).and_then(|text| moment(&text));
        let since = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).or_else(|| {
            let seconds: f64 = serde_json::from_str(value.get()).ok().filter(|s| *s <= LAST_SECOND as f64)?;
            Duration::try_from_secs_f64(seconds).ok()
        });
        let found = since.and_then(|since| i64::try_from(since.as_millis()).ok()).map(Timestamp);
        if found.is_none() {
            self.wrong(name, "expected a time such as \"2030-01-31T00:00:00Z\", or seconds", "datetime_type");
        }
        found
    }

    /// Strings in a list that may be missing.
    pub(super) fn strings(&mut self, name: &str) -> Option<Vec<Cow<'a, str>>> {
        let list: Option<Vec<&'a RawValue>> = serde_json::from_str(self.raw(name)?.get()).ok();
        let strings = list.and_then(|list| list.into_iter().map(text).collect());
        if strings.is_none() {
            self.wrong(name, "expected a list of strings", "list_type");
        }
        strings
    }

    /// Notes what is wrong with a field.
    pub(super) fn wrong(&mut self, name: &str, msg: impl Into<Cow<'static, str>>, kind: &'static str) {
        let mut loc = self.place.clone();
        loc.push(name.into());
        self.errors.push(Invalid { loc, msg: msg.into(), kind });
    }

    /// The problem, if anything was wrong.
    pub(super) fn check(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid(self.errors)) }
    }
}

/// The string that `value` is, if it is one.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(serde::Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str(value.get()).ok().map(|Text(text)| text)
}

/// Whether `value` is an object.
pub(super) fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{') && IgnoredAny::deserialize(value).is_ok()
}

/// Which part of a list is wanted.
#[derive(JsonSchema)]
pub(super) struct Page {
    /// How many to leave out.
    #[serde(default)]
    pub(super) skip: usize,
    /// How many to show.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 1000))]
    pub(super) limit: usize,
}

fn hundred() -> usize {
    100
}

impl Page {
    pub(super) fn of(query_text: Option<&str>) -> Result<Self, Problem> {
        let pairs = query_pairs(query_text);
        let mut errors = Vec::new();
        let skip = number(&pairs, "skip", 0, 0..=usize::MAX, &mut errors);
        let limit = number(&pairs, "limit", hundred(), 1..=1000, &mut errors);
        if errors.is_empty() { Ok(Self { skip, limit }) } else { Err(Problem::invalid(errors)) }
    }

    pub(super) fn cut<T>(&self, items: Vec<T>) -> Vec<T> {
        items.into_iter().skip(self.skip).take(self.limit).collect()
    }
}

/// A whole number of a query.
pub(super) fn whole_number(
    query_text: Option<&str>,
    name: &str,
    default: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, Problem> {
    let mut errors = Vec::new();
    let number = number(&query_pairs(query_text), name, default, range, &mut errors);
    if errors.is_empty() { Ok(number) } else { Err(Problem::invalid(errors)) }
}

/// The same of pairs that are read already; what is wrong goes to `errors`.
pub(super) fn number(
    pairs: &[(String, String)],
    name: &str,
    default: usize,
    range: std::ops::RangeInclusive<usize>,
    errors: &mut Vec<Invalid>,
) -> usize {
    let Some((_, text)) = pairs.iter().rev().find(|(key, _)| key == name) else { return default };
    // What is larger than any list is as good as the largest number.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits && range.contains(&number) => number,
        Err(_) if digits && *range.end() == usize::MAX => usize::MAX,
        _ => {
            let least = range.start();
            let msg = match *range.end() {
                usize::MAX => format!("expected a whole number of {least} or more"),
                most => format!("expected a whole number from {least} to {most}"),
            };
            errors.push(Invalid::at("query", name, msg, "int_range"));
            default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let body = br#"{"room":5,"rooms":["a",1],"ok":"x"}"#;
        let mut fields = Fields::of_body(body).unwrap();
        assert_eq!(fields.string("ok").as_deref(), Some("x"));
        fields.string("room");
        fields.strings("rooms");
        fields.required_string("event_type");
        let problem = fields.check().unwrap_err();
        let places: Vec<_> = problem.errors.iter().map(|e| e.loc[1].as_str().unwrap().to_owned()).collect();
        assert_eq!(places, ["room", "rooms", "event_type"]);
    }

    #[test]
    fn a_body_is_json_and_not_too_deep() {
        for bad in [&b""[..], b"  ", b"{", b"\xff", b"[]"] {
            assert!(Fields::of_body(bad).is_err(), "{bad:?}");
        }
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(9000), "]".repeat(9000));
        assert!(Fields::of_body(deep.as_bytes()).is_err());
    }

    #[test]
    fn pages_have_bounds() {
        let page = Page::of(Some("skip=2&limit=3")).unwrap();
        assert_eq!(page.cut((0..10).collect()), [2, 3, 4]);
        for bad in ["limit=0", "limit=1001", "skip=-1", "skip=x", "limit="] {
            assert!(Page::of(Some(bad)).is_err(), "{bad}");
        }
    }
}
