//! Tables with history (`WITH SYSTEM VERSIONING` of MariaDB): the log has what becomes of rows that are past as if they were rows like others.

use serde_json::Value;

use crate::change::{Cell, Kind};

use super::columns::{Layout, Part};
use super::rows::Row;

/// When a row ends that is not past: the last moment of a TIMESTAMP, before MariaDB 11.5 and since.
const NEVER: [&str; 2] = ["2038-01-19T03:14:07.999999Z", "2106-02-07T06:28:15.999999Z"];

impl Layout {
    /// What a change is to those who see the rows that are; `None`: it is of one that is past. To delete a row is to end it, and one that
    /// is another leaves a copy that has ended.
    pub(crate) fn present(&self, kind: Kind, mut row: Row) -> Option<(Kind, Row)> {
        let Some(end) = self.columns.iter().position(|column| matches!(column.part, Part::End { .. })) else {
            return Some((kind, row));
        };
        let is = |cells: &Option<Vec<Cell>>| cells.as_ref().is_some_and(|cells| !has_ended(cells.get(end)));
        let kind = match (is(&row.old), is(&row.new), kind) {
            (false, false, _) => return None,
            (true, false, Kind::Update) => {
                row.new = None;
                Kind::Delete
            }
            _ => kind,
        };
        self.strip(&mut row.old);
        self.strip(&mut row.new);
        Some((kind, row))
    }

    /// Leaves out what nobody sees.
    fn strip(&self, cells: &mut Option<Vec<Cell>>) {
        if let Some(cells) = cells {
            let mut columns = self.columns.iter();
            cells.retain(|_| columns.next().is_none_or(|column| column.part.is_told()));
        }
    }
}

/// Whether a row with that end is past.
fn has_ended(end: Option<&Cell>) -> bool {
    match end {
        Some(Cell::Is(Value::String(end))) => !NEVER.contains(&end.as_str()),
        // The number of a transaction.
        Some(Cell::Is(Value::Number(end))) => end.as_u64() != Some(u64::MAX),
        _ => false,
    }
}
