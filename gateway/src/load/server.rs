//! What the kernel tells of the gateway's processes, where they are on this machine.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

/// The gateway's processes.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pids: Vec<u32>,
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
            [] if address.ip().is_loopback() => listeners(address.port()),
            given => given.to_vec(),
        };
        (!pids.is_empty()).then_some(Self { pids })
    }

    /// Their numbers.
    pub(super) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// What they have taken; none where one of them is gone.
    pub(super) fn look(&self) -> Option<Look> {
        let (tick, page) = (rustix::param::clock_ticks_per_second(), rustix::param::page_size() as u64);
        let mut look = Look { cpu: Duration::ZERO, resident: 0 };
        for pid in &self.pids {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            look.cpu += Duration::from_secs_f64(ticks(&stat)? as f64 / tick as f64);
            let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
            look.resident += statm.split(' ').nth(1)?.parse::<u64>().ok()? * page;
        }
        Some(look)
    }
}

/// Behind the command's name, which may hold anything: user and system time are fields 14 and 15.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// The processes that have a socket which listens at this port.
fn listeners(port: u16) -> Vec<u32> {
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let sockets: BTreeSet<String> = tables
        .iter()
        .flat_map(|table| table.lines().skip(1).filter_map(|line| listening(line, port)))
        .collect();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| holds(*pid, &sockets)).collect()
}

/// What a line of the table calls its socket in `/proc/*/fd`, where it listens at this port.
fn listening(line: &str, port: u16) -> Option<String> {
    const LISTENS: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let local = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()?;
    (local == port && *fields.get(3)? == LISTENS).then_some(format!("socket:[{}]", fields.get(9)?))
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
    fn a_commands_name_may_hold_anything() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 31 11 0 0 20 0 4 0 100 0 0";
        assert_eq!(ticks(stat), Some(42));
    }
}
