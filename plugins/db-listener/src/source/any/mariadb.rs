//! MariaDB, for each purpose, and what operators do with it by hand.

use super::Purpose;
use crate::settings::Settings;
use crate::source::mariadb::{MariaDb, init_sql};

/// The database, for that purpose.
pub(super) fn open(settings: &Settings, instance: &str, purpose: Purpose) -> MariaDb {
    let mut source = settings.source.clone();
    if source.server_id == 0 || purpose == Purpose::Try {
        source.server_id = server_id(instance, purpose);
    }
    source.snapshot &= purpose == Purpose::Listen;
    MariaDb::new(source, settings.tables())
}

/// The id of a replica, another one for each instance and purpose.
fn server_id(instance: &str, purpose: Purpose) -> u32 {
    let seed = format!("{instance} {purpose:?}");
    // FNV-1a; ids that people give are small, so the highest bit keeps out of their way.
    let hash =
        seed.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash | 1 << 31
}

/// What a database needs once, a statement each; settings of the server stand in comments.
pub(super) fn init(settings: &Settings) -> Vec<String> {
    let sql = init_sql("tidegate", &settings.tables());
    sql.split(";\n").filter(|statement| !statement.trim().is_empty()).map(str::to_owned).collect()
}
