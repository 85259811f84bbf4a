//! Whether the settings fit this machine: files, ports, and what the system allows.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use super::Config;
use super::finding::Findings;
use super::key::Key;
use crate::tls::Terms;

/// Looks at the machine; nothing is started, made or changed.
pub(super) fn fits(config: &Config, findings: &mut Findings<'_>) {
    libraries(config, findings);
    data(&config.data.dir, findings);
    audit(&config.audit.file, findings);
    certificates(config, findings);
    ports(config, findings);
    descriptors(config, findings);
    cores(config, findings);
}

fn libraries(config: &Config, findings: &mut Findings<'_>) {
    let enabled = config.plugins.instances.iter().filter(|(_, instance)| instance.enabled);
    for (name, instance) in enabled {
        let key = Key::of("plugins").then(name);
        let places = config.plugins.candidates(name, instance);
        match places.iter().find(|place| place.is_file()) {
            Some(library) => {
                if let Err(error) = fs::File::open(library) {
                    findings.error(key, format!("{} cannot be read: {error}", library.display()));
                }
            }
            None => {
                let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
                findings.error(key, format!("its library is not there; looked for {}", places.join(", ")));
            }
        }
    }
}

/// The directory is made at start where it is missing, so what counts is the nearest one that is there.
fn data(dir: &Path, findings: &mut Findings<'_>) {
    let key = Key::of("data").then("dir");
    let Some(there) = dir
        .ancestors()
        .map(|dir| if dir.as_os_str().is_empty() { Path::new(".") } else { dir })
        .find(|dir| dir.exists())
    else {
        return findings.error(key, format!("{} can not be made", dir.display()));
    };
    if !there.is_dir() {
        findings.error(key, format!("{} is not a directory", there.display()));
    } else if let Err(error) =
        rustix::fs::access(there, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
    {
        findings.error(key, format!("{} cannot be written to: {error}", there.display()));
    }
}

/// The audit log is made at start where it is missing; the directory is not.
fn audit(file: &Path, findings: &mut Findings<'_>) {
    let key = Key::of("audit").then("file");
    let written = |path: &Path, access| rustix::fs::access(path, access);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fits = match () {
        () if file.as_os_str().is_empty() => return,
        () if file.exists() => written(file, rustix::fs::Access::WRITE_OK),
        () => written(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK),
    };
    if let Err(error) = fits {
        findings.error(key, format!("{} cannot be written: {error}", file.display()));
    }
}

/// What would keep a listener from speaking TLS, and what is risky about it.
fn certificates(config: &Config, findings: &mut Findings<'_>) {
    for (i, listener) in config.listener.iter().enumerate() {
        let key = Key::of("listener").at(i).then("tls");
        let Some(settings) = listener.tls_settings().filter(|_| !findings.has_error(&key)) else { continue };
        match Terms::load(&settings) {
            Ok(terms) => terms.warnings.into_iter().for_each(|warning| findings.warn(key.clone(), warning)),
            Err(error) => findings.error(key, error.to_string()),
        }
    }
}

fn ports(config: &Config, findings: &mut Findings<'_>) {
    for (i, listener) in config.listener.iter().enumerate() {
        let key = Key::of("listener").at(i).then("address");
        let Err(error) = TcpListener::bind(listener.address) else { continue };
        match error.kind() {
            ErrorKind::AddrInUse => findings.warn(key, format!("{} is in use now", listener.address)),
            _ => findings.error(key, format!("{} cannot be listened on: {error}", listener.address)),
        }
    }
}

/// How many descriptors the gateway has open besides its connections, generously.
const OTHER_DESCRIPTORS: u64 = 64;

fn descriptors(config: &Config, findings: &mut Findings<'_>) {
    if let Some(message) = too_few_files(config.limits.connections) {
        findings.warn(Key::of("limits").then("connections"), message);
    }
}

/// Why this machine does not allow so many connections, where it does not.
pub fn too_few_files(connections: u32) -> Option<String> {
    let most = getrlimit(Resource::Nofile).maximum?;
    let wanted = u64::from(connections);
    (wanted + OTHER_DESCRIPTORS > most).then(|| {
        format!(
            "{wanted} is more than this machine allows: a process may have {most} files and connections open \
             (ulimit -Hn)"
        )
    })
}

fn cores(config: &Config, findings: &mut Findings<'_>) {
    let Ok(cores) = std::thread::available_parallelism() else { return };
    if usize::from(config.shards) > cores.get() {
        let message = format!(
            "{} is more than this machine has cores ({cores}): shards would wait for each other",
            config.shards
        );
        findings.warn(Key::of("shards"), message);
    }
}
