//! JSON as MySQL keeps it, in binary, and as it shows it.
//!
//! A value is a type and what follows. Objects and arrays begin with how many values they have, and their own size; then come, of each,
//! where its key and its value are, counted from that beginning; small values stand there themselves. So a document can refer to one part
//! many times, or to what it is in: no more is read than a document of its length can hold, and no deeper than MySQL goes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

use super::reader::{Malformed, Reader};
use super::{table_map, text, value};

/// MySQL's own limit.
const DEEPEST: usize = 100;

/// The JSON that a document is. An empty one is null, as the server has it.
pub(crate) fn decode(document: &[u8]) -> Result<Value, Malformed> {
    let Some((kind, value)) = document.split_first() else { return Ok(Value::Null) };
    Decoder { left: document.len() }.value(*kind, value, 0)
}

struct Decoder {
    /// Bytes that values, keys and texts may still take: what no part shares with another.
    left: usize,
}

impl Decoder {
    /// A value of that type, which begins these bytes.
    fn value(&mut self, kind: u8, bytes: &[u8], depth: usize) -> Result<Value, Malformed> {
        self.take(1)?;
        let mut reader = Reader::new(bytes);
        let mut whole = |bytes, unsigned| Ok(value::whole(reader.little(bytes)?, bytes, unsigned));
        match kind {
            0..=3 if depth == DEEPEST => Err(Malformed(format!("JSON of more than {DEEPEST} levels"))),
            0..=3 => self.container(kind, bytes, depth),
            4 => match reader.byte()? {
                0 => Ok(Value::Null),
                1 => Ok(Value::Bool(true)),
                2 => Ok(Value::Bool(false)),
                other => Err(Malformed(format!("JSON with a literal {other}"))),
            },
            5 | 6 => whole(2, kind == 6),
            7 | 8 => whole(4, kind == 8),
            9 | 10 => whole(8, kind == 10),
            11 => Ok(Number::from_f64(f64::from_bits(reader.little(8)?)).map_or(Value::Null, Value::Number)),
            12 => self.text(&mut reader).map(Value::String),
            15 => self.opaque(&mut reader),
            other => Err(Malformed(format!("JSON with a value of type {other}"))),
        }
    }

    /// An object (0, 1) or an array (2, 3), with numbers of two bytes or (1, 3) of four.
    fn container(&mut self, kind: u8, bytes: &[u8], depth: usize) -> Result<Value, Malformed> {
        let width = if kind & 1 == 0 { 2 } else { 4 };
        let mut head = Reader::new(bytes);
        let (count, size) = (head.little(width)? as usize, head.little(width)? as usize);
        let whole = Reader::new(bytes).bytes(size)?;
        let part = |offset: usize| {
            whole
                .get(offset..)
                .ok_or_else(|| Malformed(format!("JSON with a value at {offset} of {size} bytes")))
        };
        let keyed = kind < 2;
        let mut keys = Reader::new(head.bytes(if keyed { count * (width + 2) } else { 0 })?);
        let mut values = Reader::new(head.bytes(count * (1 + width))?);
        let (mut object, mut array) = (Map::new(), Vec::new());
        for _ in 0..count {
            let kind = values.byte()?;
            let slot = values.bytes(width)?;
            let stands_there = matches!(kind, 4..=6) || width == 4 && matches!(kind, 7 | 8);
            let bytes = if stands_there { slot } else { part(Reader::new(slot).little(width)? as usize)? };
            let value = self.value(kind, bytes, depth + 1)?;
            if keyed {
                let (offset, length) = (keys.little(width)? as usize, keys.little(2)? as usize);
                self.take(length)?;
                let key = Reader::new(part(offset)?).bytes(length)?;
                object.insert(String::from_utf8_lossy(key).into_owned(), value);
            } else {
                array.push(value);
            }
        }
        Ok(if keyed { Value::Object(object) } else { Value::Array(array) })
    }

