//! Positions: a place in the log, and whose log it is.

use std::fmt;

use super::lsn::Lsn;
use super::refusal::Trouble;
use super::wire::Connection;
use crate::source::Position;

/// A cluster and the history that it is on: a place in the log of another says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    cluster: String,
    timeline: String,
}

impl Origin {
    /// Asks the server who it is.
    pub(super) async fn identify(replication: &mut Connection) -> Result<Self, Trouble> {
        let rows = replication.query("IDENTIFY_SYSTEM").await?;
        let text =
            |at: usize| rows.first().and_then(|row| row.get(at).cloned().flatten()).unwrap_or_default();
        Ok(Self { cluster: text(0), timeline: text(1) })
    }

    /// A place as the pump keeps it: `<LSN> <cluster>.<timeline>`.
    pub(super) fn position(&self, lsn: Lsn) -> Position {
        Position(format!("{lsn} {self}"))
    }

    /// The place, if it is of this log.
    pub(super) fn lsn(&self, position: &Position) -> Option<Lsn> {
        let (lsn, origin) = position.0.split_once(' ')?;
        let (cluster, timeline) = origin.split_once('.')?;
        (cluster == self.cluster && timeline == self.timeline).then(|| lsn.parse().ok()).flatten()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.cluster, self.timeline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_another_history_is_none() {
        let origin = |timeline: &str| Origin { cluster: "7".into(), timeline: timeline.into() };
        let position = origin("1").position(Lsn(0x10));
        assert_eq!(position, Position("0/10 7.1".into()));
        assert_eq!(origin("1").lsn(&position), Some(Lsn(0x10)));
        assert_eq!(origin("2").lsn(&position), None);
        assert_eq!(origin("1").lsn(&Position("0/10".into())), None);
    }
}
