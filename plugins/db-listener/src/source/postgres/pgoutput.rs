//! The messages of `pgoutput`, PostgreSQL's own plugin of logical decoding, version 1 of its protocol.
//!
//! See "Logical Replication Message Formats" in PostgreSQL's manual. What is read borrows from what was received.

use std::borrow::Cow;

use super::lsn::Lsn;

/// A message of a stream of changes.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A transaction begins, which was committed.
    Begin {
        /// Where its commit stands.
        commit: Lsn,
        /// When it was committed, in microseconds since 2000.
        time: i64,
    },
    /// It ends.
    Commit {
        /// Where the log goes on behind it.
        end: Lsn,
    },
    /// What a table is like from here on.
    Relation(Relation),
    /// A row is new.
    Insert {
        /// The table's number.
        relation: u32,
        /// The row.
        new: Tuple<'a>,
    },
    /// A row is another.
    Update {
        /// The table's number.
        relation: u32,
        /// The row as it was, if that is told.
        old: Option<Old<'a>>,
        /// The row as it is.
        new: Tuple<'a>,
    },
    /// A row is gone.
    Delete {
        /// The table's number.
        relation: u32,
        /// The row as it was.
        old: Old<'a>,
    },
    /// Tables are emptied.
    Truncate {
        /// Their numbers.
        relations: Vec<u32>,
    },
    /// A type's name, where a change came from, a message of an application: nothing to act on.
    Other,
}

/// A table and its columns.
#[derive(Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its number.
    pub id: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether all of an old row is told. Of a partition that tells less, changes come as this table's, and without it.
    pub tells_old_rows: bool,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

/// A column of a table.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The number of its type.
    pub kind: u32,
    /// Whether it is of the replica identity: what old rows tell.
    pub key: bool,
}

/// A row as it was.
#[derive(Debug, PartialEq, Eq)]
pub enum Old<'a> {
    /// The columns of the replica identity; the others are null.
    Key(Tuple<'a>),
    /// All columns.
    Full(Tuple<'a>),
}

/// A row.
pub type Tuple<'a> = Vec<Datum<'a>>;

/// A column of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datum<'a> {
    /// Null.
    Null,
    /// As it was, and too large to be sent again (TOAST).
    Unchanged,
    /// Its text. Bytes that are no UTF-8, as a database has whose encoding is SQL_ASCII, are U+FFFD.
    Text(Cow<'a, str>),
}

/// What was received is not of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It ends too soon.
    #[error("a message of pgoutput ends too soon")]
    Short,
    /// There is more than its kind has.
    #[error("a message of pgoutput has {0} bytes too many")]
    Long(usize),
    /// A kind that is not asked for.
    #[error("pgoutput sent {0:?}, which protocol version 1 does not have")]
    Kind(char),
    /// A two-phase transaction.
    #[error("the slot tells of prepared transactions, which are not taken: make it without two_phase")]
    TwoPhase,
}

/// Reads a message.
///
/// # Errors
/// [`Malformed`], whatever the bytes. Nothing is allocated beyond a small multiple of what was received.
pub fn read(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    let mut reader = Reader(bytes);
    let message = match reader.byte()? {
        b'B' => begin(&mut reader)?,
        b'C' => commit(&mut reader)?,
        b'R' => Message::Relation(relation(&mut reader)?),
        b'I' => insert(&mut reader)?,
        b'U' => update(&mut reader)?,
        b'D' => Message::Delete { relation: reader.u32()?, old: reader.old()?.ok_or(Malformed::Short)? },
        b'T' => truncate(&mut reader)?,
        b'O' | b'Y' | b'M' => return Ok(Message::Other),
        b'b' | b'P' | b'K' | b'r' | b'p' => return Err(Malformed::TwoPhase),
        kind => return Err(Malformed::Kind(char::from(kind))),
    };
    match reader.0.len() {
        0 => Ok(message),
        more => Err(Malformed::Long(more)),
    }
}

fn begin<'a>(reader: &mut Reader<'_>) -> Result<Message<'a>, Malformed> {
    let (commit, time, _transaction) = (reader.lsn()?, reader.i64()?, reader.u32()?);
    Ok(Message::Begin { commit, time })
}

fn commit<'a>(reader: &mut Reader<'_>) -> Result<Message<'a>, Malformed> {
    let (_flags, _commit, end, _time) = (reader.byte()?, reader.lsn()?, reader.lsn()?, reader.i64()?);
    Ok(Message::Commit { end })
}

fn relation(reader: &mut Reader<'_>) -> Result<Relation, Malformed> {
    let (id, schema, name) = (reader.u32()?, reader.text()?, reader.text()?);
    let (identity, count) = (reader.byte()?, reader.u16()?);
    // Flag, an empty name, type and modifier: ten bytes are the least that a column has.
    let mut columns = Vec::with_capacity(usize::from(count).min(reader.0.len() / 10));
    for _ in 0..count {
        let (flags, name, kind) = (reader.byte()?, reader.text()?, reader.u32()?);
        let _modifier = reader.u32()?;
        columns.push(Column { name, kind, key: flags & 1 == 1 });
    }
    Ok(Relation { id, schema, name, tells_old_rows: identity == b'f', columns })
}

