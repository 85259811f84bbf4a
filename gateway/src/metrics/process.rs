//! What the kernel says of the process.

use std::fs;

use super::family::{Family, Kind};

/// CPU time, memory and open files; what cannot be read is left out.
pub(super) fn families() -> Vec<Family> {
    let page_size = rustix::param::page_size() as f64;
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let cpu = cpu_ticks().map(|spent| {
        Family::new(Kind::Counter, "tidegate_process_cpu_seconds", "User and system time of the process.")
            .with([], spent / ticks)
    });
    let memory = resident_pages().map(|pages| {
        Family::gauge("tidegate_process_resident_memory_bytes", "Resident memory.", pages * page_size)
    });
    let files = open_files()
        .map(|files| Family::gauge("tidegate_process_open_fds", "Open file descriptors.", files as f64));
    [cpu, memory, files].into_iter().flatten().collect()
}

/// Behind the command's name, which may hold spaces: user and system time are fields 14 and 15.
fn cpu_ticks() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some(next()? + next()?)
}

fn resident_pages() -> Option<f64> {
    fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().nth(1)?.parse().ok()
}

/// Since Linux 6.2 the folder's size says how many there are; before it says 0, and they are counted, which takes
/// milliseconds where there are ten thousand.
fn open_files() -> Option<u64> {
    let folder = "/proc/self/fd";
    match fs::metadata(folder).ok()?.len() {
        0 => Some(fs::read_dir(folder).ok()?.count() as u64),
        files => Some(files),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_all_three() {
        let names: Vec<_> = families().into_iter().map(|family| family.name).collect();
        let expected = ["cpu_seconds", "resident_memory_bytes", "open_fds"];
        assert_eq!(names, expected.map(|name| format!("tidegate_process_{name}")));
        assert!(open_files().unwrap() >= 3);
    }
}
