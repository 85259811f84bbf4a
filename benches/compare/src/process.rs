//! What processes have used, by their clocks and `/proc`.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The processor time of a process, its own and the kernel's for it, to the nanosecond: of all threads, those that have
/// ended too.
///
/// # Errors
/// Where there is no such process.
#[allow(unsafe_code, reason = "rustix knows no clocks of other processes")]
pub fn cpu(pid: u32) -> io::Result<Duration> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    if pid == 0 {
        return Err(io::ErrorKind::NotFound.into()); // to the kernel, that is who asks
    }
    let mut clock = 0;
    // SAFETY: `clock` is one, and nobody else's, for the time of the call.
    let failed = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if failed != 0 {
        return Err(io::Error::from_raw_os_error(failed));
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: as above, of `time`.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let part = |number: i64| u64::try_from(number).unwrap_or_default(); // neither is negative
    Ok(Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec)))
}

/// The bytes of memory that a process has at this moment.
///
/// # Errors
/// Where there is no such process.
pub fn resident(pid: u32) -> io::Result<u64> {
    status(pid, "VmRSS:")
}

/// The most bytes of memory that a process has had.
///
/// # Errors
/// Where there is no such process.
pub fn peak(pid: u32) -> io::Result<u64> {
    status(pid, "VmHWM:")
}

fn status(pid: u32, name: &str) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    field(&text, name).map(|kibibytes| kibibytes * 1024).ok_or_else(|| unclear("status", &text))
}

/// A number of `/proc/PID/status`.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

fn unclear(file: &str, text: &str) -> io::Error {
    io::Error::other(format!("/proc/…/{file} holds no such figure: {text:.60}"))
}

/// The processor time of the calling thread.
pub fn own_cpu() -> Duration {
    clock(ClockId::ThreadCPUTime)
}

/// Nanoseconds of the clock that never goes back.
pub fn now() -> u64 {
    clock(ClockId::Monotonic).as_nanos() as u64
}

fn clock(id: ClockId) -> Duration {
    Duration::try_from(clock_gettime(id)).unwrap_or_default() // neither clock is negative
}

#[cfg(test)]
mod tests {
    use std::time::Duration;
    use std::{process, thread};

    use super::{cpu, field, own_cpu, peak, resident};

    #[test]
    fn a_process_is_seen_to_work_and_to_hold_memory() {
        let before = cpu(process::id()).unwrap();
        let work = || {
            let until = own_cpu() + Duration::from_millis(20);
            while own_cpu() < until {}
        };
        work();
        // What a thread has done is not lost with it.
        thread::spawn(work).join().unwrap();
        assert!(cpu(process::id()).unwrap() >= before + Duration::from_millis(40));
        let held = resident(process::id()).unwrap();
        assert!(held > 1 << 20 && peak(process::id()).unwrap() >= held / 2, "{held} bytes");
    }

    #[test]
    fn a_process_that_has_ended_has_no_figures() {
        let mut child = process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(cpu(child.id()).is_err() && resident(child.id()).is_err() && cpu(0).is_err());
    }

    #[test]
    fn a_figure_is_found_by_its_name() {
        let text = "Name:\tVmRSS: 1\nVmHWM:\t   4096 kB\nVmRSS:\t 12 kB\n";
        assert_eq!((field(text, "VmRSS:"), field(text, "VmSwap:")), (Some(12), None));
    }
}
