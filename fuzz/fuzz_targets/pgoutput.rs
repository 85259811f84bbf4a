//! What PostgreSQL's replication sends.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use tidegate_db_listener::change::TableName;
use tidegate_db_listener::source::postgres::pgoutput;
use tidegate_db_listener::source::postgres::rows::Rows;

fuzz_target!(|input: &[u8]| {
    let mut rows = Rows::new([TableName { schema: "s".into(), table: "t".into() }]);
    let (mut rest, mut changes) = (input, Vec::new());
    while let [high, low, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(behind.len());
        let (message, next) = behind.split_at(length);
        rest = next;
        let Ok(message) = pgoutput::read(message) else { continue };
        let begins = matches!(message, pgoutput::Message::Begin { .. });
        let Ok(_) = rows.take(message, &mut changes) else { return };
        // Places of the log come once each.
        if begins {
            changes.clear();
        }
        let mut origins = HashSet::new();
        for change in &changes {
            let columns = change.shape.columns.len();
            assert!(change.new.iter().chain(&change.old).all(|cells| cells.len() == columns));
            assert!(origins.insert(&change.origin));
        }
        if changes.len() > 100 {
            return;
        }
    }
});