fn insert<'a>(reader: &mut Reader<'a>) -> Result<Message<'a>, Malformed> {
    let relation = reader.u32()?;
    reader.expect(b'N')?;
    Ok(Message::Insert { relation, new: reader.tuple()? })
}

fn update<'a>(reader: &mut Reader<'a>) -> Result<Message<'a>, Malformed> {
    let relation = reader.u32()?;
    let old = reader.old()?;
    reader.expect(b'N')?;
    Ok(Message::Update { relation, old, new: reader.tuple()? })
}

fn truncate<'a>(reader: &mut Reader<'_>) -> Result<Message<'a>, Malformed> {
    let (count, _options) = (reader.u32()?, reader.byte()?);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > reader.0.len() / 4 {
        return Err(Malformed::Short);
    }
    let relations = (0..count).map(|_| reader.u32()).collect::<Result<_, _>>()?;
    Ok(Message::Truncate { relations })
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    fn expect(&mut self, kind: u8) -> Result<(), Malformed> {
        match self.byte()? {
            byte if byte == kind => Ok(()),
            byte => Err(Malformed::Kind(char::from(byte))),
        }
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    fn lsn(&mut self) -> Result<Lsn, Malformed> {
        self.array().map(|bytes| Lsn(u64::from_be_bytes(bytes)))
    }

    /// A text up to its zero byte.
    fn text(&mut self) -> Result<String, Malformed> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or(Malformed::Short)?;
        let text = self.take(end)?;
        self.byte()?;
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// An old row, if one is next.
    fn old(&mut self) -> Result<Option<Old<'a>>, Malformed> {
        Ok(match self.0.first() {
            Some(b'K') => Some(Old::Key(self.skip_one().tuple()?)),
            Some(b'O') => Some(Old::Full(self.skip_one().tuple()?)),
            _ => None,
        })
    }

    fn skip_one(&mut self) -> &mut Self {
        self.0 = &self.0[1..];
        self
    }

    fn tuple(&mut self) -> Result<Tuple<'a>, Malformed> {
        let count = usize::from(self.u16()?);
        let mut tuple = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            tuple.push(match self.byte()? {
                b'n' => Datum::Null,
                b'u' => Datum::Unchanged,
                b't' => {
                    let length = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
                    Datum::Text(String::from_utf8_lossy(self.take(length)?))
                }
                kind => return Err(Malformed::Kind(char::from(kind))),
            });
        }
        Ok(tuple)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_update_tells_the_old_key_and_what_is_unchanged() {
        let bytes = b"U\0\0\0\x07K\0\x02t\0\0\0\x011nN\0\x02t\0\0\0\x012u";
        let old = Some(Old::Key(vec![Datum::Text("1".into()), Datum::Null]));
        let new = vec![Datum::Text("2".into()), Datum::Unchanged];
        assert_eq!(read(bytes), Ok(Message::Update { relation: 7, old, new }));
    }

    #[test]
    fn a_byte_that_is_no_text_is_replaced_and_stops_nothing() {
        let new = vec![Datum::Text("a\u{FFFD}b".into())];
        assert_eq!(read(b"I\0\0\0\x07N\0\x01t\0\0\0\x03a\xE9b"), Ok(Message::Insert { relation: 7, new }));
    }

    #[test]
    fn what_was_not_asked_for_is_refused_by_name() {
        assert_eq!(read(b"b"), Err(Malformed::TwoPhase));
        assert_eq!(read(b"S\0"), Err(Malformed::Kind('S')));
        assert_eq!(read(b""), Err(Malformed::Short));
        assert_eq!(read(b"I\0\0\0\x07N\0\0!"), Err(Malformed::Long(1)));
        // More tables than there is room for.
        assert_eq!(read(b"T\xFF\xFF\xFF\xFF\0"), Err(Malformed::Short));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(kind in "[BCRIUDTOYMbPKrpSEcA]", rest in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [kind.as_bytes(), &rest].concat();
            let _either_way = read(&bytes);
        }

        #[test]
        fn a_row_cut_short_is_an_error(texts in prop::collection::vec("[ -~]{0,9}", 1..9)) {
            let mut bytes = vec![b'I', 0, 0, 0, 7, b'N', 0, u8::try_from(texts.len()).unwrap()];
            for text in &texts {
                bytes.push(b't');
                bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
                bytes.extend(text.as_bytes());
            }
            let new = texts.iter().map(|text| Datum::Text(text.into())).collect();
            prop_assert_eq!(read(&bytes), Ok(Message::Insert { relation: 7, new }));
            for length in 0..bytes.len() {
                prop_assert_eq!(read(&bytes[..length]), Err(Malformed::Short));
            }
        }
    }
}
