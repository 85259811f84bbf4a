//! How often something may happen.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Size;

/// So many in so much time, written `"50/s"`, `"100/min"`, `"1000/h"`, `"5/10s"`; `"0"` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// How many; 0: any number.
    count: u32,
    per: Duration,
}

/// The units that have names of their own, the first name of each being the one that is written.
const UNITS: [(&[&str], u64); 4] =
    [(&["s", "sec"], 1), (&["min", "m"], 60), (&["h", "hour"], 3600), (&["d", "day"], 86_400)];

impl Rate {
    /// No limit.
    pub const NONE: Self = Self { count: 0, per: Duration::ZERO };

    /// So many a second.
    pub const fn per_second(count: u32) -> Self {
        Self { count, per: Duration::from_secs(1) }
    }

    /// So many a minute.
    pub const fn per_minute(count: u32) -> Self {
        Self { count, per: Duration::from_secs(60) }
    }

    /// How many in how much time, where there is a limit.
    pub const fn get(self) -> Option<(u32, Duration)> {
        if self.count == 0 { None } else { Some((self.count, self.per)) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((count, per)) = self.get() else { return f.write_str("0") };
        write!(f, "{count}/{}", Unit(per))
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a rate such as \"50/s\" or \"100/min\" (\"0\": no limit)");
        if text.trim() == "0" {
            return Ok(Self::NONE);
        }
        let (count, per) = text.split_once('/').ok_or_else(wrong)?;
        let count = count.trim().parse().map_err(|_| wrong())?;
        let per = unit(per).ok_or_else(wrong)?;
        Ok(if count == 0 { Self::NONE } else { Self { count, per } })
    }
}

/// So many bytes in so much time, written `"1 MiB/s"`, `"64 KiB/min"`; `"0"` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByteRate {
    /// How many; 0: any number. Less than 4 GiB.
    bytes: Size,
    per: Duration,
}

impl ByteRate {
    /// No limit.
    pub const NONE: Self = Self { bytes: Size(0), per: Duration::ZERO };

    /// How many bytes in how much time, where there is a limit.
    pub fn get(self) -> Option<(u32, Duration)> {
        let bytes = u32::try_from(self.bytes.bytes()).unwrap_or(u32::MAX);
        if bytes == 0 { None } else { Some((bytes, self.per)) }
    }
}

impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bytes.is_empty() {
            return f.write_str("0");
        }
        write!(f, "{}/{}", self.bytes, Unit(self.per))
    }
}

impl FromStr for ByteRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a rate of bytes such as \"1 MiB/s\" (\"0\": no limit)");
        if text.trim() == "0" {
            return Ok(Self::NONE);
        }
        let (bytes, per) = text.split_once('/').ok_or_else(wrong)?;
        let (bytes, per): (Size, _) =
            (bytes.trim().parse().map_err(|_| wrong())?, unit(per).ok_or_else(wrong)?);
        if bytes.bytes() > u64::from(u32::MAX) {
            return Err(format!("{text:?}: less than 4 GiB, please, in less time"));
        }
        Ok(if bytes.is_empty() { Self::NONE } else { Self { bytes, per } })
    }
}

/// A time as the second part of a rate.
struct Unit(Duration);

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, seconds)| self.0 == Duration::from_secs(*seconds)) {
            Some((names, _)) => f.write_str(names[0]),
            None => f.write_str(&humantime::format_duration(self.0).to_string().replace(' ', "")),
        }
    }
}

/// The time that the second part of a rate says, which is some.
fn unit(text: &str) -> Option<Duration> {
    let text = text.trim();
    let per = match UNITS.iter().find(|(names, _)| names.contains(&text)) {
        Some((_, seconds)) => Duration::from_secs(*seconds),
        None => humantime::parse_duration(text).ok()?,
    };
    (!per.is_zero()).then_some(per)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_rate_is_read_back_as_it_was_written(count: u32, ms in 1_u64..1 << 40) {
            let rate = Rate { count, per: if count == 0 { Duration::ZERO } else { Duration::from_millis(ms) } };
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }

        #[test]
        fn a_rate_of_bytes_is_read_back_as_it_was_written(bytes: u32, ms in 1_u64..1 << 40) {
            let per = if bytes == 0 { Duration::ZERO } else { Duration::from_millis(ms) };
            let rate = ByteRate { bytes: Size(bytes.into()), per };
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }

        #[test]
        fn no_text_is_too_odd_to_be_judged(text in "\\PC{0,20}") {
            let _judged = (text.parse::<Rate>(), text.parse::<ByteRate>());
        }
    }

    #[test]
    fn the_ways_to_write_a_rate() {
        let rate = |text: &str| text.parse::<Rate>().unwrap().get();
        assert_eq!(rate("50/s"), Some((50, Duration::from_secs(1))));
        assert_eq!(rate("100/min"), rate("100 / 1m"));
        assert_eq!(rate("5/10s"), Some((5, Duration::from_secs(10))));
        assert_eq!(rate("0"), None);
        assert_eq!(rate("0/s"), None);
        assert_eq!("100/m".parse::<Rate>().unwrap().to_string(), "100/min");
        for bad in ["", "50", "/s", "-1/s", "50/0s", "5.5/s", "50/fortnight", "99999999999/s"] {
            assert!(bad.parse::<Rate>().unwrap_err().contains("\"50/s\""), "{bad}");
        }
    }
    #[test]
    fn the_ways_to_write_a_rate_of_bytes() {
        let rate = |text: &str| text.parse::<ByteRate>().unwrap().get();
        assert_eq!(rate("1 MiB/s"), Some((1 << 20, Duration::from_secs(1))));
        assert_eq!(rate("1000/min"), rate("1 KB / 1m"));
        assert_eq!(rate("0"), None);
        for bad in ["", "1 MiB", "/s", "1 MiB/0s", "1 MiB/fortnight"] {
            assert!(bad.parse::<ByteRate>().unwrap_err().contains("\"1 MiB/s\""), "{bad}");
        }
        assert!("4 GiB/s".parse::<ByteRate>().unwrap_err().contains("less than 4 GiB"));
    }
}
