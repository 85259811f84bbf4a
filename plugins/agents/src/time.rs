//! Points in time as the wire has them.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What the gateway's clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The time for people; an operator may set it back or ahead.
    pub(crate) wall: Timestamp,
    /// Milliseconds since some start, which only grow: for what has a deadline.
    pub(crate) steady: i64,
}

/// Milliseconds since 1970, as text RFC 3339 in UTC with milliseconds and `Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(pub(crate) i64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A clock before 1970 is as wrong as one at 1970.
        let time = UNIX_EPOCH + Duration::from_millis(self.0.try_into().unwrap_or(0));
        serializer.collect_str(&humantime::format_rfc3339_millis(time))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = humantime::parse_rfc3339(&text).map_err(de::Error::custom)?;
        let since = time.duration_since(UNIX_EPOCH).map_err(de::Error::custom)?;
        i64::try_from(since.as_millis()).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_utc_with_milliseconds_and_comes_back() {
        let text = serde_json::to_string(&Timestamp(1_518_568_027_133)).unwrap();
        assert_eq!(text, r#""2018-02-14T00:27:07.133Z""#);
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), Timestamp(1_518_568_027_133));
        assert_eq!(serde_json::to_string(&Timestamp(0)).unwrap(), r#""1970-01-01T00:00:00.000Z""#);
        assert!(serde_json::from_str::<Timestamp>("\"yesterday\"").is_err());
    }
}
