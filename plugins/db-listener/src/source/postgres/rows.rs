//! Changes from what a stream says of rows: columns by their names, what an old row tells, and large values that were not sent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::lsn::Lsn;
use super::pgoutput::{Datum, Malformed, Message, Old, Relation, Tuple};
use super::types::Types;
use super::value::Type;
use crate::change::{Cell, Change, Kind, Shape, TableName};

/// A table as the stream has last told it.
#[derive(Debug)]
struct Known {
    shape: Arc<Shape>,
    types: Vec<Type>,
    keys: Vec<bool>,
    tells_old_rows: bool,
}

/// Makes changes of a stream's messages.
#[derive(Debug)]
pub struct Rows {
    wanted: HashSet<TableName>,
    /// None of a table that nobody wants.
    known: HashMap<u32, Option<Known>>,
    pub(super) types: Types,
    transaction: Option<Transaction>,
}

/// The transaction that is being read.
#[derive(Debug)]
struct Transaction {
    commit: Lsn,
    /// In milliseconds since 1970.
    time: i64,
    /// How many changes it has had so far, wanted or not: what tells them apart does not depend on what is wanted.
    count: u64,
}

/// What cannot be made sense of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Nonsense {
    /// A message that is none.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// A change outside of a transaction, or one inside of another.
    #[error("pgoutput is out of step: a {0} where none can be")]
    Step(&'static str),
    /// A table that was not told.
    #[error("pgoutput tells of a table that it has not described: {0}")]
    Relation(u32),
    /// A row with another number of columns than its table.
    #[error("pgoutput tells of a row of {table} with {found} columns instead of {expected}")]
    Columns {
        /// The table.
        table: String,
        /// How many the row has.
        found: usize,
        /// How many the table has.
        expected: usize,
    },
}

/// What 2000 is in milliseconds since 1970.
const YEAR_2000: i64 = 946_684_800_000;

impl Rows {
    /// Makes changes of these tables alone.
    pub fn new(wanted: impl IntoIterator<Item = TableName>) -> Self {
        let wanted = wanted.into_iter().collect();
        Self { wanted, known: HashMap::new(), types: Types::default(), transaction: None }
    }

    /// Whether a transaction is being read.
    pub fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Types that have to be learnt before a table is taken.
    pub fn unknown_types(&self, relation: &Relation) -> Vec<u32> {
        match self.wanted.contains(&name(relation)) {
            true => self.types.unknown(relation.columns.iter().map(|column| column.kind)),
            false => Vec::new(),
        }
    }

    /// Takes a message, adds the changes that it is, and answers where the log goes on when it is a transaction's end.
    ///
    /// # Errors
    /// [`Nonsense`], whatever the message.
    pub fn take(&mut self, message: Message<'_>, changes: &mut Vec<Change>) -> Result<Option<Lsn>, Nonsense> {
        match message {
            Message::Begin { commit, time } => {
                let time = time / 1000 + YEAR_2000;
                if self.transaction.replace(Transaction { commit, time, count: 0 }).is_some() {
                    return Err(Nonsense::Step("beginning"));
                }
            }
            Message::Commit { end } => {
                self.transaction.take().ok_or(Nonsense::Step("commit"))?;
                return Ok(Some(end));
            }
            Message::Relation(relation) => self.learn(relation),
            Message::Insert { relation, new } => {
                self.row(relation, Kind::Insert, None, Some(new), changes)?
            }
            Message::Update { relation, old, new } => {
                self.row(relation, Kind::Update, old, Some(new), changes)?;
            }
            Message::Delete { relation, old } => {
                self.row(relation, Kind::Delete, Some(old), None, changes)?
            }
            Message::Truncate { relations } => {
                for relation in relations {
                    self.row(relation, Kind::Truncate, None, None, changes)?;
                }
            }
            Message::Other => {}
        }
        Ok(None)
    }

    fn learn(&mut self, relation: Relation) {
        let name = name(&relation);
        let known = self.wanted.contains(&name).then(|| {
            let types =
                relation.columns.iter().map(|column| self.types.get(column.kind).unwrap_or(Type::Text));
            Known {
                types: types.collect(),
                keys: relation.columns.iter().map(|column| column.key).collect(),
                tells_old_rows: relation.tells_old_rows,
                shape: Arc::new(Shape {
                    table: name,
                    columns: relation.columns.into_iter().map(|column| column.name).collect(),
                }),
            }
        });
        self.known.insert(relation.id, known);
    }

    fn row(
        &mut self,
        relation: u32,
        kind: Kind,
        old: Option<Old<'_>>,
        new: Option<Tuple<'_>>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Nonsense> {
        let transaction = self.transaction.as_mut().ok_or(Nonsense::Step("change"))?;
        transaction.count += 1;
        let Some(known) = self.known.get(&relation).ok_or(Nonsense::Relation(relation))? else {
            return Ok(());
        };
        let mut old = old.map(|old| known.old_row(old)).transpose()?;
        let new = new.map(|new| known.new_row(&new, old.as_deref())).transpose()?;
        // Where all of it should have been told, nothing is known of its key either.
        if kind == Kind::Update && old.is_none() && !known.tells_old_rows {
            old = new.as_ref().and_then(|new| known.same_key(new));
        }
        changes.push(Change {
            kind,
            shape: Arc::clone(&known.shape),
            new,
            old,
            origin: format!("{}/{}", transaction.commit, transaction.count),
            time: transaction.time,
        });
        Ok(())
    }
}

