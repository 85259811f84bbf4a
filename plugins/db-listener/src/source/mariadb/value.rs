//! Values as they stand in rows of the binary log.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Number, Value};

use crate::change::Cell;

use super::columns::{Column, Nature};
use super::reader::{Malformed, Reader};
use super::table_map::Wire;
use super::{jsonb, text};

/// Digits of a decimal that JSON's readers keep.
pub(crate) const KEPT: usize = 15;

/// The value of a column, which is not null.
pub(crate) fn decode(column: &Column, reader: &mut Reader<'_>) -> Result<Cell, Malformed> {
    let value = match column.wire {
        Wire::Whole(bytes) => whole(reader.little(bytes)?, bytes, column.unsigned),
        Wire::Float => float(f32::from_bits(reader.little(4)? as u32)),
        Wire::Double => {
            Number::from_f64(f64::from_bits(reader.little(8)?)).map_or(Value::Null, Value::Number)
        }
        Wire::Decimal { precision, scale } => exact(decimal(reader, precision, scale)?, precision),
        Wire::Year => match reader.byte()? {
            0 => Value::from(0),
            year => Value::from(1900 + u16::from(year)),
        },
        Wire::Date => {
            let packed = reader.little(3)?;
            Value::String(text::date(packed >> 9, packed >> 5 & 15, packed & 31))
        }
        Wire::Time(digits) => Value::String(time(reader, digits)?),
        Wire::Datetime(digits) => Value::String(datetime(reader, digits)?),
        Wire::Timestamp(digits) => {
            let seconds = reader.big(4)?;
            Value::String(text::moment(seconds, micros(reader, digits)?, digits))
        }
        Wire::Bit { bytes } => Value::from(reader.big(bytes)?),
        Wire::Enum { bytes } => Value::String(member(column, reader.little(bytes)?)?),
        Wire::Set { bytes } => Value::String(members(column, reader.little(bytes)?)?),
        Wire::Json { width } => {
            let length = reader.little(width)?;
            jsonb::decode(reader.bytes(length as usize)?)?
        }
        Wire::Blob { width } | Wire::Geometry { width } => {
            let length = reader.little(width)?;
            return Ok(column.text(reader.bytes(length as usize)?));
        }
        Wire::Fixed { length } => return fixed(column, reader, length),
        Wire::Varying { length } => return Ok(column.text(short(reader, length)?)),
    };
    Ok(Cell::Is(value))
}

/// A whole number of so many bytes.
pub(crate) fn whole(bits: u64, bytes: usize, unsigned: bool) -> Value {
    let above = 64 - 8 * bytes as u32;
    if unsigned { Value::from(bits) } else { Value::from((bits << above) as i64 >> above) }
}

/// The shortest number that is this one in single precision, as the server shows it: 0.1, not 0.10000000149.
pub(crate) fn float(value: f32) -> Value {
    value.to_string().parse().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}

/// A decimal as a number where the column has no more digits than JSON's readers keep, else as text: all of a column are alike.
pub(crate) fn exact(decimal: String, precision: usize) -> Value {
    let number = || decimal.parse().ok().and_then(Number::from_f64).map(Value::Number);
    let whole = || decimal.parse::<i64>().ok().map(Value::from);
    let kept = if precision <= KEPT { whole().or_else(number) } else { None };
    kept.unwrap_or(Value::String(decimal))
}

/// Bytes after their count, which is of two bytes where more than 255 are possible.
fn short<'a>(reader: &mut Reader<'a>, longest: usize) -> Result<&'a [u8], Malformed> {
    let length = reader.little(if longest > 255 { 2 } else { 1 })?;
    reader.bytes(length as usize)
}

/// CHAR and BINARY, and what has as many bytes always: UUIDs and addresses. The log leaves out what pads them, of BINARY zeros.
fn fixed(column: &Column, reader: &mut Reader<'_>, length: usize) -> Result<Cell, Malformed> {
    let bytes = short(reader, length)?;
    let mut padded = [0; 16];
    if column.nature != Nature::Plain {
        let bytes = bytes.get(..16).unwrap_or(bytes);
        padded[..bytes.len()].copy_from_slice(bytes);
    }
    let text = |text: String| Cell::Is(Value::String(text));
    Ok(match column.nature {
        Nature::Uuid => text(text::uuid(padded)),
        Nature::Inet6 => text(Ipv6Addr::from(padded).to_string()),
        Nature::Inet4 => text(Ipv4Addr::new(padded[0], padded[1], padded[2], padded[3]).to_string()),
        Nature::Plain | Nature::Json if column.charset == text::Charset::Bytes && bytes.len() < length => {
            let mut bytes = bytes.to_vec();
            bytes.resize(length.min(1024), 0); // as long as one can be
            column.text(&bytes)
        }
        Nature::Plain | Nature::Json => column.text(bytes),
    })
}

