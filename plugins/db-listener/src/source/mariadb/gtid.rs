//! Global transaction ids of both kinds of servers, and how far they were read.

mod list;
mod set;

use std::fmt;

use super::reader::{Malformed, Reader};
use crate::source::Position;
pub(crate) use list::GtidList;
pub(crate) use set::GtidSet;

/// Which kind of server it is: each has GTIDs of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    MariaDb,
    MySql,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        })
    }
}

/// A transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gtid {
    MariaDb(list::Gtid),
    MySql(set::Gtid),
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MariaDb(gtid) => gtid.fmt(f),
            Self::MySql(gtid) => gtid.fmt(f),
        }
    }
}

/// The transactions that were read: a position in the binary log of any server that has them. Shown as the server writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gtids {
    MariaDb(GtidList),
    MySql(GtidSet),
}

impl Gtids {
    /// What a server of that kind says.
    pub(crate) fn told(flavour: Flavour, text: &str) -> Result<Self, Malformed> {
        match flavour {
            Flavour::MariaDb => text.parse().map(Self::MariaDb),
            Flavour::MySql => text.parse().map(Self::MySql),
        }
    }

    /// What was [kept](Self::keep). A text that does not name its kind of server is MariaDB's: there was no other once.
    pub(crate) fn kept(Position(text): &Position) -> Result<Self, Malformed> {
        match text.strip_prefix("mysql:") {
            Some(text) => Self::told(Flavour::MySql, text),
            None => Self::told(Flavour::MariaDb, text.strip_prefix("mariadb:").unwrap_or(text)),
        }
    }

    /// The text that is kept, which names its kind of server.
    pub(crate) fn keep(&self) -> Position {
        Position(match self {
            Self::MariaDb(list) => format!("mariadb:{list}"),
            Self::MySql(set) => format!("mysql:{set}"),
        })
    }

    pub(crate) fn flavour(&self) -> Flavour {
        match self {
            Self::MariaDb(_) => Flavour::MariaDb,
            Self::MySql(_) => Flavour::MySql,
        }
    }

    /// Goes past a transaction.
    ///
    /// # Errors
    /// It is one of the other kind of servers.
    pub(crate) fn pass(&mut self, gtid: Gtid) -> Result<(), Malformed> {
        match (self, gtid) {
            (Self::MariaDb(list), Gtid::MariaDb(gtid)) => list.pass(gtid),
            (Self::MySql(set), Gtid::MySql(gtid)) => set.pass(gtid),
            (gtids, gtid) => {
                return Err(Malformed(format!("GTID {gtid}, which is none of {}'s", gtids.flavour())));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Gtids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MariaDb(list) => list.fmt(f),
            Self::MySql(set) => set.fmt(f),
        }
    }
}

/// How a transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begin {
    pub(crate) gtid: Gtid,
    /// Whether it is a single statement, of DDL say, that no COMMIT follows. MySQL does not tell: it is, unless its first is BEGIN.
    pub(crate) alone: bool,
}

impl Begin {
    /// Reads the GTID event of MariaDB, in whose header `server` stands.
    pub(crate) fn mariadb(server: u32, event: &[u8]) -> Result<Self, Malformed> {
        list::Gtid::decode(server, event).map(|(gtid, alone)| Self { gtid: Gtid::MariaDb(gtid), alone })
    }

    /// Reads the GTID event of MySQL.
    pub(crate) fn mysql(event: &[u8]) -> Result<Self, Malformed> {
        set::Gtid::decode(event).map(|gtid| Self { gtid: Gtid::MySql(gtid), alone: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7";

    #[test]
    fn a_position_says_which_kind_of_server_it_is_of() {
        for (text, flavour) in [("0-1-42", Flavour::MariaDb), (SET, Flavour::MySql), ("", Flavour::MySql)] {
            let gtids = Gtids::told(flavour, text).unwrap();
            let kept = gtids.keep();
            assert_eq!(Gtids::kept(&kept), Ok(gtids), "{kept:?}");
        }
        assert_eq!(Gtids::kept(&Position("0-1-42".into())).unwrap().flavour(), Flavour::MariaDb);
        assert!(Gtids::kept(&Position(SET.into())).is_err());
    }

    #[test]
    fn a_begin_tells_its_transaction() {
        let event = [42, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0];
        let begin = Begin::mariadb(3, &event).unwrap();
        assert_eq!((begin.gtid.to_string().as_str(), begin.alone), ("7-3-42", true));
        assert!(Begin::mariadb(3, &event[..9]).is_err());
        let other = Gtids::told(Flavour::MySql, SET).unwrap().pass(begin.gtid).unwrap_err();
        assert!(other.0.contains("7-3-42") && other.0.contains("MySQL"), "{other}");
    }
}
