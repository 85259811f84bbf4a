//! Whether the server is one whose changes can be told.

use std::collections::HashMap;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::source::Failure;

use super::connect::{Access, answered};
use super::gtid::Flavour;

/// Why compressed transactions are refused: they are inflated whole, whatever their size, before they are handed to us.
pub(super) const COMPRESSED: &str = "compressed transactions are not read: \
    SET GLOBAL binlog_transaction_compression=OFF, also in my.cnf; then have applications reconnect";
/// Why rows of parts are refused.
pub(super) const PARTIAL: &str = "rows that tell parts of JSON are not read: \
    SET GLOBAL binlog_row_value_options='', also in my.cnf; then have applications reconnect";

/// What the server says of its binary log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) flavour: Flavour,
    /// Whether the old row of a change has all its columns.
    pub(super) tells_old_rows: bool,
    /// Whether the log names columns.
    pub(super) tells_names: bool,
}

impl Log {
    /// What an operator should know, though changes can be told.
    pub(super) fn notes(self) -> Vec<String> {
        const NAMES: &str = "binlog_row_metadata is not FULL: rows that are read after their table was altered may not be told; \
            SET GLOBAL binlog_row_metadata=FULL, also in my.cnf (MySQL has it from 8.0 on)";
        const ROWS: &str = "binlog_row_image is not FULL: rows are told in part; SET GLOBAL binlog_row_image=FULL, also in my.cnf";
        let notes = [(self.tells_names, NAMES), (self.tells_old_rows, ROWS)];
        notes.into_iter().filter(|(is_well, _)| !is_well).map(|(_, note)| note.to_owned()).collect()
    }
}

/// Whether the server's changes can be told.
///
/// # Errors
/// A setting is wrong: the text has the SQL, or the line of `my.cnf`, that mends it.
pub(super) async fn check(opts: &Access, connection: &mut Conn) -> Result<Log, Failure> {
    const ASKED: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN \
        ('version', 'log_bin', 'binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'gtid_domain_id', \
        'gtid_mode', 'binlog_transaction_compression', 'binlog_row_value_options')";
    let variables: Vec<(String, String)> = answered(opts, connection.query(ASKED)).await?;
    judge(&variables.into_iter().collect()).map_err(Failure::Lasting)
}

fn judge(variables: &HashMap<String, String>) -> Result<Log, String> {
    let variable = |name: &str| variables.get(name).map_or("", String::as_str);
    let is_mariadb = variable("version").contains("MariaDB") || variables.contains_key("gtid_domain_id");
    let flavour = if is_mariadb { Flavour::MariaDb } else { Flavour::MySql };
    if variable("log_bin") != "ON" {
        let section = if is_mariadb { "[mariadbd]" } else { "[mysqld]" };
        return Err(format!(
            "the server writes no binary log: put log_bin=binlog below {section} of its my.cnf, and restart it"
        ));
    }
    let format = variable("binlog_format");
    if format != "ROW" {
        return Err(format!(
            "binlog_format is {format}, and must be ROW: SET GLOBAL binlog_format=ROW, also in my.cnf; then have applications reconnect"
        ));
    }
    if flavour == Flavour::MySql {
        mysql(variables)?;
    }
    let (image, metadata) = (variable("binlog_row_image"), variable("binlog_row_metadata"));
    Ok(Log { flavour, tells_old_rows: image.starts_with("FULL"), tells_names: metadata == "FULL" })
}

/// What MySQL's settings must be beside those of both.
fn mysql(variables: &HashMap<String, String>) -> Result<(), String> {
    let variable = |name: &str| variables.get(name).map_or("", String::as_str);
    match variable("gtid_mode") {
        "ON" => {}
        "" => return Err(format!("MySQL {} has no GTIDs: 5.6 is the first that has", variable("version"))),
        mode => {
            return Err(format!(
                "gtid_mode is {mode}, and must be ON: put gtid_mode=ON, enforce_gtid_consistency=ON and, before 5.7, \
                 log_slave_updates=ON below [mysqld] of its my.cnf, and restart it"
            ));
        }
    }
    if variable("binlog_transaction_compression") == "ON" {
        return Err(COMPRESSED.into());
    }
    if !variable("binlog_row_value_options").is_empty() {
        return Err(PARTIAL.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARIADB: (&str, &str) = ("version", "10.11.1-MariaDB-log");
    const MYSQL: [(&str, &str); 2] = [("version", "8.0.36"), ("gtid_mode", "ON")];

    fn judged(changed: &[(&str, &str)]) -> Result<Log, String> {
        let right = [("log_bin", "ON"), ("binlog_format", "ROW"), ("binlog_row_image", "FULL")];
        let variables =
            right.iter().chain(changed).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        judge(&variables.collect())
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_mends_it() {
        let well = Log { flavour: Flavour::MariaDb, tells_old_rows: true, tells_names: false };
        assert_eq!(judged(&[MARIADB]), Ok(well));
        let full = judged(&[MARIADB, ("binlog_row_metadata", "FULL")]).unwrap();
        assert_eq!((full.tells_names, full.notes().len()), (true, 0));
        let poor = judged(&[MARIADB, ("binlog_row_image", "MINIMAL")]).unwrap();
        assert_eq!((poor.tells_old_rows, poor.notes().len()), (false, 2));
        assert!(
            judged(&[MARIADB, ("log_bin", "OFF")]).unwrap_err().contains("log_bin=binlog below [mariadbd]")
        );
        assert!(
            judged(&[MARIADB, ("binlog_format", "MIXED")])
                .unwrap_err()
                .contains("SET GLOBAL binlog_format=ROW")
        );
    }

    #[test]
    fn what_mysql_needs_beside_it_is_named_too() {
        let judged = |changed: &[(&str, &str)]| judged(&[&MYSQL, changed].concat());
        assert_eq!(judged(&[]).unwrap().flavour, Flavour::MySql);
        assert_eq!(judged(&[("gtid_domain_id", "0")]).unwrap().flavour, Flavour::MariaDb, "by any name");
        assert!(judged(&[("log_bin", "OFF")]).unwrap_err().contains("[mysqld]"));
        assert!(judged(&[("gtid_mode", "ON_PERMISSIVE")]).unwrap_err().contains("put gtid_mode=ON"));
        assert!(judged(&[("gtid_mode", "")]).unwrap_err().contains("MySQL 8.0.36 has no GTIDs"));
        let refused = judged(&[("binlog_transaction_compression", "ON")]).unwrap_err();
        assert!(refused.contains("binlog_transaction_compression=OFF"));
        let refused = judged(&[("binlog_row_value_options", "PARTIAL_JSON")]).unwrap_err();
        assert!(refused.contains("binlog_row_value_options=''"));
    }
}
