//! Columns of every type as JSON, from a stream and from a snapshot alike.

use serde_json::Value;
use testkit::Postgres;

use crate::support::{Listener, new, settings};

const SCHEMA: &str = "
create type mood as enum ('sad', 'so-so', 'very \"happy\"');
create domain positive as int check (value > 0);
create domain tags as text[];
create type point3 as (x int, y numeric, name text);
create type inner_type as (mood mood, point point3);
create table types (
  id int primary key, bool bool, int2 int2, int4 int4, int8 int8, float4 float4, float8 float8, numeric numeric, wide numeric(40, 20),
  money money, text text, varchar varchar(20), char char(4), one \"char\", name name, bytea bytea, date date, time time, timetz timetz,
  timestamp timestamp, timestamptz timestamptz, interval interval, uuid uuid, json json, jsonb jsonb, xml xml, inet inet, cidr cidr,
  macaddr macaddr, bit bit(3), varbit varbit, point point, box box, tsvector tsvector, int4range int4range, multirange int4multirange,
  mood mood, positive positive, tags tags, composite inner_type, ints int[], matrix int[][], texts text[], moods mood[], boxes box[],
  points point3[], moments timestamptz[], jsons jsonb[], bytes bytea[], oid oid, vector int2vector, void text,
  twice int generated always as (id * 2) stored
);
alter table types replica identity full";

const ROW: &str = r#"
insert into types values (
  1, true, -32768, 2147483647, 9223372036854775807, 1.1, 'NaN', 12345.678900, 12345678901234567890.12345678901234567890,
  12.5, 'quo"te é \ ', 'varchar', 'ab', 'x', 'name', '\x00ff10', '2026-01-31', '12:00:00.5', '12:00:00+05:30',
  '2026-01-31 12:00:00', '2026-01-31 12:00:00.123456+02', '1 year 2 days 03:04:05.5', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  '{"a": [1, 2.5, null]}', '{"b": {"c": true}}', '<a>b</a>', '10.0.0.1/8', '10.0.0.0/8',
  '08:00:2b:01:02:03', '101', '10101', '(1.5,2)', '((0,0),(1,1))', to_tsvector('simple', 'a b'), '[1,5)', '{[1,3),[5,7)}',
  'very "happy"', 7, '{a,"b c"}', row('sad', row(1, 2.50, 'a,"b"')), '{1,NULL,3}', '{{1,2},{3,4}}', '{"a,b","c\"d",NULL,"NULL"}',
  '{sad,so-so}', '{(1,1),(0,0);(3,3),(2,2)}', array[row(1, null, '')::point3, null], '{"2026-01-31 12:00:00+00",infinity}',
  array['{"a": 1}', '[2]']::jsonb[], '{"\\xff"}', 4294967295, '1 2 3', null
)"#;

const EXPECTED: &str = r#"{
  "id": 1, "bool": true, "int2": -32768, "int4": 2147483647, "int8": 9223372036854775807, "float4": 1.1, "float8": "NaN",
  "numeric": 12345.6789, "wide": "12345678901234567890.12345678901234567890",
  "money": "$12.50", "text": "quo\"te é \\ ", "varchar": "varchar", "char": "ab  ", "one": "x", "name": "name", "bytea": "AP8Q",
  "date": "2026-01-31", "time": "12:00:00.5", "timetz": "12:00:00+05:30", "timestamp": "2026-01-31T12:00:00",
  "timestamptz": "2026-01-31T10:00:00.123456Z", "interval": "P1Y2DT3H4M5.5S", "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
  "json": {"a": [1, 2.5, null]}, "jsonb": {"b": {"c": true}}, "xml": "<a>b</a>", "inet": "10.0.0.1/8", "cidr": "10.0.0.0/8",
  "macaddr": "08:00:2b:01:02:03", "bit": "101", "varbit": "10101", "point": "(1.5,2)", "box": "(1,1),(0,0)", "tsvector": "'a':1 'b':2",
  "int4range": "[1,5)", "multirange": "{[1,3),[5,7)}", "mood": "very \"happy\"", "positive": 7, "tags": ["a", "b c"],
  "composite": {"mood": "sad", "point": {"x": 1, "y": 2.5, "name": "a,\"b\""}}, "ints": [1, null, 3], "matrix": [[1, 2], [3, 4]],
  "texts": ["a,b", "c\"d", null, "NULL"], "moods": ["sad", "so-so"], "boxes": ["(1,1),(0,0)", "(3,3),(2,2)"],
  "points": [{"x": 1, "y": null, "name": ""}, null], "moments": ["2026-01-31T12:00:00Z", "infinity"], "jsons": [{"a": 1}, [2]],
  "bytes": ["/w=="], "oid": 4294967295, "vector": "1 2 3", "void": null
}"#;

fn expected() -> Value {
    serde_json::from_str(EXPECTED).unwrap()
}

#[test]
fn columns_of_every_type_are_json_from_the_stream_and_from_the_snapshot() {
    let postgres = Postgres::start();
    // Neither the database's own settings nor the role's change what is told.
    postgres.sql(
        "postgres",
        "alter database postgres set datestyle = 'German'; alter role postgres set timezone = 'Asia/Tokyo'",
    );
    postgres.sql("postgres", SCHEMA);
    let listener = Listener::start(settings(&postgres, &["types"]));
    postgres.sql("postgres", ROW);
    let mut snapshot = settings(&postgres, &["types"]);
    (snapshot.slot, snapshot.snapshot) = ("other".into(), true);
    let snapshot = Listener::launch(snapshot);
    for listener in [listener, snapshot] {
        let change = listener.next();
        let expected = expected();
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(new(&change, name), value, "{name}");
        }
        assert_eq!(
            change.shape.columns.len(),
            expected.as_object().unwrap().len(),
            "{:?}",
            change.shape.columns
        );
    }
}

#[test]
fn the_tables_are_told_with_their_columns() {
    let postgres = Postgres::start();
    postgres.sql("postgres", SCHEMA);
    postgres.sql(
        "postgres",
        "create table \"odd \"\"name\" (\"a b\" int); alter table \"odd \"\"name\" add c int, drop \"a b\"",
    );
    let address = settings(&postgres, &[]).address;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tables = runtime.block_on(tidegate_db_listener::source::postgres::tables(&address)).unwrap();
    let [odd, types] = tables.as_slice() else { panic!("{tables:?}") };
    assert_eq!(
        (odd.name.table.as_str(), odd.names(), odd.tells_old_rows),
        ("odd \"name", vec!["c".to_owned()], false)
    );
    assert_eq!((types.columns.len(), types.tells_old_rows), (expected().as_object().unwrap().len(), true));
}
