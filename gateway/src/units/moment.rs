//! Moments as people and programs write them.

use std::time::{Duration, SystemTime};

/// Reads RFC 3339, in UTC (`2030-01-31T00:00:00Z`; the `Z` may be missing) or with an offset from it
/// (`+01:00`). What an offset takes back before 1970 is 1970. None: it is none, or of an earlier year.
pub fn moment(text: &str) -> Option<SystemTime> {
    let (local, ahead, offset) = split(text);
    let local = humantime::parse_rfc3339_weak(local).ok()?;
    let moment = if ahead { local.checked_sub(offset) } else { local.checked_add(offset) }?;
    Some(moment.max(SystemTime::UNIX_EPOCH))
}

/// The text without its offset; whether its clock is ahead of UTC, and by how much it differs.
fn split(text: &str) -> (&str, bool, Duration) {
    let none = (text, false, Duration::ZERO);
    let Some((local, offset)) =
        text.len().checked_sub("+00:00".len()).and_then(|at| text.split_at_checked(at))
    else {
        return none;
    };
    let [sign @ (b'+' | b'-'), h, hh, b':', m, mm] = offset.as_bytes() else { return none };
    let number = |ten: &u8, one: &u8| {
        let digits = ten.is_ascii_digit() && one.is_ascii_digit();
        digits.then(|| u64::from(ten - b'0') * 10 + u64::from(one - b'0'))
    };
    match (number(h, hh), number(m, mm)) {
        (Some(hours @ ..24), Some(minutes @ ..60)) => {
            (local, *sign == b'+', Duration::from_secs(hours * 3600 + minutes * 60))
        }
        _ => none,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        moment(text).map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn moments_are_read_with_and_without_an_offset() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-02 00:00:00", Some(86_400)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1970-01-01T00:00:00-05:30", Some(19_800)),
            ("2026-11-21T12:00:00.123456+00:00", Some(1_795_262_400)),
            ("1970-01-01T00:00:00+00:01", Some(0)),
            ("1969-12-31T23:59:59Z", None),
            ("1970-01-01T00:00:00+24:00", None),
            ("1970-01-01T00:00:00+0x:00", None),
            ("+01:00", None),
            ("é1:00", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,30}", offset in "[+-][0-9]{2}:[0-9]{2}") {
            moment(&text);
            moment(&format!("{text}{offset}"));
            let shifted = moment(&format!("2026-11-21T12:00:00{offset}"));
            proptest::prop_assert_eq!(shifted.is_some(), &offset[1..3] < "24" && &offset[4..] < "60");
        }
    }
}
