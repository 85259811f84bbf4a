//! `Host`, and what it is compared with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{Request, header};

/// A host with its port, as `Host` and `Origin` name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host<'a> {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub name: &'a str,
    /// None where it is the scheme's own.
    pub port: Option<u16>,
}

impl<'a> Host<'a> {
    /// Reads `name[:port]`; `None` where it is malformed. Stricter than RFC 3986: no percent-encoding and no
    /// `!$&'()*+,;=`, which no host that can be connected to has.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, _) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                let (name, port) = text.split_at(address.len() + 2);
                (name, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
            }
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~');
        if name.is_empty() || !(name.starts_with('[') || name.bytes().all(plain)) {
            return None;
        }
        let port = match port {
            None | Some("") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { name, port })
    }

    /// The host that a request is for; where it names two, hygiene has refused it.
    pub fn of<B>(request: &'a Request<B>) -> Option<Self> {
        let authority = request.uri().authority().map(|authority| authority.as_str());
        let host = || request.headers().get(header::HOST)?.to_str().ok();
        Self::parse(authority.or_else(host)?)
    }

    /// Whether it names this machine's own loopback: nothing that DNS could point elsewhere.
    pub fn is_loopback(&self) -> bool {
        let name = self.name.strip_suffix('.').unwrap_or(self.name);
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<Ipv4Addr>().is_ok_and(|a| a.is_loopback())
            || name
                .strip_prefix('[')
                .and_then(|n| n.strip_suffix(']')?.parse::<Ipv6Addr>().ok())
                .is_some_and(|a| IpAddr::V6(a).to_canonical().is_loopback())
    }

    /// Whether both are the same place where `default` is the scheme's port.
    pub fn same(&self, other: &Host<'_>, default: u16) -> bool {
        self.name.eq_ignore_ascii_case(other.name)
            && self.port.unwrap_or(default) == other.port.unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_and_malformed_ones_refused() {
        assert_eq!(Host::parse("a.example:80"), Some(Host { name: "a.example", port: Some(80) }));
        assert_eq!(Host::parse("[::1]:9"), Some(Host { name: "[::1]", port: Some(9) }));
        assert_eq!(Host::parse("a:"), Some(Host { name: "a", port: None }));
        for bad in [
            "", ":80", "a b", "a/b", "u@a", "a:x", "a:99999", "a:1:2", "::1", "[::1", "[::1]x", "[x]", "a,b",
            "é",
        ] {
            assert_eq!(Host::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn loopback_is_what_dns_cannot_move() {
        for host in
            ["localhost", "LocalHost:80", "127.0.0.1", "127.9.9.9:1", "[::1]:80", "[::ffff:127.0.0.1]"]
        {
            assert!(Host::parse(host).unwrap().is_loopback(), "{host}");
        }
        for host in ["localhost.example", "128.0.0.1", "127.0.0.1.example", "[::2]", "0x7f000001"] {
            assert!(!Host::parse(host).unwrap().is_loopback(), "{host}");
        }
    }
}
