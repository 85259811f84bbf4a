//! The clock of another process' processor time.
#![allow(unsafe_code, reason = "asks the C library, as nothing safe names another process' clock")]

use std::time::Duration;

/// Linux' processes have numbers below this. Larger ones would be taken for other processes', and 0 for this one's.
const MOST: u32 = 1 << 22;

/// What a process has taken so far, user and system, with its threads that have ended; nanoseconds are told apart. None
/// where there is no such process.
pub(super) fn taken(pid: u32) -> Option<Duration> {
    if !(1..MOST).contains(&pid) {
        return None;
    }
    let mut clock: libc::clockid_t = 0;
    // SAFETY: it takes any number, and writes one value where `clock` is.
    let found = unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock) } == 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it takes any clock's number, and writes one value where `time` is.
    let read = found && unsafe { libc::clock_gettime(clock, &mut time) } == 0;
    read.then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_have_ended_count_and_who_is_gone_has_no_clock() {
        let own = std::process::id();
        let before = taken(own).unwrap();
        let burn = || while crate::load::clock::thread_cpu() < 20_000_000 {};
        std::thread::spawn(burn).join().unwrap();
        assert!(taken(own).unwrap() - before >= Duration::from_millis(20));
        assert_eq!([0, MOST, u32::MAX >> 1, u32::MAX].map(taken), [None; 4]);
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        assert_eq!(taken(gone.id()), None);
    }
}
