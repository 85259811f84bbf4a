//! Tests of what decodes the binary log's events, by what no server sends.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::change::{Cell, TableName};

use super::columns::{Column, Layout, Nature, Part};
use super::gtid::Flavour;
use super::reader::Reader;
use super::rows::{Rows, RowsKind};
use super::table_map::{self, TableMap, Wire};
use super::text::Charset;
use super::value;

/// A table map event of one table with these columns.
fn event(types: &[u8], details: &[u8], told: &[u8]) -> Vec<u8> {
    let mut event = b"\x07\0\0\0\0\0\x01\0\x03app\0\x01t\0".to_vec();
    event.push(types.len() as u8);
    event.extend(types);
    event.push(details.len() as u8);
    event.extend(details);
    event.extend(vec![0; types.len().div_ceil(8)]);
    event.extend(told);
    event
}

fn map(event: &[u8]) -> Option<TableMap> {
    map_of(Flavour::MySql, event)
}

fn map_of(flavour: Flavour, event: &[u8]) -> Option<TableMap> {
    let (_, table, rest) = table_map::head(event).ok()?;
    TableMap::decode(flavour, table, rest).ok()
}

fn decoded(wire: Wire, bytes: &[u8]) -> Value {
    let plain = |cell: Cell| cell.value().unwrap().clone();
    let column = Column {
        name: "c".into(),
        wire,
        unsigned: false,
        charset: Charset::Utf8,
        members: vec!["a".into(), "b".into()],
        nature: Nature::Plain,
        part: Part::Own,
    };
    plain(value::decode(&column, &mut Reader::new(bytes)).unwrap())
}

#[test]
fn a_table_map_tells_its_columns() {
    let told = b"\x01\x01\x80\x04\x05\x02id\x01n\x03\x02\x2d\0"; // unsigned, the names, a field that is not read
    let map = map(&event(&[3, 15], &[44, 1], &told[..10])).unwrap();
    assert_eq!(map.table, TableName { schema: "app".into(), table: "t".into() });
    assert_eq!(map.wires, [Wire::Whole(4), Wire::Varying { length: 300 }]);
    let full = map.full.unwrap();
    assert_eq!((full[0].name.as_str(), full[0].unsigned, full[1].name.as_str()), ("id", true, "n"));
}

#[test]
fn geometry_is_among_what_has_a_character_set_on_mariadb_alone() {
    let collation = |flavour, nth| {
        let told = [2, 3, 63, nth, 8, 4, 4, 1, b'g', 1, b't']; // binary but for one, and the names
        let map = map_of(flavour, &event(&[255, 252], &[4, 2], &told))?;
        map.full.unwrap()[1].collation
    };
    assert_eq!((collation(Flavour::MariaDb, 1), collation(Flavour::MariaDb, 0)), (Some(8), Some(63)));
    assert_eq!((collation(Flavour::MySql, 0), collation(Flavour::MySql, 1)), (Some(8), None));
}

#[test]
fn decimals_and_times_are_exact() {
    let manual = Wire::Decimal { precision: 14, scale: 4 };
    assert_eq!(decoded(manual, b"\x81\x0D\xFB\x38\xD2\x04\xD2"), json!(1_234_567_890.123_4));
    assert_eq!(decoded(manual, b"\x7E\xF2\x04\xC7\x2D\xFB\x2D"), json!(-1_234_567_890.123_4));
    let wide = Wire::Decimal { precision: 16, scale: 4 };
    assert_eq!(decoded(wide, b"\x80\0\0\0\0\0\0\x05"), json!("0.0005"), "more digits than JSON keeps");
    assert_eq!(decoded(Wire::Decimal { precision: 4, scale: 2 }, &[0x8C, 0x22]), json!(12.34));
    assert_eq!(decoded(Wire::Decimal { precision: 4, scale: 2 }, &[0x73, 0xDD]), json!(-12.34));
    assert_eq!(decoded(Wire::Time(0), &[0x80, 0, 1]), json!("00:00:01"));
    assert_eq!(decoded(Wire::Time(0), &[0x7F, 0xFF, 0xFF]), json!("-00:00:01"));
    assert_eq!(decoded(Wire::Set { bytes: 1 }, &[3]), json!("a,b"));
    assert_eq!(decoded(Wire::Whole(3), &[0xFF, 0xFF, 0xFF]), json!(-1));
    assert_eq!(decoded(Wire::Json { width: 4 }, b"\x03\0\0\0\x0C\x01xmore"), json!("x"));
}

#[test]
fn an_announced_length_takes_no_memory() {
    let deflated = [0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x78, 0x9C];
    assert!(super::rows::inflate(&deflated).unwrap_err().0.contains("4294967295"));
    let short = [0x84, 0x03, 0xFF, 0xFF, 0xFF, 0x78, 0x9C];
    assert!(super::rows::inflate(&short).is_err());
}

proptest! {
    #[test]
    fn no_table_map_is_too_odd(event in vec(any::<u8>(), 0..200)) {
        map(&event);
    }

    #[test]
    fn no_columns_are_too_odd(types in vec(any::<u8>(), 0..20), details in vec(any::<u8>(), 0..40), told in vec(any::<u8>(), 0..60)) {
        map(&event(&types, &details, &told));
    }

    /// Rows are as many as their bytes at most, each as wide as the table, and nothing panics.
    #[test]
    fn no_rows_are_too_odd(
        types in vec(prop::sample::select(vec![1, 2, 3, 4, 5, 8, 9, 10, 13, 15, 16, 17, 18, 19, 245, 246, 252, 254, 255]), 1..8),
        details in vec(0_u8..7, 40),
        kind in prop::sample::select(vec![23_u8, 24, 25, 30, 31, 32, 166, 167, 168]),
        body in vec(any::<u8>(), 0..200),
    ) {
        let Some(map) = map(&event(&types, &details, &[])) else { return Ok(()) };
        let told = vec![Default::default(); map.wires.len()];
        let layout = Layout::of(&TableMap { full: Some(told), ..map }, None, &HashMap::new()).unwrap();
        let mut event = vec![7, 0, 0, 0, 0, 0, 1, 0, types.len() as u8];
        event.extend(&body);
        let kind = RowsKind::of(kind).unwrap();
        let Ok(rows) = Rows::of(kind, &layout, &event) else { return Ok(()) };
        let mut count = 0;
        for row in rows.flatten() {
            count += 1;
            let width = |cells: &Option<Vec<Cell>>| cells.as_ref().is_none_or(|cells| cells.len() == types.len());
            prop_assert!(width(&row.old) && width(&row.new));
        }
        prop_assert!(count <= body.len());
    }
}
