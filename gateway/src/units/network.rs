//! A range of IP addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses in CIDR notation: `"127.0.0.0/8"`, `"::1/128"`; a bare address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many leading bits are the same in all addresses of the range.
    prefix: u8,
}

impl Network {
    /// The range of the addresses whose first `prefix` bits are those of `address`, or none where an address has
    /// fewer bits.
    pub const fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        if prefix > width(address) { None } else { Some(Self { address, prefix }) }
    }

    /// Whether all addresses of a family lie in it.
    pub const fn is_everything(&self) -> bool {
        self.prefix == 0
    }

    /// Whether `address` lies in the range. An IPv4 address that arrives in IPv6 form (`::ffff:127.0.0.1`) counts as
    /// IPv4: a dual-stack listener sees all of them so.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, other) = (self.address.to_canonical(), address.to_canonical());
        if width(own) != width(other) {
            return false;
        }
        let prefix = self.prefix.saturating_sub(width(self.address) - width(own));
        let ignored = u32::from(128 - prefix);
        let differing = left_aligned(own) ^ left_aligned(other);
        differing.checked_shr(ignored).unwrap_or(0) == 0
    }
}

/// Who an address stands for: an IPv6 host has a whole /64.
pub fn party(address: IpAddr) -> IpAddr {
    masked(address, 32, 64)
}

/// The network that is likely one customer's: a /24 of IPv4, a /48 of IPv6.
pub fn subnet(address: IpAddr) -> IpAddr {
    masked(address, 24, 48)
}

fn masked(address: IpAddr, v4_bits: u32, v6_bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << (32 - v4_bits))).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - v6_bits))).into(),
    }
}

/// How many bits the address has.
const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address's bits from the top of a 128-bit number, so that both families compare alike.
fn left_aligned(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |why: &str| format!("{text:?} is not a network such as \"10.0.0.0/8\": {why}");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refused("no IP address before the slash"))?;
        let prefix = match prefix {
            Some(bits) => bits.parse().map_err(|_| refused("no number of bits after the slash"))?,
            None => width(address),
        };
        Self::new(address, prefix).ok_or_else(|| refused(&format!("an address has {} bits", width(address))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_holds_the_addresses_of_its_prefix_alone() {
        assert!(holds("127.0.0.0/8", "127.255.1.2"));
        assert!(!holds("127.0.0.0/8", "128.0.0.1"));
        assert!(holds("::1/128", "::1"));
        assert!(!holds("::1/128", "::2"));
        assert!(holds("0.0.0.0/0", "8.8.8.8"));
        assert!(!holds("0.0.0.0/0", "2001:db8::1"), "families are apart");
        assert!(holds("::/0", "2001:db8::1"));
        assert!(holds("10.1.2.3", "10.1.2.3") && !holds("10.1.2.3", "10.1.2.4"));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_ipv4() {
        assert!(holds("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert!(holds("::ffff:10.0.0.0/104", "10.9.9.9"));
        assert!(!holds("::ffff:10.0.0.0/104", "11.9.9.9"));
    }

    #[test]
    fn a_network_that_cannot_be_is_refused() {
        for text in ["10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "localhost", ""] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_and_a_network_are_known_by_their_first_bits() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(party(ip("10.1.2.3")), ip("10.1.2.3"));
        assert_eq!(party(ip("::ffff:10.1.2.3")), ip("10.1.2.3"));
        assert_eq!(party(ip("2001:db8:1:2:3::4")), ip("2001:db8:1:2::"));
        assert_eq!(subnet(ip("10.1.2.3")), ip("10.1.2.0"));
        assert_eq!(subnet(ip("2001:db8:1:2:3::4")), ip("2001:db8:1::"));
    }
}
