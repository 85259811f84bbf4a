//! Points in time as the wire has them: RFC 3339.

use std::ops::Range;
use std::time::{Duration, UNIX_EPOCH};

/// Milliseconds since 1970 as text, in UTC.
pub(crate) fn text(ms: i64) -> String {
    // A clock before 1970 is as wrong as one at 1970.
    let time = UNIX_EPOCH + Duration::from_millis(ms.try_into().unwrap_or(0));
    humantime::format_rfc3339_millis(time).to_string()
}

/// A time that somebody has written, as RFC 3339 has it: without a zone it is UTC. None where it is no time.
pub(crate) fn read(text: &str) -> Option<String> {
    let (date, rest) = (text.get(..10)?, text.get(11..)?);
    matches!(text.as_bytes()[10], b'T' | b't' | b' ').then_some(())?;
    let zone = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone);
    // It knows no zones but its own, and is asked about date and time alone.
    humantime::parse_rfc3339(&format!("{date}T{clock}Z")).ok()?;
    let zone = match zone {
        "" | "z" | "Z" => "Z",
        other if is_offset(other) => other,
        _ => return None,
    };
    Some(format!("{date}T{clock}{zone}"))
}

/// Whether it is as `+02:00`.
fn is_offset(text: &str) -> bool {
    let number = |range: Range<usize>, below: u8| {
        let digits = text.get(range).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).is_some_and(|number: u8| number < below)
    };
    text.len() == 6 && number(1..3, 24) && text.as_bytes()[3] == b':' && number(4..6, 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_taken_with_a_zone_or_without_and_written_with_one() {
        for (said, meant) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02t03:04:05.25z", "2026-01-02T03:04:05.25Z"),
            ("2026-01-02 03:04:05", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.123456", "2026-01-02T03:04:05.123456Z"),
            ("2026-01-02T03:04:05-05:30", "2026-01-02T03:04:05-05:30"),
        ] {
            assert_eq!(read(said).as_deref(), Some(meant), "{said}");
        }
        for bad in [
            "",
            "yesterday",
            "2026-01-02",
            "2026-13-02T03:04:05Z",
            "2026-02-30T03:04:05Z",
            "2026-01-02T25:04:05Z",
            "2026-01-02T03:04:05+5",
            "2026-01-02T03:04:05+24:00",
            "2026-01-02T03:04:05Zulu",
            "2026-01-02x03:04:05Z",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(text(1_518_568_027_133), "2018-02-14T00:27:07.133Z");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_time_or_none(text in "\\PC{0,30}") {
            if let Some(time) = read(&text) {
                let again = read(&time);
                proptest::prop_assert_eq!(again, Some(time));
            }
        }
    }
}
