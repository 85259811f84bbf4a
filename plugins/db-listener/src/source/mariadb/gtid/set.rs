//! MySQL's GTIDs, and the set of those that were read.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use mysql_async::{GnoInterval, Sid};
use uuid::Uuid;

use super::{Malformed, Reader};

/// Transactions of a server have lower numbers.
const END: u64 = i64::MAX as u64;

/// A transaction: `uuid:number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gtid {
    /// The server that it was first written at.
    pub(crate) server: Uuid,
    /// Its number there, from 1.
    pub(crate) number: u64,
}

impl Gtid {
    /// Reads MySQL's GTID event.
    pub(crate) fn decode(event: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(event);
        let _flags = reader.byte()?;
        let server = Uuid::from_slice(reader.bytes(16)?).map_err(|error| Malformed(error.to_string()))?;
        let number = reader.little(8)?;
        match (1..END).contains(&number) {
            true => Ok(Self { server, number }),
            false => Err(Malformed(format!("a GTID of the number {number}"))),
        }
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.server, self.number)
    }
}

/// Transactions one after the other, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first: u64,
    last: u64,
}

/// What MySQL calls a GTID set, `uuid:1-5:7,uuid:1-3`. It may have gaps: servers may write transactions of others in another order. Empty:
/// before the first.
///
/// The spans of each server are in order, with at least one number between any two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GtidSet(BTreeMap<Uuid, Vec<Span>>);

impl GtidSet {
    /// Goes past a transaction.
    pub(crate) fn pass(&mut self, gtid: Gtid) {
        self.add(gtid.server, Span { first: gtid.number, last: gtid.number });
    }

    /// Adds a span, and joins it with those that it touches.
    fn add(&mut self, server: Uuid, span: Span) {
        let spans = self.0.entry(server).or_default();
        let begin = spans.partition_point(|before| before.last + 1 < span.first);
        let end = spans.partition_point(|touched| touched.first <= span.last + 1);
        let touched = spans.get(begin..end).unwrap_or_default();
        let first = touched.first().map_or(span.first, |touched| touched.first.min(span.first));
        let last = touched.last().map_or(span.last, |touched| touched.last.max(span.last));
        spans.splice(begin..end, [Span { first, last }]);
    }

    /// The set as a request for the binary log has it.
    pub(crate) fn sids(&self) -> Vec<Sid<'static>> {
        let interval = |span: &Span| GnoInterval::new(span.first, span.last + 1);
        let sid = |(server, spans): (&Uuid, &Vec<Span>)| {
            Sid::new(server.into_bytes()).with_intervals(spans.iter().map(interval).collect())
        };
        self.0.iter().map(sid).collect()
    }
}

impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (server, spans)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{server}")?;
            for Span { first, last } in spans {
                if first == last { write!(f, ":{first}")? } else { write!(f, ":{first}-{last}")? }
            }
        }
        Ok(())
    }
}

impl FromStr for GtidSet {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut set = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong = |what: &str| Malformed(format!("`{part}` {what}"));
            let no_set = || wrong("is no set of GTIDs (uuid:first-last:…)");
            let (server, spans) = part.split_once(':').ok_or_else(no_set)?;
            let server = Uuid::try_parse(server).map_err(|_| no_set())?;
            for text in spans.split(':').map(str::trim) {
                if text.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '_') {
                    return Err(wrong("has a tag, and tagged GTIDs cannot be read"));
                }
                set.add(server, text.parse().map_err(|()| no_set())?);
            }
        }
        Ok(set)
    }
}

impl FromStr for Span {
    type Err = ();

    /// `7`, or `1-5`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let span = Self { first: first.parse().map_err(drop)?, last: last.parse().map_err(drop)? };
        if 1 <= span.first && span.first <= span.last && span.last < END { Ok(span) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const ONE: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const TWO: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn set(text: &str) -> GtidSet {
        text.parse().unwrap()
    }

    #[test]
    fn a_set_is_read_as_the_server_writes_it_and_written_in_order() {
        let text = format!("{TWO}:7, \n{}:1-3:5:4:9-10,", ONE.to_uppercase());
        assert_eq!(set(&text).to_string(), format!("{ONE}:1-5:9-10,{TWO}:7"));
        assert_eq!(set(""), GtidSet::default());
        for wrong in ["", ":", ":0", ":1-", ":5-4", ":x-1", ":1:", ":9223372036854775807", ":-1"] {
            let text = format!("{ONE}{wrong}");
            assert!(text.parse::<GtidSet>().unwrap_err().0.contains(&format!("`{text}`")), "{text}");
        }
        assert!("1:1".parse::<GtidSet>().is_err());
        assert!(format!("{ONE}:ours:1-5").parse::<GtidSet>().unwrap_err().0.contains("tag"));
    }

    #[test]
    fn what_is_passed_fills_a_gap() {
        let mut set = set(&format!("{ONE}:1-5:7"));
        set.pass(Gtid { server: ONE.parse().unwrap(), number: 6 });
        set.pass(Gtid { server: TWO.parse().unwrap(), number: 2 });
        assert_eq!(set.to_string(), format!("{ONE}:1-7,{TWO}:2"));
        let intervals: Vec<_> =
            set.sids().iter().map(|sid| (sid.intervals()[0].start(), sid.intervals()[0].end())).collect();
        assert_eq!(intervals, [(1, 8), (2, 3)], "a request has the number behind the last");
    }

    #[test]
    fn an_event_tells_its_transaction() {
        let server: Uuid = ONE.parse().unwrap();
        let event = [&[1][..], server.as_bytes(), &[42, 0, 0, 0, 0, 0, 0, 0, 2]].concat();
        assert_eq!(Gtid::decode(&event).unwrap().to_string(), format!("{ONE}:42"));
        assert!(Gtid::decode(&event[..24]).is_err());
        assert!(Gtid::decode(&[0; 25]).is_err(), "there is no transaction 0");
    }

    proptest! {
        #[test]
        fn a_set_has_what_was_passed_and_no_more(numbers in proptest::collection::vec(1_u64..40, 0..60)) {
            let server: Uuid = ONE.parse().unwrap();
            let mut set = GtidSet::default();
            numbers.iter().for_each(|number| set.pass(Gtid { server, number: *number }));
            let spans = set.0.get(&server).cloned().unwrap_or_default();
            let has: Vec<u64> = spans.iter().flat_map(|span| span.first..=span.last).collect();
            let expected: Vec<u64> = numbers.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
            prop_assert_eq!(has, expected);
            prop_assert!(spans.windows(2).all(|pair| pair[0].last + 1 < pair[1].first));
            prop_assert_eq!(set.to_string().parse(), Ok(set));
        }

        #[test]
        fn no_text_is_too_odd(text in "[0-9a-f:,\\- _x]{0,60}") {
            let _refused_or_read = text.parse::<GtidSet>();
            let _refused_or_read = format!("{ONE}:{text}").parse::<GtidSet>();
        }
    }
}
