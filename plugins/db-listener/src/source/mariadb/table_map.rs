//! A table as the binary log tells it before rows: types always, names and more where the server writes them
//! (`binlog_row_metadata=FULL`).

use crate::change::TableName;

use super::gtid::Flavour;
use super::reader::{Malformed, Reader};

/// Tables of more columns are not believed: the most that servers have is 4,096.
const MOST_COLUMNS: usize = 4096;

/// How a column's values stand in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A whole number of so many bytes.
    Whole(usize),
    Float,
    Double,
    Decimal {
        precision: usize,
        scale: usize,
    },
    Year,
    Date,
    /// Of so many digits after the second, as the next two.
    Time(usize),
    Datetime(usize),
    Timestamp(usize),
    Bit {
        bytes: usize,
    },
    Enum {
        bytes: usize,
    },
    Set {
        bytes: usize,
    },
    /// After their count, a number of so many bytes.
    Blob {
        width: usize,
    },
    Geometry {
        width: usize,
    },
    /// MySQL's own, in binary.
    Json {
        width: usize,
    },
    /// CHAR and BINARY of at most so many bytes, what pads them left out.
    Fixed {
        length: usize,
    },
    /// VARCHAR and VARBINARY of at most so many bytes.
    Varying {
        length: usize,
    },
}

impl Wire {
    /// Whether the metadata tells if it is unsigned: years, too.
    fn is_number(self) -> bool {
        matches!(self, Self::Whole(_) | Self::Float | Self::Double | Self::Decimal { .. } | Self::Year)
    }

    /// Whether the metadata tells its character set; MariaDB's has one of geometry, too.
    fn is_text(self, flavour: Flavour) -> bool {
        match self {
            Self::Geometry { .. } => flavour == Flavour::MariaDb,
            _ => matches!(self, Self::Blob { .. } | Self::Fixed { .. } | Self::Varying { .. }),
        }
    }
}

/// A table map event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableMap {
    pub(crate) table: TableName,
    /// How each column's values are written.
    pub(crate) wires: Vec<Wire>,
    /// What else is known of each column, where the server tells it.
    pub(crate) full: Option<Vec<Told>>,
}

/// What a server with `binlog_row_metadata=FULL` tells of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) unsigned: bool,
    /// The number of its collation: of texts, enums and sets.
    pub(crate) collation: Option<u64>,
    /// The texts of an enum or set, in its character set.
    pub(crate) members: Vec<Vec<u8>>,
}

/// Which table an event is about: its number in this log, its name, and the rest of the event.
pub(crate) fn head(event: &[u8]) -> Result<(u64, TableName, Reader<'_>), Malformed> {
    let mut reader = Reader::new(event);
    let id = reader.little(6)?;
    let _flags = reader.bytes(2)?;
    let mut name = || -> Result<String, Malformed> {
        let length = reader.byte()?;
        let name = reader.bytes(usize::from(length))?;
        let _nul = reader.byte()?;
        Ok(String::from_utf8_lossy(name).into_owned())
    };
    let table = TableName { schema: name()?, table: name()? };
    Ok((id, table, reader))
}

impl TableMap {
    /// Decodes what follows the [`head`], as that kind of server writes it.
    pub(crate) fn decode(
        flavour: Flavour,
        table: TableName,
        mut reader: Reader<'_>,
    ) -> Result<Self, Malformed> {
        let count = usize::try_from(reader.packed()?).unwrap_or(usize::MAX);
        if count > MOST_COLUMNS {
            return Err(Malformed(format!("a table of {count} columns")));
        }
        let types = reader.bytes(count)?;
        let mut details = Reader::new(reader.packed_bytes()?);
        let mut wires = Vec::with_capacity(count);
        for (index, kind) in types.iter().enumerate() {
            let wire = wire(*kind, &mut details);
            wires.push(wire.map_err(|error| Malformed(format!("column {} of {table}: {error}", index + 1)))?);
        }
        let _nullable = reader.bits(count)?;
        let full = told(flavour, &wires, reader)?;
        Ok(Self { table, wires, full })
    }
}

/// A column's type and what the event has of details of it.
fn wire(kind: u8, details: &mut Reader<'_>) -> Result<Wire, Malformed> {
    let digits = |details: &mut Reader<'_>| match details.byte()? {
        digits @ 0..=6 => Ok(usize::from(digits)),
        digits => Err(Malformed(format!("{digits} digits after the second"))),
    };
    let width = |details: &mut Reader<'_>| match details.byte()? {
        width @ 1..=4 => Ok(usize::from(width)),
        width => Err(Malformed(format!("a length of {width} bytes"))),
    };
    Ok(match kind {
        1 => Wire::Whole(1),
        2 => Wire::Whole(2),
        9 => Wire::Whole(3),
        3 => Wire::Whole(4),
        8 => Wire::Whole(8),
        4 => details.byte().map(|_| Wire::Float)?,
        5 => details.byte().map(|_| Wire::Double)?,
        10 | 14 => Wire::Date,
        13 => Wire::Year,
        15 | 253 => Wire::Varying { length: details.little(2)? as usize },
        16 => {
            let (bits, bytes) = (details.byte()?, details.byte()?);
            Wire::Bit { bytes: limited(usize::from(bytes) + usize::from(bits > 0))? }
        }
        17 => Wire::Timestamp(digits(details)?),
        18 => Wire::Datetime(digits(details)?),
        19 => Wire::Time(digits(details)?),
        245 => Wire::Json { width: width(details)? },
        246 => decimal(details).map(|(precision, scale)| Wire::Decimal { precision, scale })?,
        249..=252 => Wire::Blob { width: width(details)? },
        254 => fixed(details)?,
        255 => Wire::Geometry { width: width(details)? },
        7 | 11 | 12 => {
            let mends = "ALTER TABLE … FORCE, on MariaDB after SET GLOBAL mysql56_temporal_format=ON";
            return Err(Malformed(format!(
                "its time is in the format of before MariaDB 10.1 and MySQL 5.6: {mends}"
            )));
        }
        140 | 141 => return Err(Malformed("COMPRESSED columns cannot be read".into())),
        other => return Err(Malformed(format!("its type, {other}, is none that is known"))),
    })
}

