//! What proxies say of a request: `Forwarded` (RFC 7239), or `X-Forwarded-For` and `X-Forwarded-Proto`. Each
//! proxy writes behind what it was given, so they are read from the right, up to the first address that is not a
//! proxy's own: further to the left stands what anybody may have made up, and nobody looks at it. `X-Forwarded-Host`
//! is not read at all: which host a request is for, `Host` says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderName, header};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Proxies that a request may have come through, so that a long list costs little.
const MOST: usize = 32;

/// What proxies say; nothing where they say nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The client's address.
    pub(super) address: Option<IpAddr>,
    /// Whether the client's request was under TLS.
    pub(super) secure: Option<bool>,
}

/// What is said in a way that cannot be used: malformed, or by two headers differently. One of these a proxy may have
/// passed on that it knows nothing of, so that neither is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unusable;

/// A client or proxy, as the proxy that it came to describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hop {
    address: IpAddr,
    secure: Option<bool>,
}

/// Reads what is said by proxies, which are those that are `trusted`.
pub(super) fn read(headers: &HeaderMap, trusted: impl Fn(IpAddr) -> bool) -> Result<Said, Unusable> {
    let standard = client(elements(headers, &header::FORWARDED), element, &trusted)?;
    let bare = |text: &str| Some(Hop { address: node(text)?, secure: None });
    let usual = client(elements(headers, &X_FORWARDED_FOR), bare, &trusted)?;
    if let (Some(standard), Some(usual)) = (standard, usual)
        && standard.address != usual.address
    {
        return Err(Unusable);
    }
    let secure = standard.and_then(|hop| hop.secure).or_else(|| scheme(only(headers, &X_FORWARDED_PROTO)?));
    Ok(Said { address: standard.or(usual).map(|hop| hop.address), secure })
}

/// The elements of a list, the last first; `None` for text that is not ASCII.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Option<&'a str>> {
    let lines = headers.get_all(name).iter().rev();
    let parts = lines.flat_map(|line| line.as_bytes().rsplit(|b| *b == b','));
    parts.map(|part| std::str::from_utf8(part).ok().map(str::trim)).filter(|part| *part != Some(""))
}

/// The first that is not trusted, or the last of those that are.
fn client<'a>(
    elements: impl Iterator<Item = Option<&'a str>>,
    read: impl Fn(&str) -> Option<Hop>,
    trusted: impl Fn(IpAddr) -> bool,
) -> Result<Option<Hop>, Unusable> {
    let mut found = None;
    for (number, element) in elements.enumerate() {
        let hop = element.filter(|_| number < MOST).and_then(&read).ok_or(Unusable)?;
        found = Some(hop);
        if !trusted(hop.address) {
            break;
        }
    }
    Ok(found)
}

/// An element of `Forwarded`: `for=192.0.2.1;proto=https`, its other parameters well-formed. One that holds a comma in
/// quotes was cut there, and is malformed: it names no address.
fn element(text: &str) -> Option<Hop> {
    let (mut address, mut proto) = (None, None);
    for pair in text.split(';') {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), unquoted(value.trim())?);
        let place = match name {
            _ if name.eq_ignore_ascii_case("for") => &mut address,
            _ if name.eq_ignore_ascii_case("proto") => &mut proto,
            _ if name.is_empty() => return None,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return None;
        }
    }
    Some(Hop { address: node(address?)?, secure: scheme(proto.unwrap_or_default()) })
}

/// The text in quotes, or the whole where there are none. Nothing that is read here needs an escape.
fn unquoted(value: &str) -> Option<&str> {
    let inner = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => value,
    };
    (!inner.contains(['"', '\\'])).then_some(inner)
}

/// An address with or without a port; that of IPv6 in brackets where it has one. `unknown` and names that a
/// proxy has made up are none.
fn node(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (IpAddr::from(address.parse::<Ipv6Addr>().ok()?), port)
        }
        None => {
            let end = text.find(':')?;
            (IpAddr::from(text[..end].parse::<Ipv4Addr>().ok()?), &text[end..])
        }
    };
    let is_port = |port: &str| port.strip_prefix(':').is_some_and(|port| (1..=5).contains(&port.len()));
    (port.is_empty() || is_port(port)).then(|| address.to_canonical())
}

fn scheme(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("https") || text.eq_ignore_ascii_case("wss") => Some(true),
        _ if text.eq_ignore_ascii_case("http") || text.eq_ignore_ascii_case("ws") => Some(false),
        _ => None,
    }
}

/// A header that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| value.trim())
}

#[cfg(test)]
mod tests;