/// Nine digits in each four bytes, and what is over in as few as hold it; the first bit is set for what is not negative, of which all
/// bits are inverted.
pub(super) fn decimal(reader: &mut Reader<'_>, precision: usize, scale: usize) -> Result<String, Malformed> {
    const BYTES: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
    let before = precision - scale;
    let groups = [before % 9].into_iter().chain(std::iter::repeat_n(9, before / 9));
    let groups = groups.chain(std::iter::repeat_n(9, scale / 9)).chain([scale % 9]);
    let length = groups.clone().map(|digits| BYTES[digits]).sum();
    let mut bytes = reader.bytes(length)?.to_vec();
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 == 0);
    if let Some(first) = bytes.first_mut() {
        *first ^= 0x80;
    }
    if negative {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let mut digits = String::with_capacity(precision);
    let mut bytes = Reader::new(&bytes);
    for count in groups.filter(|count| *count > 0) {
        digits.push_str(&format!("{:0count$}", bytes.big(BYTES[count])?));
    }
    if digits.len() != precision {
        return Err(Malformed("a decimal has more digits than its column".into()));
    }
    let (whole, fraction) = digits.split_at(before);
    let whole = whole.trim_start_matches('0');
    let sign = if negative { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if scale == 0 { "" } else { "." };
    Ok(format!("{sign}{whole}{point}{fraction}"))
}

/// The parts of a second, in millionths: two digits in each byte.
fn micros(reader: &mut Reader<'_>, digits: usize) -> Result<u64, Malformed> {
    let bytes = digits.div_ceil(2);
    Ok(reader.big(bytes)? * 100_u64.pow(3 - bytes as u32))
}

/// Bits of year and month, day, hour, minute and second, above the first of which stands one that is always set.
fn datetime(reader: &mut Reader<'_>, digits: usize) -> Result<String, Malformed> {
    let packed = reader.big(5)? & 0x7F_FFFF_FFFF;
    let (months, day) = (packed >> 22, packed >> 17 & 31);
    let clock =
        text::clock(packed >> 12 & 31, packed >> 6 & 63, packed & 63, micros(reader, digits)?, digits);
    Ok(format!("{}T{clock}", text::date(months / 13, months % 13, day)))
}

/// Bits of hour, minute, second and their parts as one number, from the middle up; below it is negative.
fn time(reader: &mut Reader<'_>, digits: usize) -> Result<String, Malformed> {
    let bytes = digits.div_ceil(2);
    let (packed, middle) = (reader.big(3 + bytes)?, 0x80_0000_u64 << (8 * bytes));
    let (sign, packed) = if packed < middle { ("-", middle - packed) } else { ("", packed - middle) };
    let (seconds, parts) = (packed >> (8 * bytes), packed & ((1 << (8 * bytes)) - 1));
    let micros = parts * 100_u64.pow(3 - bytes as u32);
    let clock = text::clock(seconds >> 12 & 1023, seconds >> 6 & 63, seconds & 63, micros, digits);
    Ok(format!("{sign}{clock}"))
}

/// The text of an enum's number: 0 is what a value became that is none of them.
fn member(column: &Column, number: u64) -> Result<String, Malformed> {
    let Some(index) = (number as usize).checked_sub(1) else { return Ok(String::new()) };
    let member = column.members.get(index).cloned();
    member.ok_or_else(|| {
        Malformed(format!("column `{}` has a value {number} that its type does not have", column.name))
    })
}

/// The texts of a set's bits, parted by commas, as the server shows them.
fn members(column: &Column, bits: u64) -> Result<String, Malformed> {
    let set: Result<Vec<String>, _> =
        (0..64).filter(|bit| bits >> bit & 1 == 1).map(|bit| member(column, bit + 1)).collect();
    Ok(set?.join(","))
}
