//! Rows events: what was inserted, updated and deleted.

use std::borrow::Cow;
use std::io::Read as _;

use crate::change::{Cell, Kind};

use super::LARGEST_EVENT;
use super::columns::Layout;
use super::reader::{Bits, Malformed, Reader};
use super::value;

/// What a rows event's number says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowsKind {
    pub(crate) kind: Kind,
    /// Further data follows the head: of the second version of rows events, which MySQL writes, and MariaDB only reads.
    extended: bool,
    /// The rows are deflated (`log_bin_compress`).
    deflated: bool,
}

impl RowsKind {
    /// `None` where it is no rows event.
    pub(crate) fn of(event: u8) -> Option<Self> {
        let (first, extended, deflated) = match event {
            23..=25 => (23, false, false),
            30..=32 => (30, true, false),
            166..=168 => (166, false, true),
            169..=171 => (169, true, true),
            _ => return None,
        };
        let kind = [Kind::Insert, Kind::Update, Kind::Delete][usize::from(event - first)];
        Some(Self { kind, extended, deflated })
    }
}

/// A row before and after.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) old: Option<Vec<Cell>>,
    pub(crate) new: Option<Vec<Cell>>,
}

/// The number of the table that an event's rows are of.
pub(crate) fn table(event: &[u8]) -> Result<u64, Malformed> {
    Reader::new(event).little(6)
}

/// The rows of an event, one after the other. After an error there are no more.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    layout: &'a Layout,
    before: Option<Bits<'a>>,
    after: Option<Bits<'a>>,
    data: Cow<'a, [u8]>,
    at: usize,
}

impl<'a> Rows<'a> {
    pub(crate) fn of(kind: RowsKind, layout: &'a Layout, event: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(event);
        let _table_and_flags = reader.bytes(8)?;
        if kind.extended {
            let length = reader.little(2)? as usize;
            reader.bytes(length.saturating_sub(2))?;
        }
        let count = usize::try_from(reader.packed()?).unwrap_or(usize::MAX);
        if count != layout.columns.len() || count == 0 {
            return Err(Malformed(format!(
                "rows of {count} columns, where the table has {}",
                layout.columns.len()
            )));
        }
        let before = if kind.kind == Kind::Insert { None } else { Some(reader.bits(count)?) };
        let after = if kind.kind == Kind::Delete { None } else { Some(reader.bits(count)?) };
        let data =
            if kind.deflated { Cow::Owned(inflate(reader.rest())?) } else { Cow::Borrowed(reader.rest()) };
        Ok(Self { layout, before, after, data, at: 0 })
    }

    fn row(&mut self) -> Result<Row, Malformed> {
        let mut reader = Reader::new(&self.data[self.at..]);
        let mut read = |present: Option<Bits<'_>>| {
            present.map(|present| image(self.layout, present, &mut reader)).transpose()
        };
        let (old, mut new) = (read(self.before)?, read(self.after)?);
        if let (Some(new), Some(old)) = (&mut new, &old) {
            fill(new, old);
        }
        let at = self.data.len() - reader.rest().len();
        if at == self.at {
            return Err(Malformed("a row of no columns".into()));
        }
        self.at = at;
        Ok(Row { old, new })
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.data.len() {
            return None;
        }
        let row = self.row();
        if row.is_err() {
            self.at = self.data.len();
        }
        Some(row)
    }
}

/// One image of a row: which of the columns that are there are null, then the values of those that are not.
fn image(layout: &Layout, present: Bits<'_>, reader: &mut Reader<'_>) -> Result<Vec<Cell>, Malformed> {
    let count = (0..layout.columns.len()).filter(|column| present.is_set(*column)).count();
    let null = reader.bits(count)?;
    let mut nth = 0;
    let cells = layout.columns.iter().enumerate().map(|(index, column)| {
        if !present.is_set(index) {
            return Ok(Cell::Unknown);
        }
        nth += 1;
        if null.is_set(nth - 1) {
            return Ok(Cell::Is(serde_json::Value::Null));
        }
        value::decode(column, reader)
    });
    cells.collect()
}

/// A new row that does not tell a column has it as it was (`binlog_row_image` MINIMAL, NOBLOB and FULL_NODUP).
fn fill(new: &mut [Cell], old: &[Cell]) {
    for (new, old) in new.iter_mut().zip(old) {
        if *new == Cell::Unknown {
            *new = old.clone();
        }
    }
}

/// What `log_bin_compress` deflated: a byte that says how and of how many bytes the length is, the length, and zlib's stream.
pub(crate) fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader::new(bytes);
    let head = reader.byte()?;
    if head & 0xF0 != 0x80 {
        return Err(Malformed("an event is compressed in a way that is not known".into()));
    }
    let length = reader.big(usize::from(head & 7))?;
    if length > LARGEST_EVENT as u64 {
        return Err(Malformed(format!("an event of {length} bytes, more than {LARGEST_EVENT}")));
    }
    let mut inflated = Vec::new();
    let read = flate2::read::ZlibDecoder::new(reader.rest()).take(length).read_to_end(&mut inflated);
    match read {
        Ok(read) if read as u64 == length => Ok(inflated),
        _ => Err(Malformed("a compressed event does not inflate to its length".into())),
    }
}