impl Known {
    fn check(&self, tuple: &Tuple<'_>) -> Result<(), Nonsense> {
        let expected = self.types.len();
        if tuple.len() == expected {
            return Ok(());
        }
        let table = &self.shape.table;
        Err(Nonsense::Columns {
            table: format!("{}.{}", table.schema, table.table),
            found: tuple.len(),
            expected,
        })
    }

    fn new_row(&self, tuple: &Tuple<'_>, old: Option<&[Cell]>) -> Result<Vec<Cell>, Nonsense> {
        self.check(tuple)?;
        let cells = tuple.iter().zip(&self.types).enumerate().map(|(at, (datum, kind))| match datum {
            // It is as it was: the old row may have it.
            Datum::Unchanged => old.and_then(|old| old.get(at)).cloned().unwrap_or(Cell::Unknown),
            datum => cell(datum, kind),
        });
        Ok(cells.collect())
    }

    fn old_row(&self, old: Old<'_>) -> Result<Vec<Cell>, Nonsense> {
        let (tuple, keys) = match old {
            Old::Full(tuple) => (tuple, None),
            Old::Key(tuple) => (tuple, Some(&self.keys)),
        };
        self.check(&tuple)?;
        let told = |at: usize| keys.is_none_or(|keys| keys.get(at).copied().unwrap_or(false));
        let cells = tuple.iter().zip(&self.types).enumerate();
        // A partition's key may not be its parent's, whose columns these are: what is there is known.
        let is_there = |datum: &Datum<'_>| matches!(datum, Datum::Text(_));
        Ok(cells
            .map(|(at, (datum, kind))| match told(at) || is_there(datum) {
                true => cell(datum, kind),
                false => Cell::Unknown,
            })
            .collect())
    }

    /// The old row where none was sent: its key is as the new row's, else it would have been.
    fn same_key(&self, new: &[Cell]) -> Option<Vec<Cell>> {
        let cells =
            new.iter().zip(&self.keys).map(|(cell, key)| if *key { cell.clone() } else { Cell::Unknown });
        self.keys.contains(&true).then(|| cells.collect())
    }
}

fn cell(datum: &Datum<'_>, kind: &Type) -> Cell {
    match datum {
        Datum::Null => Cell::Is(serde_json::Value::Null),
        Datum::Unchanged => Cell::Unknown,
        Datum::Text(text) => kind.cell(text),
    }
}

fn name(relation: &Relation) -> TableName {
    TableName { schema: relation.schema.clone(), table: relation.name.clone() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::pgoutput::{self, Column};
    use super::*;

    fn table() -> TableName {
        TableName { schema: "public".into(), table: "t".into() }
    }

    fn rows() -> Rows {
        let mut rows = Rows::new([table()]);
        let column = |name: &str, kind, key| Column { name: name.into(), kind, key };
        let columns = vec![column("id", 23, true), column("text", 25, false)];
        let relation =
            Relation { id: 7, schema: "public".into(), name: "t".into(), tells_old_rows: false, columns };
        let mut changes = Vec::new();
        rows.take(Message::Relation(relation), &mut changes).unwrap();
        rows.take(Message::Begin { commit: Lsn(0x10), time: 1_000_000 }, &mut changes).unwrap();
        rows
    }

    #[test]
    fn large_values_come_from_the_old_row_or_are_unknown() {
        let (mut rows, mut changes) = (rows(), Vec::new());
        let new = || vec![Datum::Text("1".into()), Datum::Unchanged];
        let full = Some(Old::Full(vec![Datum::Text("1".into()), Datum::Text("large".into())]));
        for old in [full, None] {
            rows.take(Message::Update { relation: 7, old, new: new() }, &mut changes).unwrap();
        }
        let (one, large) = (Cell::Is(json!(1)), Cell::Is(json!("large")));
        assert_eq!(changes[0].new, Some(vec![one.clone(), large.clone()]));
        assert_eq!(changes[0].old, Some(vec![one.clone(), large]));
        assert_eq!(changes[1].new, Some(vec![one.clone(), Cell::Unknown]));
        assert_eq!(changes[1].old, Some(vec![one, Cell::Unknown]));
        assert_eq!((changes[1].origin.as_str(), changes[1].time), ("0/10/2", YEAR_2000 + 1000));
    }

    #[test]
    fn a_row_that_does_not_fit_its_table_is_told() {
        let (mut rows, mut changes) = (rows(), Vec::new());
        let error =
            rows.take(Message::Insert { relation: 7, new: vec![Datum::Null] }, &mut changes).unwrap_err();
        assert_eq!(error.to_string(), "pgoutput tells of a row of public.t with 1 columns instead of 2");
        let error = rows.take(Message::Truncate { relations: vec![8] }, &mut changes).unwrap_err();
        assert_eq!(error, Nonsense::Relation(8));
        rows.take(Message::Commit { end: Lsn(0x20) }, &mut changes).unwrap();
        let error = rows.take(Message::Truncate { relations: vec![7] }, &mut changes).unwrap_err();
        assert_eq!(error, Nonsense::Step("change"));
    }

    proptest! {
        #[test]
        fn no_messages_make_it_panic(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20)) {
            let (mut rows, mut changes) = (rows(), Vec::new());
            for bytes in &messages {
                if let Ok(message) = pgoutput::read(bytes) {
                    let _either_way = rows.take(message, &mut changes);
                }
            }
        }
    }
}
