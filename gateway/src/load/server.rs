//! What the kernel tells of the gateway's processes, where they are on this machine.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

mod cpu;

/// The gateway's processes.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pids: Vec<u32>,
}

/// Whether there is such a process.
pub(super) fn is_there(pid: u32) -> bool {
    cpu::taken(pid).is_some()
}

/// A look at them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Processor time so far, user and system.
    pub(super) cpu: Duration,
    /// Resident memory, bytes.
    pub(super) resident: u64,
}

impl Server {
    /// The processes that are given or, where none are, those that listen at `address`, as far as `/proc` tells.
    pub(super) fn find(given: &[u32], address: SocketAddr) -> Option<Self> {
        let pids = match given {
            [] if address.ip().to_canonical().is_loopback() => listeners(address),
            given => given.to_vec(),
        };
        (!pids.is_empty()).then_some(Self { pids })
    }

    /// Their numbers.
    pub(super) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// What they are called, as far as they are still there.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).ok();
        let plain = |name: String| name.chars().filter(|c| !c.is_control()).collect();
        self.pids.iter().filter_map(name).map(plain).collect()
    }

    /// What they have taken; none where one of them is gone.
    pub(super) fn look(&self) -> Option<Look> {
        let page = rustix::param::page_size() as u64;
        let mut look = Look { cpu: Duration::ZERO, resident: 0 };
        for pid in &self.pids {
            look.cpu += cpu::taken(*pid)?;
            let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
            look.resident += statm.split(' ').nth(1)?.parse::<u64>().ok()? * page;
        }
        Some(look)
    }
}

/// The processes that have a socket which listens at this address. A service manager that has handed its socket on has it,
/// too: it is none of them where others are.
fn listeners(address: SocketAddr) -> Vec<u32> {
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let names = names_of(address);
    let sockets: BTreeSet<String> = tables
        .iter()
        .flat_map(|table| table.lines().skip(1).filter_map(|line| listening(line, &names)))
        .collect();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut pids: Vec<u32> = pids.filter(|pid| holds(*pid, &sockets)).collect();
    if pids.len() > 1 {
        pids.retain(|pid| *pid != 1);
    }
    pids
}

/// What the tables call sockets at which a connection to this address arrives: its own, and those of all addresses.
fn names_of(address: SocketAddr) -> Vec<String> {
    let name = |octets: &[u8]| -> String {
        let words =
            octets.chunks_exact(4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        words.map(|word| format!("{word:08X}")).chain([format!(":{:04X}", address.port())]).collect()
    };
    match address.ip() {
        IpAddr::V4(ip) => {
            vec![name(&ip.octets()), name(&[0; 4]), name(&ip.to_ipv6_mapped().octets()), name(&[0; 16])]
        }
        IpAddr::V6(ip) => vec![name(&ip.octets()), name(&[0; 16])],
    }
}

/// What a line of the table calls its socket in `/proc/*/fd`, where it listens at one of these.
fn listening(line: &str, names: &[String]) -> Option<String> {
    const LISTENS: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let is_it = names.iter().any(|name| fields.get(1) == Some(&name.as_str()));
    (is_it && *fields.get(3)? == LISTENS).then_some(format!("socket:[{}]", fields.get(9)?))
}

fn holds(pid: u32, sockets: &BTreeSet<String>) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = files.filter_map(|file| fs::read_link(file.path()).ok());
    links.into_iter().any(|link| link.to_str().is_some_and(|link| sockets.contains(link)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn who_listens_is_found_and_looked_at() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server::find(&[], listener.local_addr().unwrap()).unwrap();
        assert_eq!(server.pids(), [std::process::id()]);
        assert!(server.look().unwrap().resident > 100_000);
        let nowhere = "192.0.2.1:80".parse().unwrap();
        assert!(Server::find(&[], nowhere).is_none(), "another machine's processes are not here");
        assert_eq!(Server::find(&[1], nowhere).unwrap().pids(), [1]);
    }

    #[test]
    fn who_listens_at_the_same_port_of_another_address_is_another() {
        let listener = TcpListener::bind("127.0.0.2:0").unwrap();
        let mut address = listener.local_addr().unwrap();
        assert!(Server::find(&[], address).is_some());
        address.set_ip([127, 0, 0, 3].into());
        assert!(Server::find(&[], address).is_none());
        let line = |local: &str| {
            format!("0: {local} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77")
        };
        let names = names_of("127.0.0.3:8080".parse().unwrap());
        let loopback = format!("{:08X}:1F90", u32::from_ne_bytes([127, 0, 0, 3]));
        for own in [&*loopback, "00000000:1F90", "00000000000000000000000000000000:1F90"] {
            assert_eq!(listening(&line(own), &names).unwrap(), "socket:[77]", "{own}");
        }
        assert_eq!(listening(&line("00000000:1F91"), &names), None);
    }
}
