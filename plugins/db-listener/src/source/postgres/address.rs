//! Where a PostgreSQL is: what its URL says.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

/// Where a database is and how it is connected to. Its password shows neither in logs nor in errors.
#[derive(Debug, Clone)]
pub struct Address {
    /// The server.
    pub host: Host,
    /// The port; of a socket, the number at its name's end.
    pub port: u16,
    /// The role.
    pub user: String,
    /// Its password, if any.
    pub password: Option<SecretString>,
    /// The database.
    pub database: String,
    /// Whether and how the connection is under TLS.
    pub tls: TlsMode,
    /// The certificates that sign the server's, PEM; else what the system trusts.
    pub root: Option<PathBuf>,
    /// A certificate and key to show to the server, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// What the server's list of connections calls this one.
    pub application: String,
    /// How long connecting and logging in may take.
    pub connect_timeout: Duration,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name or an address.
    Tcp(String),
    /// The folder of a Unix socket.
    Unix(PathBuf),
}

/// PostgreSQL's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Never.
    Disable,
    /// If the server has it.
    Prefer,
    /// Always, whoever the server is; with root certificates as `verify-ca`, as libpq does it.
    Require,
    /// With a certificate that a known authority has signed.
    VerifyCa,
    /// The same, and it names the host.
    VerifyFull,
}

/// What is wrong with a URL. It never holds the URL itself, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the URL of the database {0}")]
pub struct BadUrl(String);

const PARAMETERS: &str = "host, port, user, password, dbname, sslmode, sslrootcert, sslcert, sslkey, application_name, connect_timeout";

impl Address {
    /// Reads `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/ca.pem`. What has a meaning in URLs is
    /// percent-encoded; a Unix socket's folder is the host (`%2Frun%2Fpostgresql`) or the parameter `host`.
    ///
    /// # Errors
    /// [`BadUrl`] names what is wrong.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let url = Url::parse(text.trim()).map_err(|error| BadUrl(format!("is not one: {error}")))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(BadUrl(format!("begins with {}://, not postgres://", url.scheme())));
        }
        let mut address = Self {
            host: Host::Tcp("localhost".to_owned()),
            port: url.port().unwrap_or(5432),
            user: decoded(url.username(), "user")?,
            password: url
                .password()
                .map(|text| decoded(text, "password").map(SecretString::from))
                .transpose()?,
            database: decoded(url.path().trim_start_matches('/'), "database")?,
            tls: TlsMode::Prefer,
            root: None,
            identity: None,
            application: "tidegate".to_owned(),
            connect_timeout: Duration::from_secs(10),
        };
        if let Some(host) = url.host_str().filter(|host| !host.is_empty()) {
            address.host = host_of(&decoded(host, "host")?)?;
        }
        address.parameters(&url)?;
        if address.user.is_empty() {
            return Err(BadUrl("names no user: postgres://USER@…".to_owned()));
        }
        if address.database.is_empty() {
            address.database.clone_from(&address.user);
        }
        Ok(address)
    }

    fn parameters(&mut self, url: &Url) -> Result<(), BadUrl> {
        let (mut certificate, mut key) = (None, None);
        for (name, value) in url.query_pairs() {
            let number = |most: u64| {
                let number = value.parse().ok().filter(|number| (1..=most).contains(number));
                number.ok_or_else(|| BadUrl(format!("has a {name} that is not a number from 1 to {most}")))
            };
            match &*name {
                "host" => self.host = host_of(&value)?,
                "port" => self.port = u16::try_from(number(65_535)?).unwrap_or(5432),
                "user" => self.user = value.into_owned(),
                "password" => self.password = Some(SecretString::from(value.into_owned())),
                "dbname" => self.database = value.into_owned(),
                "sslmode" => self.tls = TlsMode::parse(&value)?,
                "sslrootcert" => self.root = (value != "system").then(|| PathBuf::from(&*value)),
                "sslcert" => certificate = Some(PathBuf::from(&*value)),
                "sslkey" => key = Some(PathBuf::from(&*value)),
                "application_name" => self.application = value.into_owned(),
                "connect_timeout" => self.connect_timeout = Duration::from_secs(number(3600)?),
                _ => {
                    return Err(BadUrl(format!("has the parameter {name:?}, which is none of {PARAMETERS}")));
                }
            }
        }
        self.identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(BadUrl("has one of sslcert and sslkey without the other".to_owned())),
        };
        Ok(())
    }

    /// The server, as people know it.
    pub fn server(&self) -> String {
        match &self.host {
            Host::Tcp(host) if host.contains(':') => format!("[{host}]:{}", self.port),
            Host::Tcp(host) => format!("{host}:{}", self.port),
            Host::Unix(folder) => self.socket(folder).display().to_string(),
        }
    }

    /// The socket in a folder.
    pub fn socket(&self, folder: &std::path::Path) -> PathBuf {
        folder.join(format!(".s.PGSQL.{}", self.port))
    }
}

