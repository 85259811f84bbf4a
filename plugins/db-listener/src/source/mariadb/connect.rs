//! Connections, and what their errors mean.

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, SslOpts};

use crate::change::TableName;
use crate::source::Failure;

use super::LARGEST_EVENT;
use super::tables::quoted;

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

/// How to get to the server, and what its user needs there.
#[derive(Debug, Clone)]
pub(super) struct Access {
    opts: Opts,
    rights: String,
}

/// Tables whose rights are spelt out where one is missing; `init` prints all.
const SPELT: usize = 10;

impl Access {
    /// For these tables.
    pub(super) fn new(opts: Opts, tables: &BTreeSet<TableName>) -> Self {
        let account = account(&opts);
        let slave = format!("GRANT REPLICATION SLAVE ON *.* TO {account}");
        let select = tables.iter().take(SPELT).map(|table| select(table, &account));
        let rest = (tables.len() > SPELT)
            .then(|| "and so on, as `tidegate plugin db-listener init` prints it".to_owned());
        let rights: Vec<_> = [slave].into_iter().chain(select).chain(rest).collect();
        Self { opts, rights: rights.join("; ") }
    }

    /// The statements that give the user all that it needs.
    pub(super) fn rights(&self) -> &str {
        &self.rights
    }

    /// The user as statements have it.
    pub(super) fn account(&self) -> String {
        account(&self.opts)
    }

    /// The right to read a table, and to see it.
    pub(super) fn select(&self, table: &TableName) -> String {
        select(table, &self.account())
    }
}

impl Deref for Access {
    type Target = Opts;

    fn deref(&self) -> &Opts {
        &self.opts
    }
}

/// The user of some options as statements have it, from wherever it comes.
pub(super) fn account(opts: &Opts) -> String {
    let user = opts.user().unwrap_or("tidegate").replace('\\', "\\\\").replace('\'', "\\'");
    format!("'{user}'@'%'")
}

fn select(table: &TableName, account: &str) -> String {
    format!("GRANT SELECT ON {}.{} TO {account}", quoted(&table.schema), quoted(&table.table))
}

/// Connects, and logs in.
pub(super) async fn connect(opts: &Access) -> Result<Conn, Failure> {
    answered(opts, Conn::new(opts.opts.clone())).await
}

/// What a server answers in time, with errors told apart.
pub(super) async fn answered<T>(
    opts: &Access,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    let server = || format!("the server at {}:{}", opts.ip_or_hostname(), opts.tcp_port());
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failure(opts, &server(), &error)),
        Err(_) => {
            Err(Failure::Passing(format!("{} has not answered for {} s", server(), PATIENCE.as_secs())))
        }
    }
}

/// Whether an error will pass by itself.
pub(super) fn failure(opts: &Access, server: &str, error: &Error) -> Failure {
    let text = match error {
        Error::Server(error) => format!("{server}: {} ({})", error.message, error.code),
        error => format!("{server}: {error}"),
    };
    match error {
        Error::Server(error) => match error.code {
            // A right is missing.
            1044 | 1142 | 1143 | 1227 => {
                Failure::Lasting(format!("{text}; what the user needs: {}", opts.rights))
            }
            1045 | 1049 | 1130 | 1698 | 4151 => Failure::Lasting(text),
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

#[cfg(test)]
mod tests {
    use super::*;

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
