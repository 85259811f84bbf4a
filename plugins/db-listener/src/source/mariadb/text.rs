//! Texts and times of MariaDB and MySQL as JSON has them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;

/// How a column's texts are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Charset {
    /// No text: BINARY, VARBINARY and BLOB, or a character set that is not known here. Base64.
    Bytes,
    Utf8,
    /// Units of so many bytes, the highest first where `big`: ucs2, utf16, utf16le, utf32.
    Wide {
        bytes: usize,
        big: bool,
    },
    Coded(&'static Encoding),
}

impl Charset {
    /// The character set of this name.
    pub(crate) fn named(name: &str) -> Self {
        let label = match name {
            "utf8mb4" | "utf8mb3" | "utf8" | "ascii" => return Self::Utf8,
            "ucs2" | "utf16" => return Self::Wide { bytes: 2, big: true },
            "utf16le" => return Self::Wide { bytes: 2, big: false },
            "utf32" => return Self::Wide { bytes: 4, big: true },
            "latin1" => "windows-1252", // as the servers have it
            "latin2" => "iso-8859-2",
            "latin5" => "windows-1254",
            "latin7" => "iso-8859-13",
            "greek" => "iso-8859-7",
            "hebrew" => "iso-8859-8",
            "cp1250" => "windows-1250",
            "cp1251" => "windows-1251",
            "cp1256" => "windows-1256",
            "cp1257" => "windows-1257",
            "cp866" => "ibm866",
            "koi8r" => "koi8-r",
            "koi8u" => "koi8-u",
            "macroman" => "macintosh",
            "tis620" => "windows-874",
            "sjis" | "cp932" => "shift_jis",
            "ujis" | "eucjpms" => "euc-jp",
            "euckr" => "euc-kr",
            "gb2312" | "gbk" => "gbk",
            "gb18030" => "gb18030",
            "big5" => "big5",
            _ => return Self::Bytes,
        };
        Encoding::for_label(label.as_bytes()).map_or(Self::Bytes, Self::Coded)
    }

    /// The bytes as text. What is no text of this character set becomes replacement characters; bytes become base64.
    pub(crate) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Bytes => STANDARD.encode(bytes),
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Coded(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
            Self::Wide { bytes: 4, .. } => {
                let units = bytes
                    .chunks(4)
                    .map(|unit| unit.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)));
                units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            Self::Wide { big, .. } => {
                let unit = |unit: &[u8]| match (unit, big) {
                    ([first, second], true) => u16::from_be_bytes([*first, *second]),
                    ([first, second], false) => u16::from_le_bytes([*first, *second]),
                    _ => 0xFFFD, // half a unit: the replacement character
                };
                let units: Vec<u16> = bytes.chunks(2).map(unit).collect();
                String::from_utf16_lossy(&units)
            }
        }
    }
}

/// A day, as `2024-02-29`. The servers have days that are none, `0000-00-00` and `2024-00-00`: they are told as they are.
pub(crate) fn date(year: u64, month: u64, day: u64) -> String {
    format!("{year:04}-{month:02}-{day:02}")
}

/// A second and its parts, as `10:20:30.5`: `micros` in so many digits, which are cut, not rounded.
pub(crate) fn clock(hours: u64, minutes: u64, seconds: u64, micros: u64, digits: usize) -> String {
    let mut text = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if digits > 0 {
        text.push('.');
        text.push_str(&format!("{micros:06}")[..digits.min(6)]);
    }
    text
}

/// A moment in RFC 3339, at Greenwich, from seconds since 1970. The servers' zero, no moment at all, is `0000-00-00T00:00:00Z`.
pub(crate) fn moment(seconds: u64, micros: u64, digits: usize) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = if seconds == 0 && micros == 0 { (0, 0, 0) } else { civil(days) };
    let clock = clock(second / 3600, second / 60 % 60, second % 60, micros, digits);
    format!("{}T{clock}Z", date(year, month, day))
}

/// The day that is so many after 1970-01-01, by eras of 400 years that begin in March, so that a leap day is the last of a year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (month, day) = (if month < 10 { month + 3 } else { month - 9 }, day - (153 * month + 2) / 5 + 1);
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// A UUID as text.
pub(crate) fn uuid(bytes: [u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        assert_eq!(moment(1_709_208_000, 0, 0), "2024-02-29T12:00:00Z");
        assert_eq!(moment(951_782_399, 120_000, 2), "2000-02-28T23:59:59.12Z");
        assert_eq!(moment(4_294_967_295, 999_999, 6), "2106-02-07T06:28:15.999999Z");
        assert_eq!(moment(1, 0, 0), "1970-01-01T00:00:01Z");
        assert_eq!(moment(0, 0, 3), "0000-00-00T00:00:00.000Z");
    }

    #[test]
    fn texts_are_read_in_their_character_sets() {
        assert_eq!(Charset::named("latin1").decode(b"\xe9\x80"), "é€");
        assert_eq!(Charset::named("utf8mb4").decode("💡".as_bytes()), "💡");
        assert_eq!(Charset::named("utf16").decode(&[0xD8, 0x3D, 0xDC, 0xA1]), "💡");
        assert_eq!(Charset::named("utf16le").decode(&[0x3D, 0xD8, 0xA1, 0xDC]), "💡");
        assert_eq!(Charset::named("utf32").decode(&[0, 1, 0xF4, 0xA1]), "💡");
        assert_eq!(Charset::named("koi8r").decode(&[0xC1]), "а");
        assert_eq!(Charset::named("swe7").decode(b"abc"), "YWJj", "unknown: its bytes");
    }
}
