//! Values of all types become the same JSON, by the log and by the snapshot.

use serde_json::{Value, json};
use testkit::{MariaDb, MySql, Mysqld};

use crate::fixture::{Listening, new, on_both};

/// Columns of every type that both servers have.
const COLUMNS: &str = "
    id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT,
    b BOOLEAN, ti TINYINT, tu TINYINT UNSIGNED, si SMALLINT, su SMALLINT UNSIGNED, mi MEDIUMINT, mu MEDIUMINT UNSIGNED,
    y YEAR, i INT, iu INT UNSIGNED, bi BIGINT, bu BIGINT UNSIGNED,
    f FLOAT, d DOUBLE, n DECIMAL(10,2), nn DECIMAL(65,30), nu DECIMAL(20,0) UNSIGNED,
    day DATE, tm TIME, tm3 TIME(3), tm6 TIME(6), dt DATETIME, dt1 DATETIME(1), dt6 DATETIME(6), ts TIMESTAMP NULL, ts3 TIMESTAMP(3) NULL,
    c CHAR(5), v VARCHAR(300), vs VARCHAR(20), tt TINYTEXT, tx TEXT, mt MEDIUMTEXT, lt LONGTEXT,
    l1 VARCHAR(20) CHARACTER SET latin1, l1c CHAR(200) CHARACTER SET latin1, u2 VARCHAR(20) CHARACTER SET ucs2,
    k8 TEXT CHARACTER SET koi8r, bin BINARY(4), vb VARBINARY(300), bl BLOB, lb LONGBLOB,
    e ENUM('a','b','c''d','ñ'), s SET('x','y','z'), e1 ENUM('é','ü') CHARACTER SET latin1,
    b1 BIT(1), b12 BIT(12), b64 BIT(64), g GEOMETRY, p POINT, tg TEXT CHARACTER SET latin1,
    `odd ``name` INT";
/// Those of MariaDB's alone.
const OWN: &str = ", j JSON, u UUID, i6 INET6, gen INT AS (i + 1) VIRTUAL, sto INT AS (i + 2) STORED, z TEXT";

/// Values that are at an end of what their types hold.
const VALUES: &str = "b=TRUE, ti=-128, tu=255, si=-32768, su=65535, mi=-8388608, mu=16777215,
    y=2155, i=-2147483648+10, iu=4294967295, bi=-9223372036854775808, bu=18446744073709551615,
    f=0.1, d=-2.5e-300, n=-1234567.80, nn=-12345678901234567890123456789012345.000000000000000000000000000001, nu=12345678901234567890,
    day='2024-02-29', tm='-838:59:59', tm3='10:20:30.456', tm6='-00:00:00.000001',
    dt='9999-12-31 23:59:59', dt1='2024-02-29 10:20:30.5', dt6='1000-01-01 00:00:00.000001', ts='2024-02-29 12:00:00', ts3='2024-07-01 02:30:00.120',
    c='añ💡', v=REPEAT('ä', 300), vs='💡 text', tt='', tx='line\\nbreak', mt='\"q\"', lt='long',
    l1='é€', l1c='ÿ', u2='ño', k8='да', bin=x'0100', vb=x'00ff', bl=x'deadbeef', lb=x'',
    e='c''d', s='x,z', e1='ü', b1=1, b12=x'0abc', b64=x'ffffffffffffffff', g=ST_GeomFromText('POINT(1 2)'), p=NULL, tg='é', `odd ``name`=7";
const OWN_VALUES: &str = ", j='{\"a\": [1, 2.5, null, true], \"b\": \"ñ\"}', \
    u='123e4567-e89b-12d3-a456-426655440000', i6='2001:db8::ff', z='ende'";

fn full() -> Value {
    json!({
        "id": 1, "b": 1, "ti": -128, "tu": 255, "si": -32768, "su": 65535, "mi": -8_388_608, "mu": 16_777_215,
        "y": 2155, "i": -2_147_483_638, "iu": 4_294_967_295_u32, "bi": i64::MIN, "bu": u64::MAX,
        "f": 0.1, "d": -2.5e-300, "n": -1_234_567.8,
        "nn": "-12345678901234567890123456789012345.000000000000000000000000000001", "nu": "12345678901234567890",
        "day": "2024-02-29", "tm": "-838:59:59", "tm3": "10:20:30.456", "tm6": "-00:00:00.000001",
        "dt": "9999-12-31T23:59:59", "dt1": "2024-02-29T10:20:30.5", "dt6": "1000-01-01T00:00:00.000001",
        "ts": "2024-02-29T10:00:00Z", "ts3": "2024-07-01T00:30:00.120Z",
        "c": "añ💡", "v": "ä".repeat(300), "vs": "💡 text", "tt": "", "tx": "line\nbreak", "mt": "\"q\"", "lt": "long",
        "l1": "é€", "l1c": "ÿ", "u2": "ño", "k8": "да", "bin": "AQAAAA==", "vb": "AP8=", "bl": "3q2+7w==", "lb": "",
        "e": "c'd", "s": "x,z", "e1": "ü", "b1": 1, "b12": 0xabc, "b64": u64::MAX,
        "g": "AAAAAAEBAAAAAAAAAAAA8D8AAAAAAAAAQA==", "p": null, "tg": "é",
        "odd `name": 7,
    })
}