impl TlsMode {
    fn parse(text: &str) -> Result<Self, BadUrl> {
        Ok(match text {
            "disable" => Self::Disable,
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                let modes = "disable, prefer, require, verify-ca, verify-full";
                return Err(BadUrl(format!("has the sslmode {text:?}, which is none of {modes}")));
            }
        })
    }
}

fn decoded(text: &str, what: &str) -> Result<String, BadUrl> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(Into::into).map_err(|_| BadUrl(format!("has a {what} that is not UTF-8")))
}

fn host_of(text: &str) -> Result<Host, BadUrl> {
    if text.contains(',') {
        return Err(BadUrl("names several hosts; one is listened to".to_owned()));
    }
    if text.starts_with('/') {
        return Ok(Host::Unix(PathBuf::from(text)));
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    Ok(Host::Tcp(bare.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn what_is_percent_encoded_is_read() {
        let address =
            Address::parse("postgresql://a%40b:p%3A%2F%25@db.example:6000/caf%C3%A9?sslmode=verify-full")
                .unwrap();
        assert_eq!((address.user.as_str(), address.database.as_str()), ("a@b", "café"));
        assert_eq!(address.password.unwrap().expose_secret(), "p:/%");
        assert_eq!((address.host, address.port), (Host::Tcp("db.example".to_owned()), 6000));
        assert_eq!(address.tls, TlsMode::VerifyFull);
    }

    #[test]
    fn sockets_and_addresses_of_version_six_are_hosts() {
        for url in ["postgres://u@%2Ftmp%2Fpg/d", "postgres:///d?host=/tmp/pg&user=u"] {
            assert_eq!(Address::parse(url).unwrap().server(), "/tmp/pg/.s.PGSQL.5432", "{url}");
        }
        let address = Address::parse("postgres://u@[::1]:6000").unwrap();
        assert_eq!((address.server(), address.database), ("[::1]:6000".to_owned(), "u".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_named_and_the_password_is_not() {
        for (url, wrong) in [
            ("postgres://u:hush@h/d?sslmod=require", "sslmod"),
            ("postgres://u:hush@h/d?sslmode=verify", "verify-ca"),
            ("postgres://:hush@h/d", "no user"),
            ("mysql://u:hush@h/d", "mysql"),
            ("postgres://u:hush@h:99999/d", "port"),
            ("postgres://u:hush@a,b/d", "several hosts"),
            ("postgres://u:hush@h/d?connect_timeout=soon", "connect_timeout"),
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(error.contains(wrong) && !error.contains("hush"), "{url}: {error}");
        }
        let address = Address::parse("postgres://u:hush@h/d").unwrap();
        assert!(!format!("{address:?}").contains("hush"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(postgres://)?[ -~]{0,60}") {
            let _either_way = Address::parse(&text);
        }
    }
}
