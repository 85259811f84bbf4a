//! Quantities as people write them in the configuration: times (`"30s"`), sizes (`"1 MiB"`), rates (`"50/s"`)
//! and networks (`"10.0.0.0/8"`).
//!
//! They are types of their own so that a value that cannot be read is refused where it stands, and so that the
//! effective configuration is printed back exactly as it could have been written.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod moment;
mod network;
mod rate;

pub use moment::moment;
pub use network::{Network, party, subnet};
pub use rate::{ByteRate, Rate};

/// A length of time, written with its units: `"250ms"`, `"30s"`, `"1h 30m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Period(pub Duration);

impl Period {
    /// A period of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The length of time.
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Whether it is no time at all, which most settings take for "never".
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map(Self)
            .map_err(|error| format!("{text:?} is not a time such as \"30s\" or \"1h 30m\": {error}"))
    }
}

/// An amount of memory in bytes, written with its unit: `"512 B"`, `"64 KiB"`, `"1 MiB"` (powers of 1,024), `"1 MB"`
/// (powers of 1,000). A bare number counts bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size(pub u64);

impl Size {
    /// A size of whole KiB.
    pub const fn kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    /// A size of whole MiB.
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes as a length; on a machine whose lengths are shorter, the longest one.
    pub fn len(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Whether it is nothing.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Size {
    /// The largest unit that gives a whole number, so that nothing is lost when it is read again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
        let whole = units.iter().find(|(_, shift)| self.0 != 0 && self.0.trailing_zeros() >= *shift);
        match whole {
            Some((unit, shift)) => write!(f, "{} {unit}", self.0 >> shift),
            None => write!(f, "{} B", self.0),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<ByteSize>()
            .map(|size| Self(size.as_u64()))
            .map_err(|error| format!("{text:?} is not a size such as \"64 KiB\" or \"1 MiB\": {error}"))
    }
}

/// Reads a quantity from its text, or from a bare number where `number` knows what one means.
struct TextVisitor<T> {
    expected: &'static str,
    number: fn(u64) -> Option<T>,
}

impl<T: FromStr<Err = String>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        (self.number)(number).ok_or_else(|| E::invalid_type(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a time with its unit, such as \"30s\"";
        deserializer.deserialize_any(TextVisitor { expected, number: |_| None })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a size such as \"64 KiB\", or a number of bytes";
        deserializer.deserialize_any(TextVisitor { expected, number: |bytes| Some(Self(bytes)) })
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a network such as \"10.0.0.0/8\", or an address";
        deserializer.deserialize_any(TextVisitor { expected, number: |_| None })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a rate such as \"50/s\", or 0 for no limit";
        let number = |number| (number == 0).then_some(Self::NONE);
        deserializer.deserialize_any(TextVisitor { expected, number })
    }
}

impl<'de> Deserialize<'de> for ByteRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a rate of bytes such as \"1 MiB/s\", or 0 for no limit";
        let number = |number| (number == 0).then_some(Self::NONE);
        deserializer.deserialize_any(TextVisitor { expected, number })
    }
}

/// Writes each of them as its text, and describes that text to editors.
macro_rules! as_text {
    ($($type:ident: $schema:tt),* $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

as_text! {
    Period: { "type": "string", "description": "A time with its units.", "examples": ["250ms", "30s", "1h 30m"] },
    Size: { "type": ["string", "integer"], "description": "A size; a number counts bytes.", "examples": ["64 KiB", "1 MiB"] },
    Rate: { "type": ["string", "integer"], "description": "How often; 0: no limit.", "examples": ["50/s", "100/min", "0"] },
    ByteRate: { "type": ["string", "integer"], "description": "Bytes in a time; 0: no limit.", "examples": ["1 MiB/s", "64 KiB/min", "0"] },
    Network: { "type": "string", "description": "A network, or one address.", "examples": ["10.0.0.0/8", "::1"] },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_size_is_read_back_as_it_was_written(bytes in 0_u64..1 << 52) {
            prop_assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
            let whole = Size(bytes & !0x3ff);
            prop_assert_eq!(whole.to_string().parse(), Ok(whole));
        }

        #[test]
        fn a_period_is_read_back_as_it_was_written(ms in 0_u64..1 << 48) {
            let period = Period(Duration::from_millis(ms));
            prop_assert_eq!(period.to_string().parse(), Ok(period));
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_an_example() {
        assert!("soon".parse::<Period>().unwrap_err().contains("\"30s\""));
        assert!("30".parse::<Period>().is_err(), "a time without a unit is ambiguous");
        assert!("big".parse::<Size>().unwrap_err().contains("\"64 KiB\""));
        assert!("-1 KiB".parse::<Size>().is_err());
    }
}
