//! How often something may happen.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

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

    /// How many in how much time, where there is a limit.
    pub const fn get(self) -> Option<(u32, Duration)> {
        if self.count == 0 { None } else { Some((self.count, self.per)) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((count, per)) = self.get() else { return f.write_str("0") };
        match UNITS.iter().find(|(_, seconds)| per == Duration::from_secs(*seconds)) {
            Some((names, _)) => write!(f, "{count}/{}", names[0]),
            None => write!(f, "{count}/{}", humantime::format_duration(per).to_string().replace(' ', "")),
        }
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
        let (count, per) = (count.trim().parse().map_err(|_| wrong())?, per.trim());
        let unit = UNITS.iter().find(|(names, _)| names.contains(&per));
        let per = match unit {
            Some((_, seconds)) => Duration::from_secs(*seconds),
            None => humantime::parse_duration(per).map_err(|_| wrong())?,
        };
        if count == 0 {
            return Ok(Self::NONE);
        }
        if per.is_zero() {
            return Err(wrong());
        }
        Ok(Self { count, per })
    }
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
        fn no_text_is_too_odd_to_be_judged(text in "\\PC{0,20}") {
            let _judged = text.parse::<Rate>();
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
}
