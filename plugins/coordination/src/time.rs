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

impl Timestamp {
    /// That many seconds later, to the next millisecond.
    pub(crate) fn after(self, seconds: f64) -> Self {
        // A float that is too large becomes the last moment.
        Self(self.0.saturating_add((seconds * 1000.0).ceil() as i64))
    }

    /// Seconds since `earlier`; 0 where a clock was set back between the two.
    pub(crate) fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0).max(0) as f64 / 1000.0
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A clock before 1970 is as wrong as one at 1970, and the year 9999 is the last that the wire has.
        let ms = self.0.clamp(0, LAST).unsigned_abs();
        serializer.collect_str(&humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms)))
    }
}

/// The last millisecond of the year 9999.
const LAST: i64 = 253_402_300_799_999;

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
        assert_eq!(serde_json::to_string(&Timestamp(-1)).unwrap(), r#""1970-01-01T00:00:00.000Z""#);
        assert!(serde_json::from_str::<Timestamp>("\"yesterday\"").is_err());
    }

    #[test]
    fn the_last_moment_has_a_place_on_the_wire() {
        let last = serde_json::to_string(&Timestamp(0).after(f64::MAX)).unwrap();
        assert_eq!(last, r#""9999-12-31T23:59:59.999Z""#);
        assert!(serde_json::from_str::<Timestamp>(&last).is_ok());
    }

    #[test]
    fn a_part_of_a_millisecond_is_a_millisecond_and_no_time_is_negative() {
        assert_eq!(Timestamp(5).after(0.0001), Timestamp(6));
        assert_eq!(Timestamp(5).after(0.3), Timestamp(305));
        assert_eq!(Timestamp(2500).seconds_since(Timestamp(1000)), 1.5);
        assert_eq!(Timestamp(1000).seconds_since(Timestamp(2500)), 0.0);
    }
}