    fn text(&mut self, reader: &mut Reader<'_>) -> Result<String, Malformed> {
        self.counted(reader).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Bytes after their count, of which each byte has seven bits, the lowest first, and whether there are more of it.
    fn counted<'a>(&mut self, reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
        let mut count = 0;
        for shift in (0..35).step_by(7) {
            let byte = reader.byte()?;
            count |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                self.take(count)?;
                return reader.bytes(count);
            }
        }
        Err(Malformed("JSON with a count of more than five bytes".into()))
    }

    /// A value of a type of SQL's, as MySQL shows it in JSON.
    fn opaque(&mut self, reader: &mut Reader<'_>) -> Result<Value, Malformed> {
        let kind = reader.byte()?;
        let bytes = self.counted(reader)?;
        let mut reader = Reader::new(bytes);
        Ok(match kind {
            246 => {
                let (precision, scale) = table_map::decimal(&mut reader)?;
                let decimal = value::decimal(&mut reader, precision, scale)?;
                serde_json::from_str(&decimal).unwrap_or(Value::String(decimal))
            }
            7 | 10 | 12 => Value::String(moment(kind, reader.little(8)?)),
            11 => Value::String(time(reader.little(8)? as i64)),
            other => Value::String(format!("base64:type{other}:{}", STANDARD.encode(bytes))),
        })
    }

    fn take(&mut self, bytes: usize) -> Result<(), Malformed> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| Malformed("JSON that refers to its parts more than once".into()))?;
        Ok(())
    }
}

/// A day (type 10), or a day and a time: bits of year and month, day, hour, minute, second and, in 24, its millionths.
fn moment(kind: u8, packed: u64) -> String {
    let (seconds, micros) = (packed >> 24, packed & 0xFF_FFFF);
    let (days, clock) = (seconds >> 17, seconds & 0x1_FFFF);
    let date = text::date((days >> 5) / 13, (days >> 5) % 13, days & 31);
    match kind {
        10 => date,
        _ => format!("{date} {}", text::clock(clock >> 12, clock >> 6 & 63, clock & 63, micros, 6)),
    }
}

