//! Connections, what their errors mean, and whether the server is one whose changes can be told.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, SslOpts};

use crate::source::Failure;

use super::LARGEST_EVENT;

/// A server that does not answer for so long is taken for gone.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the server waits for us where the hub is behind.
const BEHIND: &str = "SET SESSION net_write_timeout=3600, time_zone='+00:00'";

/// Reads a URL: `mysql://user:password@host:3306/database`, or `mariadb://`; `?require_ssl=true` for TLS, `&ca=FILE` with the
/// authority that is trusted for it.
///
/// # Errors
/// It is no such URL. The text does not have its password.
pub(super) fn options(url: &str) -> Result<Opts, String> {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let address =
        address.strip_prefix("mariadb://").map_or(address.to_owned(), |rest| format!("mysql://{rest}"));
    let (ca, rest): (Vec<&str>, Vec<&str>) = query.split('&').partition(|pair| pair.starts_with("ca="));
    let query = rest.join("&");
    let url = if query.is_empty() { address } else { format!("{address}?{query}") };
    let opts = Opts::from_url(&url)
        .map_err(|error| format!("source.url: {error} (mysql://user:password@host:3306/database)"))?;
    let authority = ca.first().map(|pair| PathBuf::from(&pair["ca=".len()..]));
    let tls = match (opts.ssl_opts().cloned(), authority) {
        (tls, Some(file)) => Some(tls.unwrap_or_else(SslOpts::default).with_root_certs(vec![file.into()])),
        (tls, None) => tls,
    };
    let opts = OptsBuilder::from_opts(opts).ssl_opts(tls).prefer_socket(false).stmt_cache_size(0);
    Ok(opts.max_allowed_packet(Some(LARGEST_EVENT)).setup(vec![BEHIND]).into())
}

/// Connects, and logs in.
pub(super) async fn connect(opts: &Opts) -> Result<Conn, Failure> {
    answered(opts, Conn::new(opts.clone())).await
}

/// What a server answers in time, with errors told apart.
pub(super) async fn answered<T>(
    opts: &Opts,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    let server = || format!("MariaDB at {}:{}", opts.ip_or_hostname(), opts.tcp_port());
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failure(&server(), &error)),
        Err(_) => {
            Err(Failure::Passing(format!("{} has not answered for {} s", server(), PATIENCE.as_secs())))
        }
    }
}

/// Whether an error will pass by itself.
pub(super) fn failure(server: &str, error: &Error) -> Failure {
    let text = match error {
        Error::Server(error) => format!("{server}: {} ({})", error.message, error.code),
        error => format!("{server}: {error}"),
    };
    match error {
        Error::Server(error) => match error.code {
            1044 | 1045 | 1049 | 1130 | 1142 | 1143 | 1227 | 1698 | 4151 => Failure::Lasting(text),
            _ => Failure::Passing(text),
        },
        Error::Io(IoError::Tls(_)) | Error::Url(_) => Failure::Lasting(text),
        Error::Driver(DriverError::PacketTooLarge) => {
            Failure::Lasting(format!("{text} A row's event has more than {LARGEST_EVENT} bytes"))
        }
        Error::Driver(DriverError::ConnectionClosed) => Failure::Passing(text),
        Error::Driver(_) => Failure::Lasting(text),
        _ => Failure::Passing(text),
    }
}

/// What the server says of its binary log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Log {
    /// Whether the old row of a change has all its columns.
    pub(super) tells_old_rows: bool,
    /// Whether the log names columns.
    pub(super) tells_names: bool,
}

impl Log {
    /// What an operator should know, though changes can be told.
    pub(super) fn notes(self) -> Vec<String> {
        const NAMES: &str = "binlog_row_metadata is not FULL: rows that are read after their table was altered may not be told; \
            SET GLOBAL binlog_row_metadata=FULL, also in my.cnf";
        const ROWS: &str = "binlog_row_image is not FULL: rows are told in part; SET GLOBAL binlog_row_image=FULL, also in my.cnf";
        let notes = [(self.tells_names, NAMES), (self.tells_old_rows, ROWS)];
        notes.into_iter().filter(|(is_well, _)| !is_well).map(|(_, note)| note.to_owned()).collect()
    }
}

/// Whether the server's changes can be told.
///
/// # Errors
/// It is another server, or a setting is wrong: the text has the SQL, or the line of `my.cnf`, that mends it.
pub(super) async fn check(opts: &Opts, connection: &mut Conn) -> Result<Log, Failure> {
    const ASKED: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN \
        ('version', 'log_bin', 'binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'gtid_domain_id')";
    let variables: Vec<(String, String)> = answered(opts, connection.query(ASKED)).await?;
    judge(&variables.into_iter().collect())
}

fn judge(variables: &HashMap<String, String>) -> Result<Log, Failure> {
    let variable = |name: &str| variables.get(name).map_or("", String::as_str);
    let wrong = |text: String| Err(Failure::Lasting(text));
    let version = variable("version");
    if !version.contains("MariaDB") && variables.get("gtid_domain_id").is_none() {
        return wrong(format!("the server is MySQL {version}: only MariaDB's binary log can be read"));
    }
    if variable("log_bin") != "ON" {
        return wrong("the server writes no binary log: put log_bin=binlog below [mariadbd] of its my.cnf, and restart it".into());
    }
    let format = variable("binlog_format");
    if format != "ROW" {
        return wrong(format!(
            "binlog_format is {format}, and must be ROW: SET GLOBAL binlog_format=ROW, also in my.cnf; then have applications reconnect"
        ));
    }
    let (image, metadata) = (variable("binlog_row_image"), variable("binlog_row_metadata"));
    Ok(Log { tells_old_rows: image.starts_with("FULL"), tells_names: metadata == "FULL" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(changed: &[(&str, &str)]) -> Result<Log, String> {
        let right = [
            ("version", "10.11.1-MariaDB-log"),
            ("log_bin", "ON"),
            ("binlog_format", "ROW"),
            ("binlog_row_image", "FULL"),
        ];
        let variables =
            right.iter().chain(changed).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        judge(&variables.collect()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_mends_it() {
        assert_eq!(judged(&[]), Ok(Log { tells_old_rows: true, tells_names: false }));
        let full = judged(&[("binlog_row_metadata", "FULL")]).unwrap();
        assert_eq!((full.tells_names, full.notes().len()), (true, 0));
        let poor = judged(&[("binlog_row_image", "MINIMAL")]).unwrap();
        assert_eq!((poor.tells_old_rows, poor.notes().len()), (false, 2));
        assert!(judged(&[("log_bin", "OFF")]).unwrap_err().contains("log_bin=binlog"));
        assert!(judged(&[("binlog_format", "MIXED")]).unwrap_err().contains("SET GLOBAL binlog_format=ROW"));
        assert!(judged(&[("version", "8.0.36")]).unwrap_err().contains("MySQL 8.0.36"));
    }

    #[test]
    fn a_url_is_read_and_a_wrong_one_refused_without_its_password() {
        let opts =
            options("mariadb://u:secret@db.example:3307/app?ca=/etc/ca.pem&verify_identity=false").unwrap();
        assert_eq!(
            (opts.ip_or_hostname(), opts.tcp_port(), opts.db_name()),
            ("db.example", 3307, Some("app"))
        );
        assert_eq!(opts.ssl_opts().unwrap().root_certs().len(), 1);
        let error = options("postgres://u:secret@host/app").unwrap_err();
        assert!(error.starts_with("source.url") && !error.contains("secret"), "{error}");
        assert!(options("mysql://u:secret@host/app?colour=red").unwrap_err().contains("colour"));
    }
}
