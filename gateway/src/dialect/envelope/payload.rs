//! Payloads: what clients send is held to the table of kinds, and what is sent is written by it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::kinds::{Absent, Field, Kind, Of};
use crate::frame::Timestamp;
use crate::frame::json::{put_string, shorten};

/// Fields that a payload may have at most: more than any kind has.
const MOST_FIELDS: usize = 32;

impl Of {
    /// What is expected.
    pub(super) fn expected(self) -> Cow<'static, str> {
        match self {
            Self::Text { least: 0, most: usize::MAX } => "a text".into(),
            Self::Text { most: usize::MAX, .. } => "a text that is not empty".into(),
            Self::Text { least, most } => format!("a text of {least} to {most} characters").into(),
            Self::Word(words) => format!("one of {}", words.join(", ")).into(),
            Self::Number => "a number".into(),
            Self::Share => "a number from 0 to 1".into(),
            Self::Count => "a whole number from 0".into(),
            Self::Flag => "true or false".into(),
            Self::Object => "an object".into(),
            Self::Objects => "a list of objects".into(),
            Self::Texts => "a list of texts".into(),
            Self::Null => "null".into(),
        }
    }

    /// Whether JSON that is not null is of this kind.
    pub(super) fn takes(self, json: &RawValue) -> bool {
        fn read<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Option<T> {
            serde_json::from_str(json.get()).ok()
        }
        match self {
            Self::Text { least, most } => text(json).is_some_and(|text| {
                // No character is longer than four bytes, and none shorter than one.
                text.len() >= least && (text.len() <= most || text.chars().count() <= most)
            }),
            Self::Word(words) => text(json).is_some_and(|text| words.contains(&&*text)),
            Self::Number => read::<f64>(json).is_some(),
            Self::Share => read::<f64>(json).is_some_and(|share| (0.0..=1.0).contains(&share)),
            Self::Count => read::<u64>(json).is_some(),
            Self::Flag => read::<bool>(json).is_some(),
            Self::Object => is_object(json),
            Self::Objects => read::<Vec<&RawValue>>(json).is_some_and(|all| all.into_iter().all(is_object)),
            Self::Texts => {
                read::<Vec<&RawValue>>(json).is_some_and(|all| all.into_iter().all(|one| text(one).is_some()))
            }
            Self::Null => false,
        }
    }
}

/// JSON that was read begins with its first token.
pub(super) fn is_object(json: &RawValue) -> bool {
    json.get().starts_with('{')
}

pub(super) fn is_null(json: &RawValue) -> bool {
    json.get() == "null"
}

/// What a JSON string says; none where it is none, or has half a character in it.
pub(super) fn text(json: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    serde_json::from_str::<Text<'_>>(json.get()).ok().map(|text| text.0)
}

/// The fields of an object, in their order, each there once.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads an object.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(object: &'a RawValue) -> Result<Self, serde_json::Error> {
        serde_json::from_str(object.get())
    }

    /// What stands there; none where nothing does, or null.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| *value).filter(|value| !is_null(value))
    }

    /// What stands in a field of such a payload, where that fits.
    pub(super) fn fitting(&self, kind: Kind, name: &str) -> Option<&'a RawValue> {
        let field = kind.field(name)?;
        self.get(name).filter(|value| field.of.takes(value))
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Map;

        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        impl<'de> Visitor<'de> for Map {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields: Self::Value = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    if fields.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format_args!("{}: stands there twice", shorten(&name))));
                    }
                    if fields.len() == MOST_FIELDS {
                        return Err(A::Error::custom(format_args!("{}: one field too many", shorten(&name))));
                    }
                    fields.push((name, value));
                }
                Ok(fields)
            }
        }

        from.deserialize_map(Map).map(Self)
    }
}

/// A payload of which every field is known to fit.
#[derive(Debug)]
pub(super) struct Payload<'a> {
    pub(super) kind: Kind,
    fields: Fields<'a>,
}

impl<'a> Payload<'a> {
    /// Judges a payload that says itself of which kind it is.
    ///
    /// # Errors
    /// Which field is wrong, and what was expected.
    pub(super) fn judge(fields: Fields<'a>) -> Result<Self, String> {
        let said = fields.get("message_type").ok_or("payload.message_type: is required")?;
        let name = text(said).ok_or("payload.message_type: expected a text")?;
        let kind = Kind::named(&name)
            .ok_or_else(|| format!("payload.message_type: there is no {:?}", shorten(&name)))?;
        Self::of(kind, fields)
    }

    /// Judges fields as those of a payload of this kind.
    ///
    /// # Errors
    /// As [`judge`](Self::judge).
    pub(super) fn of(kind: Kind, fields: Fields<'a>) -> Result<Self, String> {
        for (name, value) in fields.iter().filter(|(name, _)| *name != "message_type") {
            let Some(field) = kind.field(name) else {
                return Err(format!("payload.{}: there is no such field", shorten(name)));
            };
            let left_out = is_null(value) && !matches!(field.absent, Absent::Refused);
            if !left_out && !field.of.takes(value) {
                return Err(format!("payload.{name}: expected {}", field.of.expected()));
            }
        }
        let missing =
            |field: &&Field| matches!(field.absent, Absent::Refused) && fields.get(field.name).is_none();
        match kind.fields().iter().find(missing) {
            Some(field) => Err(format!("payload.{}: is required", field.name)),
            None => Ok(Self { kind, fields }),
        }
    }

    /// The same of what another says in words of its own: what fits is taken, all else is left out. None where what is
    /// required is missing.
    pub(super) fn gather(kind: Kind, fields: &Fields<'a>) -> Option<Self> {
        let fits = |field: &Field| fields.fitting(kind, field.name);
        let missing = |field: &Field| matches!(field.absent, Absent::Refused) && fits(field).is_none();
        if kind.fields().iter().any(missing) {
            return None;
        }
        let found = kind.fields().iter().filter_map(|field| Some((Cow::Borrowed(field.name), fits(field)?)));
        Some(Self { kind, fields: Fields(found.collect()) })
    }

    /// What stands in a field; none where that is nothing.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.get(name)
    }

    /// The text of a field; none where there is none.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        text(self.get(name)?)
    }

    /// Appends it, whole.
    pub(super) fn put(&self, now: Timestamp, out: &mut Vec<u8>) {
        put(self.kind, now, |name| self.get(name).map(RawValue::get).map(Cow::Borrowed), out);
    }
}

/// Appends a payload: of each field what `value` answers for it, JSON that fits, or else what stands for it where it is
/// left out. So nothing that is sent ever lacks a field.
pub(super) fn put<'a>(
    kind: Kind,
    now: Timestamp,
    value: impl Fn(&str) -> Option<Cow<'a, str>>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"message_type\":");
    put_string(out, kind.name());
    for field in kind.fields() {
        out.push(b',');
        put_string(out, field.name);
        out.push(b':');
        match (value(field.name), field.absent) {
            (Some(json), _) => out.extend_from_slice(json.as_bytes()),
            (None, Absent::Json(json)) => out.extend_from_slice(json.as_bytes()),
            (None, Absent::Now) => out.extend_from_slice(seconds(now).as_bytes()),
            (None, Absent::Null | Absent::Refused) => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
}

/// A moment in seconds, always with a fraction.
fn seconds(now: Timestamp) -> String {
    format!("{}.{:03}", now.0.div_euclid(1000), now.0.rem_euclid(1000))
}

/// `text` as JSON.
pub(super) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    put_string(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}