fn time(packed: i64) -> String {
    let (sign, packed) = (if packed < 0 { "-" } else { "" }, packed.unsigned_abs());
    let (clock, micros) = (packed >> 24, packed & 0xFF_FFFF);
    let clock = text::clock(clock >> 12 & 1023, clock >> 6 & 63, clock & 63, micros, 6);
    format!("{sign}{clock}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A document of that value with numbers of `width` bytes, as the server writes it.
    fn document(value: &Value, width: usize) -> Vec<u8> {
        let (kind, bytes) = encoded(value, width);
        [vec![kind], bytes].concat()
    }

    fn encoded(value: &Value, width: usize) -> (u8, Vec<u8>) {
        let large = u8::from(width == 4);
        match value {
            Value::Null => (4, vec![0]),
            Value::Bool(value) => (4, vec![if *value { 1 } else { 2 }]),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) if i16::try_from(number).is_ok() => (5, number.to_le_bytes()[..2].to_vec()),
                (Some(number), _) if i32::try_from(number).is_ok() => (7, number.to_le_bytes()[..4].to_vec()),
                (Some(number), _) => (9, number.to_le_bytes().to_vec()),
                (None, Some(number)) => (10, number.to_le_bytes().to_vec()),
                (None, None) => (11, number.as_f64().unwrap().to_le_bytes().to_vec()),
            },
            Value::String(text) => (12, counted(text.as_bytes())),
            Value::Array(values) => (2 + large, container(&[], values.iter().collect(), width)),
            Value::Object(object) => {
                let keys: Vec<_> = object.keys().map(String::as_bytes).collect();
                (large, container(&keys, object.values().collect(), width))
            }
        }
    }

    fn counted(bytes: &[u8]) -> Vec<u8> {
        let (mut head, mut count) = (Vec::new(), bytes.len());
        while count > 127 {
            head.push(count as u8 | 0x80);
            count >>= 7;
        }
        head.push(count as u8);
        [&head, bytes].concat()
    }

    fn container(keys: &[&[u8]], values: Vec<&Value>, width: usize) -> Vec<u8> {
        let number = |number: usize| number.to_le_bytes()[..width].to_vec();
        let heads = 2 * width + keys.len() * (width + 2) + values.len() * (1 + width);
        let (mut entries, mut parts) = (Vec::new(), Vec::new());
        for key in keys {
            entries.extend(number(heads + parts.len()));
            entries.extend(&key.len().to_le_bytes()[..2]);
            parts.extend(*key);
        }
        for value in &values {
            let (kind, mut bytes) = encoded(value, width);
            entries.push(kind);
            if matches!(kind, 4..=6) || width == 4 && matches!(kind, 7 | 8) {
                bytes.resize(width, 0);
                entries.extend(bytes);
            } else {
                entries.extend(number(heads + parts.len()));
                parts.extend(bytes);
            }
        }
        [number(values.len()), number(heads + parts.len()), entries, parts].concat()
    }

    #[test]
    fn documents_are_read_as_the_format_says() {
        // {"a": 1, "bc": "x"}, byte for byte.
        let object = b"\x00\x02\x00\x17\x00\x12\x00\x01\x00\x13\x00\x02\x00\x05\x01\x00\x0C\x15\x00abc\x01x";
        assert_eq!(decode(object).unwrap(), json!({"a": 1, "bc": "x"}));
        assert_eq!(decode(b"\x02\x01\x00\x07\x00\x04\x01\x00").unwrap(), json!([true]));
        assert_eq!(decode(b"\x05\xFF\xFF").unwrap(), json!(-1));
        assert_eq!(decode(b"\x06\xFF\xFF").unwrap(), json!(65535));
        assert_eq!(decode(b"").unwrap(), json!(null));
    }

    #[test]
    fn values_of_sql_are_shown_as_the_server_shows_them() {
        let opaque = |kind: u8, bytes: &[u8]| decode(&[&[15, kind][..], &counted(bytes)].concat()).unwrap();
        assert_eq!(opaque(246, &[4, 2, 0x8C, 0x22]), json!(12.34));
        let day = (2015_u64 * 13 + 1) << 5 | 15;
        let (clock, micros) = (23_u64 << 12 | 24 << 6 | 25, 12_u64);
        let moment = (day << 17 | clock) << 24 | micros;
        assert_eq!(opaque(12, &moment.to_le_bytes()), json!("2015-01-15 23:24:25.000012"));
        assert_eq!(opaque(10, &(day << 41).to_le_bytes()), json!("2015-01-15"));
        let time = -((clock << 24 | micros) as i64);
        assert_eq!(opaque(11, &time.to_le_bytes()), json!("-23:24:25.000012"));
        assert_eq!(opaque(252, b"abc"), json!("base64:type252:YWJj"));
        assert!(decode(b"\x0F\xF6\x02\x00\x00").is_err(), "a decimal of no digits");
    }

    #[test]
    fn a_document_that_is_in_itself_is_refused_and_one_that_shares_its_parts_too() {
        assert!(decode(b"\x02\x01\x00\x07\x00\x02\x00\x00").is_err(), "an array whose value is itself");
        // 40 arrays, each of which has the next one twice: 2^40 values in less than 1000 bytes.
        let arrays =
            (0..40_u16).map(|nth| [[2, 0], (900 - 10 * nth).to_le_bytes(), [2, 10], [0, 2], [10, 0]]);
        let mut shared: Vec<u8> = [2].into_iter().chain(arrays.flatten().flatten()).collect();
        shared.resize(901, 0);
        assert!(decode(&shared).unwrap_err().0.contains("more than once"));
        let deep = (0..99).fold(json!(1), |value, _| json!([value]));
        assert_eq!(decode(&document(&deep, 2)).unwrap(), deep);
        assert!(decode(&document(&json!([[deep]]), 2)).unwrap_err().0.contains("100 levels"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i16>().prop_map(Value::from),
            (-1e300..1e300).prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            "x{120,300}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let array = proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from);
            let object = proptest::collection::btree_map(".{0,6}", inner, 0..6);
            prop_oneof![array, object.prop_map(|object| Value::Object(object.into_iter().collect()))]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in any_json()) {
            prop_assert_eq!(decode(&document(&value, 4)).unwrap(), value.clone());
            prop_assert_eq!(decode(&document(&value, 2)).unwrap(), value);
        }

        #[test]
        fn no_document_is_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _refused_or_read = decode(&bytes);
        }

        #[test]
        fn no_document_that_was_harmed_is_too_odd(value in any_json(), at: prop::sample::Index, byte: u8, width in prop::sample::select(vec![2_usize, 4])) {
            let mut bytes = document(&value, width);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _refused_or_read = decode(&bytes);
        }
    }
}
