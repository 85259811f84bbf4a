//! What processes have used, by `/proc`.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The processor time of all threads of a process, its own and the kernel's for it, to the nanosecond. (`stat` counts
/// the same in hundredths of a second.) A thread that has ended is not in it, so that it may be less than before.
///
/// # Errors
/// Where there is no such process.
pub fn cpu(pid: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        let first = text.split(' ').next().and_then(|number| number.parse::<u64>().ok());
        nanoseconds += first.ok_or_else(|| unclear("schedstat", &text))?;
    }
    Ok(Duration::from_nanos(nanoseconds))
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
    use std::process;
    use std::time::Duration;

    use super::{cpu, field, own_cpu, peak, resident};

    #[test]
    fn a_process_is_seen_to_work_and_to_hold_memory() {
        let before = cpu(process::id()).unwrap();
        let until = own_cpu() + Duration::from_millis(30);
        while own_cpu() < until {}
        // What a thread does is booked when the clock ticks.
        assert!(cpu(process::id()).unwrap() >= before + Duration::from_millis(15));
        let held = resident(process::id()).unwrap();
        assert!(held > 1 << 20 && peak(process::id()).unwrap() >= held / 2, "{held} bytes");
        assert!(cpu(0).is_err());
    }

    #[test]
    fn a_figure_is_found_by_its_name() {
        let text = "Name:\tVmRSS: 1\nVmHWM:\t   4096 kB\nVmRSS:\t 12 kB\n";
        assert_eq!((field(text, "VmRSS:"), field(text, "VmSwap:")), (Some(12), None));
    }
}