fn own() -> Value {
    json!({
        "j": {"a": [1, 2.5, null, true], "b": "ñ"}, "u": "123e4567-e89b-12d3-a456-426655440000", "i6": "2001:db8::ff",
        "gen": -2_147_483_637, "sto": -2_147_483_636, "z": "ende",
    })
}

#[track_caller]
fn assert_same(row: &Value, expected: &Value) {
    for (column, value) in expected.as_object().unwrap() {
        assert_eq!(row.get(column), Some(value), "{column}");
    }
    assert_eq!(row.as_object().unwrap().len(), expected.as_object().unwrap().len());
}

/// A row of nothing but nulls, but for its key.
fn nulls(mut row: Value) -> Value {
    row.as_object_mut().unwrap().values_mut().for_each(|value| *value = Value::Null);
    row["id"] = json!(2);
    row
}

async fn every_type(database: &Mysqld, (columns, values, row): (&str, &str, Value)) {
    let mut full = full();
    full.as_object_mut().unwrap().extend(row.as_object().unwrap().clone());
    let table = format!("CREATE TABLE app.t ({COLUMNS}{columns}) DEFAULT CHARSET utf8mb4");
    database.sql(&format!("CREATE DATABASE app; {table}"));
    let mut listening = Listening::to(&database.url(), &["t"]).await;
    database.sql(&format!("SET time_zone='+02:00'; INSERT INTO app.t SET {VALUES}{values}"));
    database.sql("INSERT INTO app.t (id) VALUES (2)");
    let changes = listening.changes(2).await;
    assert_same(&new(&changes[0]), &full);
    assert_same(&new(&changes[1]), &nulls(full.clone()));

    let mut snapshot = Listening::start(&database.url(), &["t"], None, true);
    let rows = snapshot.changes(2).await;
    assert_same(&new(&rows[0]), &full);
    assert_same(&new(&rows[1]), &nulls(full));
    assert_eq!(rows[0].shape, changes[0].shape);
}

async fn every_type_of_mariadb(arguments: &[&str]) {
    every_type(&MariaDb::start_with(arguments), (OWN, OWN_VALUES, own())).await;
}

#[tokio::test]
async fn every_type_becomes_its_json_where_the_log_tells_no_names() {
    every_type_of_mariadb(&[]).await;
}

#[tokio::test]
async fn every_type_becomes_its_json_where_the_log_tells_all() {
    every_type_of_mariadb(&["--binlog-row-metadata=FULL"]).await;
}

#[tokio::test]
async fn compressed_events_are_read_as_others() {
    every_type_of_mariadb(&["--log-bin-compress=ON", "--log-bin-compress-min-len=10"]).await;
}

#[tokio::test]
async fn every_type_of_mysql_becomes_its_json() {
    every_type(&MySql::start(), ("", "", json!({}))).await;
}

on_both!(days_that_are_none_are_told_as_they_are);

async fn days_that_are_none_are_told_as_they_are(database: &mut Mysqld) {
    database.sql("CREATE DATABASE app; CREATE TABLE app.z (d DATE, dt DATETIME, ts TIMESTAMP NULL, y YEAR, e ENUM('a'))");
    let mut listening = Listening::to(&database.url(), &["z"]).await;
    database.sql("SET sql_mode=''; INSERT INTO app.z VALUES ('2024-00-00', 0, 0, 0, 'none')");
    let expected = json!({"d": "2024-00-00", "dt": "0000-00-00T00:00:00", "ts": "0000-00-00T00:00:00Z", "y": 0, "e": ""});
    assert_eq!(new(&listening.change().await), expected);
    let mut snapshot = Listening::start(&database.url(), &["z"], None, true);
    assert_eq!(new(&snapshot.change().await), expected);
}
