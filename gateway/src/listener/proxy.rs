//! The header of the PROXY protocol, versions 1 and 2, by which a balancer that passes bytes on says whose they are
//! (haproxy.org, proxy-protocol.txt). It is the very first on a connection, before TLS, and not a byte behind
//! it is read.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use tokio::io::{AsyncReadExt, copy, sink};
use tokio::net::TcpStream;

/// What version 2 begins with: no protocol that is in use does.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// What version 1 begins with.
const PREFIX: &[u8] = b"PROXY ";
/// Bytes of a line of version 1 at most, its end included.
const LINE: usize = 107;
/// Bytes of the fixed part of version 2 behind its signature.
const FIXED: usize = 4;
/// Bytes of version 2's addresses at most, of those that are looked at: two of IPv6, and two ports.
const ADDRESSES: usize = 36;

/// Why a connection that should begin with the header is closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Bad {
    /// It begins with something else.
    #[error("no PROXY header comes first")]
    Missing,
    /// The header is none that the protocol knows.
    #[error("the PROXY header is malformed: {0}")]
    Malformed(&'static str),
    /// The connection broke.
    #[error("the PROXY header did not come: {0}")]
    Broken(#[from] io::Error),
}

/// Reads the header off a stream, and nothing else. Answers the client's address, or none where the header says that
/// the balancer speaks for itself, or names what is no address of IP.
pub(super) async fn read(stream: &mut TcpStream) -> Result<Option<SocketAddr>, Bad> {
    // Both versions are longer than this, so that nothing else is taken.
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        return read_binary(stream).await;
    }
    if start.starts_with(PREFIX) { read_line(stream, &start).await } else { Err(Bad::Missing) }
}

/// Reads the rest of a line: looks ahead for its end, and takes no more than up to there.
async fn read_line(stream: &mut TcpStream, start: &[u8]) -> Result<Option<SocketAddr>, Bad> {
    let (mut line, mut length) = ([0; LINE], start.len());
    line[..length].copy_from_slice(start);
    while line[length - 1] != b'\n' {
        if length == LINE {
            return Err(Bad::Malformed("the line is longer than 107 bytes"));
        }
        let ahead = stream.peek(&mut line[length..]).await?;
        if ahead == 0 {
            return Err(Bad::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        let there = &line[length..length + ahead];
        let taken = there.iter().position(|b| *b == b'\n').map_or(ahead, |end| end + 1);
        stream.read_exact(&mut line[length..length + taken]).await?;
        length += taken;
    }
    text(&line[..length])
}

/// Reads what is behind the signature. What follows the addresses is skipped: at most the 64 KiB that its
/// length can say, and none of it is kept.
async fn read_binary(stream: &mut TcpStream) -> Result<Option<SocketAddr>, Bad> {
    let mut fixed = [0; FIXED];
    stream.read_exact(&mut fixed).await?;
    let kind = Kind::of(fixed)?;
    let length = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    let mut addresses = [0; ADDRESSES];
    let addresses = &mut addresses[..length.min(ADDRESSES)];
    stream.read_exact(addresses).await?;
    let rest = (length - addresses.len()) as u64;
    if copy(&mut stream.take(rest), &mut sink()).await? < rest {
        return Err(Bad::Broken(io::ErrorKind::UnexpectedEof.into()));
    }
    kind.source(addresses)
}

/// The source that a whole line names.
fn text(line: &[u8]) -> Result<Option<SocketAddr>, Bad> {
    let line = line.strip_suffix(b"\r\n").ok_or(Bad::Malformed("the line does not end with CR and LF"))?;
    let line = line.strip_prefix(PREFIX).ok_or(Bad::Missing)?;
    if line == b"UNKNOWN" || line.starts_with(b"UNKNOWN ") {
        return Ok(None); // whatever else it says is to be ignored
    }
    let line = std::str::from_utf8(line).map_err(|_| Bad::Malformed("the line is not ASCII"))?;
    let parts: Vec<&str> = line.split(' ').collect();
    let [family, source, destination, from, to] = parts[..] else {
        return Err(Bad::Malformed("a line has a family, two addresses and two ports"));
    };
    let (source, _) = match family {
        "TCP4" => both::<Ipv4Addr>(source, destination),
        "TCP6" => both::<Ipv6Addr>(source, destination),
        _ => return Err(Bad::Malformed("the family is none of TCP4, TCP6 and UNKNOWN")),
    }
    .ok_or(Bad::Malformed("an address is none of its family"))?;
    let (port, _) = port(from).zip(port(to)).ok_or(Bad::Malformed("a port is none"))?;
    Ok(Some(SocketAddr::new(source, port)))
}

fn both<A: FromStr + Into<IpAddr>>(source: &str, destination: &str) -> Option<(IpAddr, IpAddr)> {
    Some((source.parse::<A>().ok()?.into(), destination.parse::<A>().ok()?.into()))
}

/// Digits alone, without zeros in front.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// What the fixed part of version 2 announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The balancer itself speaks, as for a look at whether we are well; or what it passes on has no address of IP.
    NoAddress,
    /// TCP over IPv4.
    V4,
    /// TCP over IPv6.
    V6,
}

impl Kind {
    fn of(fixed: [u8; FIXED]) -> Result<Self, Bad> {
        match (fixed[0], fixed[1]) {
            (0x20, _) => Ok(Self::NoAddress),
            (0x21, 0x11) => Ok(Self::V4),
            (0x21, 0x21) => Ok(Self::V6),
            (0x21, other) if other >> 4 <= 3 && other & 0xf <= 2 => Ok(Self::NoAddress),
            (0x21, _) => Err(Bad::Malformed("there is no such family or transport")),
            (other, _) if other >> 4 != 2 => Err(Bad::Malformed("there is no such version")),
            _ => Err(Bad::Malformed("there is no such command")),
        }
    }

    /// The source in the addresses: it comes first of both, and its port behind them.
    fn source(self, addresses: &[u8]) -> Result<Option<SocketAddr>, Bad> {
        let source = match self {
            Self::NoAddress => return Ok(None),
            Self::V4 => source(addresses, 8, |ip: [u8; 4]| Ipv4Addr::from(ip).into()),
            Self::V6 => source(addresses, 32, |ip: [u8; 16]| Ipv6Addr::from(ip).into()),
        };
        source.map(Some).ok_or(Bad::Malformed("it is too short for its addresses"))
    }
}

/// `ports`: where both ports begin.
fn source<const N: usize>(bytes: &[u8], ports: usize, ip: fn([u8; N]) -> IpAddr) -> Option<SocketAddr> {
    let port = bytes.get(ports..ports + 4)?.first_chunk()?;
    Some(SocketAddr::new(ip(*bytes.first_chunk()?), u16::from_be_bytes(*port)))
}

#[cfg(test)]
mod tests;