/// How many digits a decimal has, and how many of them after the point.
pub(super) fn decimal(details: &mut Reader<'_>) -> Result<(usize, usize), Malformed> {
    let (precision, scale) = (usize::from(details.byte()?), usize::from(details.byte()?));
    if precision == 0 || precision > 65 || scale > precision {
        return Err(Malformed(format!("a decimal of {precision} digits, {scale} of them after the point")));
    }
    Ok((precision, scale))
}

/// CHAR, BINARY, ENUM and SET share a type; the details tell which, and two bits of CHAR's length stand inverted in the first byte.
fn fixed(details: &mut Reader<'_>) -> Result<Wire, Malformed> {
    let (first, second) = (details.byte()?, usize::from(details.byte()?));
    Ok(match first {
        247 => Wire::Enum { bytes: limited(second)? },
        248 => Wire::Set { bytes: limited(second)? },
        _ => Wire::Fixed { length: second | usize::from((first & 0x30) ^ 0x30) << 4 },
    })
}

/// Numbers are of eight bytes at most.
fn limited(bytes: usize) -> Result<usize, Malformed> {
    if bytes <= 8 { Ok(bytes) } else { Err(Malformed(format!("a number of {bytes} bytes"))) }
}

/// What follows the types: fields of optional metadata, each with its number and length.
fn told(flavour: Flavour, wires: &[Wire], mut reader: Reader<'_>) -> Result<Option<Vec<Told>>, Malformed> {
    let mut columns = vec![Told::default(); wires.len()];
    let of = |which: &dyn Fn(Wire) -> bool| -> Vec<usize> {
        wires.iter().enumerate().filter(|(_, wire)| which(**wire)).map(|(index, _)| index).collect()
    };
    let texts = |wire: Wire| wire.is_text(flavour);
    let choices = |wire| matches!(wire, Wire::Enum { .. } | Wire::Set { .. });
    let mut named = false;
    while !reader.is_empty() {
        let field = reader.byte()?;
        let mut value = Reader::new(reader.packed_bytes()?);
        match field {
            1 => signedness(&mut columns, &of(&Wire::is_number), value)?,
            2 => default_collation(&mut columns, &of(&texts), value)?,
            3 => collations(&mut columns, &of(&texts), value)?,
            4 => {
                for column in &mut columns {
                    column.name = String::from_utf8_lossy(value.packed_bytes()?).into_owned();
                }
                named = true;
            }
            5 => members(&mut columns, &of(&|wire| matches!(wire, Wire::Set { .. })), value)?,
            6 => members(&mut columns, &of(&|wire| matches!(wire, Wire::Enum { .. })), value)?,
            10 => default_collation(&mut columns, &of(&choices), value)?,
            11 => collations(&mut columns, &of(&choices), value)?,
            _ => {} // keys, kinds of geometry, visibility: nothing that a row needs
        }
    }
    Ok(named.then_some(columns))
}

/// A bit for each number, the first in the highest.
fn signedness(columns: &mut [Told], numbers: &[usize], mut value: Reader<'_>) -> Result<(), Malformed> {
    let bits = value.bytes(numbers.len().div_ceil(8))?;
    for (nth, column) in numbers.iter().enumerate() {
        columns[*column].unsigned = bits[nth / 8] & (0x80 >> (nth % 8)) != 0;
    }
    Ok(())
}

/// One for all, and those that have another.
fn default_collation(columns: &mut [Told], texts: &[usize], mut value: Reader<'_>) -> Result<(), Malformed> {
    let most = value.packed()?;
    texts.iter().for_each(|column| columns[*column].collation = Some(most));
    while !value.is_empty() {
        let nth = usize::try_from(value.packed()?).unwrap_or(usize::MAX);
        let column =
            texts.get(nth).ok_or_else(|| Malformed(format!("a collation of text {nth}, which is none")))?;
        columns[*column].collation = Some(value.packed()?);
    }
    Ok(())
}

fn collations(columns: &mut [Told], texts: &[usize], mut value: Reader<'_>) -> Result<(), Malformed> {
    for column in texts {
        columns[*column].collation = Some(value.packed()?);
    }
    Ok(())
}

fn members(columns: &mut [Told], choices: &[usize], mut value: Reader<'_>) -> Result<(), Malformed> {
    for column in choices {
        for _ in 0..value.packed()? {
            columns[*column].members.push(value.packed_bytes()?.to_vec());
        }
    }
    Ok(())
}
