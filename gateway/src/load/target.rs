//! Where a run goes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use http::Uri;

/// Connections from one address: a few thousand below what the kernel has ports for by default (28,232), as ports of
/// connections that were closed are not free at once.
const PER_SOURCE: u32 = 25_000;

/// Why a URL is no target.
#[derive(Debug, thiserror::Error)]
pub enum BadTarget {
    /// Not a URL of WebSocket's.
    #[error("'{0}' is no URL such as ws://127.0.0.1:8080/ws, or wss:// for TLS")]
    Url(String),
    /// The name means nothing.
    #[error("{host} cannot be found: {reason}")]
    Unknown {
        /// The host.
        host: String,
        /// What the system says.
        reason: String,
    },
    /// Another machine, or this one by an address that others reach it by.
    #[error(
        "{host} ({address}) is not a loopback address of this machine. A load test takes what it gets of both machines and of the network \
         between, and of a gateway that serves others it takes that from them: --allow-remote says that this is meant"
    )]
    Remote {
        /// The host.
        host: String,
        /// What it means.
        address: IpAddr,
    },
}

/// A gateway's endpoint.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where else it may, as a name may mean several addresses.
    pub others: Vec<SocketAddr>,
    /// The host as the URL has it, without brackets.
    pub host: String,
    /// Host and port, for the request.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// Whether TLS is spoken.
    pub secure: bool,
}

impl Target {
    /// Reads a URL, whose path is `path` where it has none, and finds its host.
    ///
    /// # Errors
    /// [`BadTarget`]; another machine, unless that is allowed.
    pub fn find(url: &str, path: &str, allow_remote: bool) -> Result<Self, BadTarget> {
        let bad = || BadTarget::Url(url.split('?').next().unwrap_or(url).to_owned());
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let secure = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(bad()),
        };
        let authority =
            uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(bad)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let unknown = |reason: String| BadTarget::Unknown { host: host.clone(), reason };
        let found = (&*host, port).to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
        let found: Vec<SocketAddr> = found.collect();
        let (address, others) = found.split_first().ok_or_else(|| unknown("it has no address".into()))?;
        if let Some(remote) = found.iter().find(|found| !found.ip().to_canonical().is_loopback())
            && !allow_remote
        {
            return Err(BadTarget::Remote { host, address: remote.ip() });
        }
        let path = match uri.path_and_query() {
            Some(given) if given.path() != "/" || given.query().is_some() => given.as_str(),
            _ => path,
        };
        Ok(Self {
            address: *address,
            others: others.to_vec(),
            authority: authority.to_string(),
            path: path.to_owned(),
            secure,
            host,
        })
    }

    /// Of several addresses takes the first that somebody listens at: `localhost` means `::1`, too, and a gateway may be at
    /// one of them alone. Where nobody does, it stays the first.
    pub(super) fn reach(&mut self, patience: Duration) {
        let listens = |address: &SocketAddr| TcpStream::connect_timeout(address, patience).is_ok();
        if !self.others.is_empty()
            && !listens(&self.address)
            && let Some(other) = self.others.iter().copied().find(listens)
        {
            self.address = other;
        }
    }

    /// Where connection number `number` comes from, where that is not the system's to choose: an address has ports for
    /// so many, and loopback has more than one address.
    pub fn source(&self, number: u32) -> Option<Ipv4Addr> {
        let further = number / PER_SOURCE;
        let IpAddr::V4(address) = self.address.ip() else { return None };
        (address.is_loopback() && further > 0)
            .then(|| Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + further))
    }
}

/// Without the query, which may hold a token.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{scheme}://{}{path}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(url: &str) -> Result<Target, BadTarget> {
        Target::find(url, "/ws", false)
    }

    #[test]
    fn a_url_without_a_path_means_the_dialects() {
        for (url, path) in [("", "/ws"), ("/", "/ws"), ("/a?token=b", "/a?token=b"), ("/?c=1", "/?c=1")] {
            let target = find(&format!("ws://127.0.0.1:8080{url}")).unwrap();
            assert_eq!((target.path.as_str(), target.address.port()), (path, 8080));
        }
        assert_eq!(find("wss://[::1]/x?token=secret").unwrap().to_string(), "wss://[::1]/x");
        assert_eq!(find("wss://[::1]/x").unwrap().address.to_string(), "[::1]:443");
    }

    #[test]
    fn what_is_no_url_of_websockets_is_refused() {
        for url in ["", "127.0.0.1:8080", "http://127.0.0.1/", "ws:///ws", "ws://me:secret@127.0.0.1/"] {
            assert!(matches!(find(url), Err(BadTarget::Url(_))), "{url}");
        }
    }

    #[test]
    fn of_several_addresses_the_first_is_taken_that_somebody_listens_at() {
        let listen = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (listener, closed) = (listen(), listen().local_addr().unwrap());
        let mut target = find("ws://127.0.0.1/").unwrap();
        (target.address, target.others) = (closed, vec![listener.local_addr().unwrap()]);
        target.reach(Duration::from_secs(5));
        assert_eq!(target.address, listener.local_addr().unwrap());
        (target.address, target.others) = (closed, vec![closed]);
        target.reach(Duration::from_secs(5));
        assert_eq!(target.address, closed, "nobody is there: as it was");
    }

    #[test]
    fn another_machine_is_refused_unless_that_is_meant() {
        assert!(matches!(find("ws://192.0.2.1/"), Err(BadTarget::Remote { .. })));
        assert!(Target::find("ws://192.0.2.1/", "/ws", true).is_ok());
    }

    #[test]
    fn more_connections_than_an_address_has_ports_come_from_further_ones() {
        let target = find("ws://127.0.0.1/").unwrap();
        assert_eq!(target.source(24_999), None);
        assert_eq!(target.source(25_000), Some(Ipv4Addr::new(127, 0, 0, 2)));
        assert_eq!(target.source(99_999), Some(Ipv4Addr::new(127, 0, 0, 4)));
        assert_eq!(find("ws://[::1]/").unwrap().source(99_999), None);
    }
}
