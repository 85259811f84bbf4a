//! What MariaDB and MySQL have in common: a server in a process of its own, and a client that speaks with it.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::gateway::PATIENCE;

/// A server with data, port and socket of its own, which ends with this value. Anybody is `root`, without a password.
#[derive(Debug)]
pub struct Mysqld {
    program: fn() -> Command,
    process: Child,
    port: u16,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Mysqld {
    /// Starts a program on the data in `folder`, and waits until it answers.
    pub(crate) fn start(program: fn() -> Command, folder: TempDir, arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let process = launch(program(), &folder, port, &arguments);
        let mut database = Self { program, process, port, arguments, folder };
        database.wait();
        database
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, for a user without a password.
    pub fn url_of(&self, user: &str) -> String {
        format!("mysql://{user}@127.0.0.1:{}", self.port)
    }

    /// Its URL, for one who may do everything.
    pub fn url(&self) -> String {
        self.url_of("root")
    }

    /// Runs statements, and answers with the rows of the last, columns parted by tabs.
    pub fn sql(&self, statements: &str) -> String {
        self.try_sql(statements).unwrap_or_else(|error| panic!("{statements:.200}: {error}"))
    }

    /// The same where they may fail.
    pub fn try_sql(&self, statements: &str) -> Result<String, String> {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"]);
        client.args(["--user=root", &format!("--socket={}", self.socket())]);
        let mut client =
            client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = client.stdin.take().unwrap();
        let statements = statements.to_owned();
        let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, statements.as_bytes()));
        let output = client.wait_with_output().unwrap();
        let _ended_early = writer.join().unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Stops it in the middle, as a hung machine would.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends its process a signal, also while others use it.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Ends it at once, as `kill -9` does. Its data stays.
    pub fn kill(&mut self) {
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
    }

    /// Starts it again on the same data, where it was.
    pub fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// The same with more arguments.
    pub fn restart_with(&mut self, arguments: &[&str]) {
        self.kill();
        self.arguments.extend(arguments.iter().map(ToString::to_string));
        self.process = launch((self.program)(), &self.folder, self.port, &self.arguments);
        self.wait();
    }

    fn socket(&self) -> String {
        self.folder.path().join("socket").display().to_string()
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() || self.try_sql("SELECT 1").is_err() {
            if let Some(status) = self.process.try_wait().unwrap() {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("the server ended ({status}): {log}");
            }
            assert!(Instant::now() < deadline, "the server does not get ready");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Mysqld {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(mut command: Command, folder: &TempDir, port: u16, arguments: &[String]) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    command.args(places(folder));
    command.arg(format!("--socket={}", folder.path().join("socket").display()));
    command.args([&format!("--port={port}"), "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=32M"]);
    command.args(as_root()).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("the server starts")
}

/// Its data, and its temporary tables: a server removes those of others from a folder that they share.
pub(crate) fn places(folder: &TempDir) -> [String; 2] {
    let folder = folder.path().display();
    [format!("--datadir={folder}/data"), format!("--tmpdir={folder}")]
}

/// These servers run as root only where they are told to.
pub(crate) fn as_root() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("--user=root")
}
