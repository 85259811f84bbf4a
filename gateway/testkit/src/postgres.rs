//! A PostgreSQL in processes of its own.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::Issued;
use crate::gateway::PATIENCE;

/// A PostgreSQL of the distribution on a free port of 127.0.0.1 and in a Unix socket, with a cluster of its own in a
/// temporary folder. The role `postgres` needs no password. It ends with this value.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Child>,
    port: u16,
    options: Vec<String>,
    folder: TempDir,
}

impl Postgres {
    /// One that is ready for logical replication.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with options of the server, as `max_slot_wal_keep_size=1MB`; the last of a name counts.
    pub fn start_with(options: &[&str]) -> Self {
        let folder = cluster();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut postgres = Self { process: None, port, options, folder };
        postgres.restart();
        postgres
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder with its Unix socket.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of a database, as the role `postgres`.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Runs statements in a database by `psql`; what they answer, a row a line, columns parted by `|`.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        self.try_sql(database, statements).unwrap_or_else(|error| panic!("{statements}: {error}"))
    }

    /// The same, where it may fail.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn try_sql(&self, database: &str, statements: &str) -> Result<String, String> {
        let mut command = self.client("psql", database);
        let output = command.args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-c", statements]).output().unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap().trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// A client program of PostgreSQL (`psql`, `pgbench`) that is to connect to a database.
    pub fn client(&self, program: &str, database: &str) -> Command {
        let mut command = Command::new(programs().join(program));
        let port = self.port.to_string();
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", port)
            .env("PGUSER", "postgres")
            .env("PGDATABASE", database);
        command
    }

    /// Has it speak TLS with a certificate, at its next start.
    pub fn tls(&mut self, issued: &Issued) {
        let data = self.folder().join("data");
        for (file, name) in [(&issued.certificate, "server.crt"), (&issued.key, "server.key")] {
            fs::copy(file, data.join(name)).unwrap();
            fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o600)).unwrap();
            own(&data.join(name));
        }
        self.options.push("ssl=on".to_owned());
    }

    /// Says who may connect how, in the lines of `pg_hba.conf`; the role `postgres` must be able to.
    pub fn access(&self, lines: &str) {
        let loaded = || self.try_sql("postgres", "select pg_conf_load_time()").ok();
        let before = loaded();
        fs::write(self.folder().join("data/pg_hba.conf"), lines).unwrap();
        let pid = self.process.as_ref().expect("it runs").id();
        signal(pid, Signal::HUP);
        let deadline = Instant::now() + PATIENCE;
        while loaded().is_none_or(|now| Some(now) == before) {
            assert!(Instant::now() < deadline, "PostgreSQL does not read pg_hba.conf: {}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops all its processes where they are (SIGSTOP).
    pub fn pause(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Has them go on (SIGCONT).
    pub fn go_on(&self) {
        self.signal_all(Signal::CONT);
    }

    /// Kills all its processes (SIGKILL): nothing of it is left but the files.
    pub fn kill(&mut self) {
        self.signal_all(Signal::KILL);
        if let Some(mut process) = self.process.take() {
            let _reaped = process.wait();
        }
    }

    /// Starts it again on what it has kept, and waits until it answers.
    pub fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + PATIENCE;
        self.process = Some(self.spawn());
        while self.try_sql("postgres", "select 1").is_err() {
            assert!(Instant::now() < deadline, "PostgreSQL does not get ready: {}", self.log());
            // What is left of one that was killed may hold its memory for a moment.
            if self.process.as_mut().is_some_and(|process| process.try_wait().unwrap().is_some()) {
                self.process = Some(self.spawn());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    fn spawn(&self) -> Child {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder().join("log")).unwrap();
        let mut command = as_nobody_special(&programs().join("postgres"));
        command.arg("-D").arg(self.folder().join("data")).arg("-k").arg(self.folder());
        command.args([
            "-p",
            &self.port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "wal_level=logical",
        ]);
        command.args(["-c", "max_prepared_transactions=4", "-c", "shared_buffers=32MB"]);
        for option in &self.options {
            command.args(["-c", option]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0).spawn().unwrap()
    }

    fn signal_all(&self, what: Signal) {
        let Some(process) = &self.process else { return };
        // The parent first: it is not to start another process meanwhile.
        signal(process.id(), what);
        for child in children(process.id()) {
            signal(child, what);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The folder of the newest PostgreSQL's programs.
fn programs() -> PathBuf {
    let version = |path: &Path| -> Option<u32> { path.file_name()?.to_str()?.parse().ok() };
    let installed =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    if let Some(newest) =
        installed.filter(|path| path.join("bin/initdb").exists()).max_by_key(|path| version(path))
    {
        return newest.join("bin");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    found.expect("PostgreSQL is there: scripts/test-tools installs it")
}

/// A folder with a new cluster. It is made once a process, and copied.
fn cluster() -> TempDir {
    static FIRST: OnceLock<TempDir> = OnceLock::new();
    let first = FIRST.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        own(folder.path());
        let mut command = as_nobody_special(&programs().join("initdb"));
        command.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]);
        let output = command.arg(folder.path().join("data")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    });
    let folder = tempfile::tempdir().unwrap();
    let copied =
        Command::new("cp").arg("-a").arg(first.path().join("data")).arg(folder.path()).status().unwrap();
    assert!(copied.success());
    own(folder.path());
    folder
}

/// A command as a user that PostgreSQL runs as: it refuses to run as root.
fn as_nobody_special(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some((user, group)) = user() {
        command.uid(user).gid(group);
    }
    command
}

/// The user and group that it runs as, where that is to be another than this process's.
fn user() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| -> Option<(u32, u32)> {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}

fn own(path: &Path) {
    if let Some((user, group)) = user() {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

fn signal(pid: u32, what: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a pid");
    let _gone_already = kill_process(pid, what);
}

/// The processes that a process has started.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; behind it: state, parent.
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}
