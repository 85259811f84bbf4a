//! Events of MariaDB's binary log: a table map, and rows by it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_db_listener::source::mariadb::count_rows;

// The first two bytes say which rows event it is, and where the table map ends.
fuzz_target!(|input: &[u8]| {
    let [kind, end, events @ ..] = input else { return };
    let (table_map, rows) = events.split_at(usize::from(*end).min(events.len()));
    if let Ok(count) = count_rows(table_map, *kind, rows) {
        assert!(*kind >= 166 || count <= rows.len(), "a row takes a byte at least");
    }
});
