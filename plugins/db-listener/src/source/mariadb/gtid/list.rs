//! MariaDB's GTIDs, and how far each domain of them was read.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::{Malformed, Reader};

/// A transaction: `domain-server-sequence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gtid {
    /// Which of several streams of transactions, each in an order of its own.
    pub(crate) domain: u32,
    /// Where it was first written.
    pub(crate) server: u32,
    /// Its number in the domain.
    pub(crate) sequence: u64,
}

impl Gtid {
    /// Reads MariaDB's GTID event, of a transaction that was first written at `server`, and whether it is a single event, a statement of
    /// DDL say, that no COMMIT follows.
    pub(crate) fn decode(server: u32, event: &[u8]) -> Result<(Self, bool), Malformed> {
        const STANDALONE: u8 = 1;
        let mut reader = Reader::new(event);
        let sequence = reader.little(8)?;
        let domain = u32::try_from(reader.little(4)?).unwrap_or_default();
        let alone = reader.byte()? & STANDALONE != 0;
        Ok((Self { domain, server, sequence }, alone))
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.domain, self.server, self.sequence)
    }
}

impl FromStr for Gtid {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parsed = || {
            let (domain, rest) = text.split_once('-')?;
            let (server, sequence) = rest.split_once('-')?;
            Some(Self {
                domain: domain.parse().ok()?,
                server: server.parse().ok()?,
                sequence: sequence.parse().ok()?,
            })
        };
        parsed().ok_or_else(|| Malformed(format!("`{text}` is no GTID (domain-server-sequence)")))
    }
}

/// The last transaction of each domain: what MariaDB calls a GTID position, `0-1-42,7-3-5`. Empty: before the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GtidList(BTreeMap<u32, Gtid>);

impl GtidList {
    /// Goes past a transaction.
    pub(crate) fn pass(&mut self, gtid: Gtid) {
        self.0.insert(gtid.domain, gtid);
    }
}

impl fmt::Display for GtidList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, gtid) in self.0.values().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{gtid}")?;
        }
        Ok(())
    }
}

impl FromStr for GtidList {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let gtids = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        gtids
            .map(|text| text.parse().map(|gtid: Gtid| (gtid.domain, gtid)))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_the_last_of_each_domain_and_reads_back() {
        let mut list: GtidList = "7-3-5, 0-1-42".parse().unwrap();
        assert_eq!(list.to_string(), "0-1-42,7-3-5");
        list.pass("0-2-43".parse().unwrap());
        list.pass("1-1-1".parse().unwrap());
        assert_eq!(list.to_string(), "0-2-43,1-1-1,7-3-5");
        assert_eq!("".parse(), Ok(GtidList::default()));
        assert!("0-1".parse::<GtidList>().unwrap_err().0.contains("`0-1`"));
        assert!("0-1-x".parse::<GtidList>().is_err());
    }
}
