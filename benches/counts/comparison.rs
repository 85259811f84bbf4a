//! Counts of now beside the landed ones.

use std::collections::BTreeSet;
use std::fmt;

use super::landed::Landed;

/// A stop may grow by so many per cent.
const MOST: u64 = 5;

/// The landed counts, and those of now.
pub(crate) struct Comparison {
    pub(crate) landed: Landed,
    pub(crate) now: Landed,
}

/// What is said of one stop.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Within the bound, or less than it was.
    Holds,
    /// Less than it was by so much that the gain should be landed, or it may be lost unseen.
    Gained,
    /// More than it may.
    Grown,
    /// It has no landed count.
    New,
    /// It has only a landed count.
    Gone,
}

impl Verdict {
    fn of(landed: Option<u64>, now: Option<u64>) -> Self {
        match (landed, now) {
            (Some(landed), Some(now)) if now * 100 > landed * (100 + MOST) => Self::Grown,
            (Some(landed), Some(now)) if now * 100 < landed * (100 - MOST) => Self::Gained,
            (Some(_), Some(_)) => Self::Holds,
            (None, _) => Self::New,
            (_, None) => Self::Gone,
        }
    }

    fn holds(&self) -> bool {
        matches!(self, Self::Holds | Self::Gained)
    }

    fn remark(&self) -> &'static str {
        match self {
            Self::Holds => "",
            Self::Gained => "less",
            Self::Grown => "TOO MUCH",
            Self::New => "NOT LANDED",
            Self::Gone => "NOT COUNTED",
        }
    }
}

impl Comparison {
    /// Every stop with its counts, landed and now.
    fn rows(&self) -> impl Iterator<Item = (&str, Option<u64>, Option<u64>)> {
        let (landed, now) = (&self.landed.instructions, &self.now.instructions);
        let stops: BTreeSet<&String> = landed.keys().chain(now.keys()).collect();
        stops.into_iter().map(|stop| (stop.as_str(), landed.get(stop).copied(), now.get(stop).copied()))
    }

    fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        self.rows().map(|(_, landed, now)| Verdict::of(landed, now))
    }

    /// Whether nothing has grown by more than it may, and every stop is there.
    pub(crate) fn holds(&self) -> bool {
        self.verdicts().all(|verdict| verdict.holds())
    }

    fn same_tools(&self) -> bool {
        self.landed.tools == self.now.tools
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<42} {:>13} {:>13} {:>9}", "stop", "landed", "now", "change")?;
        let count = |count: Option<u64>| count.map_or("-".into(), |count| count.to_string());
        for (stop, landed, now) in self.rows() {
            let change = match (landed, now) {
                (Some(landed), Some(now)) => {
                    format!("{:+.2} %", (now as f64 / landed.max(1) as f64 - 1.0) * 100.0)
                }
                _ => "-".into(),
            };
            let remark = Verdict::of(landed, now).remark();
            let row = format!("{stop:<42} {:>13} {:>13} {change:>9}  {remark}", count(landed), count(now));
            writeln!(f, "{}", row.trim_end())?;
        }
        if !self.same_tools() {
            writeln!(
                f,
                "\nThe landed counts are of other tools than these, which may be all that has changed:"
            )?;
            writeln!(f, "  landed {:?}\n  now    {:?}", self.landed.tools, self.now.tools)?;
            writeln!(
                f,
                "To know, count the commit that landed them with these tools. Where only tools have changed,"
            )?;
            writeln!(f, "accept the counts in a commit of its own.")?;
        }
        if !self.holds() {
            write!(
                f,
                "\nA stop may grow by {MOST} %. Where more is meant: `make counts-accept`, and say why in the commit"
            )?;
        } else if self.verdicts().any(|verdict| verdict == Verdict::Gained) {
            write!(f, "\nLess than landed: `make counts-accept` holds on to it")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(landed: &[(&str, u64)], now: &[(&str, u64)], tools: &str) -> Comparison {
        let counts = |counts: &[(&str, u64)], tools: &str| Landed {
            tools: [("rustc".to_owned(), tools.to_owned())].into(),
            instructions: counts.iter().map(|(stop, count)| ((*stop).to_owned(), *count)).collect(),
        };
        Comparison { landed: counts(landed, "1"), now: counts(now, tools) }
    }

    #[test]
    fn a_stop_may_grow_by_five_per_cent_and_no_more() {
        assert!(comparison(&[("a", 1000)], &[("a", 1050)], "1").holds());
        assert!(comparison(&[("a", 1000)], &[("a", 10)], "1").holds());
        let grown = comparison(&[("a", 1000), ("b", 7)], &[("a", 1051), ("b", 7)], "1");
        assert!(!grown.holds());
        let told = grown.to_string();
        assert!(told.contains("+5.10 %  TOO MUCH") && told.contains("make counts-accept"), "{told}");
        assert!(!told.contains("other tools"), "{told}");
    }

    #[test]
    fn a_stop_without_a_landed_count_fails_and_so_does_one_that_is_gone() {
        let new = comparison(&[("a", 1)], &[("a", 1), ("b", 2)], "1");
        assert!(!new.holds() && new.to_string().contains("NOT LANDED"), "{new}");
        let gone = comparison(&[("a", 1), ("b", 2)], &[("a", 1)], "1");
        assert!(!gone.holds() && gone.to_string().contains("NOT COUNTED"), "{gone}");
    }

    #[test]
    fn other_tools_are_told_of_and_excuse_nothing() {
        let grown = comparison(&[("a", 100)], &[("a", 200)], "2");
        assert!(!grown.holds() && grown.to_string().contains("other tools"), "{grown}");
        assert!(comparison(&[("a", 100)], &[("a", 100)], "2").holds());
    }
}
