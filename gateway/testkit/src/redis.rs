//! A Redis in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::gateway::PATIENCE;

/// A Redis in a process of its own, which keeps nothing and ends with this value.
#[derive(Debug)]
pub struct Redis {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Redis {
    /// Starts one on a free port, and waits until it is ready.
    pub fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::start_at(port)
    }

    /// The same where one was before.
    pub fn start_at(port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
        command.arg(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.spawn().expect("redis-server is there: scripts/test-tools installs it");
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "Redis does not get ready");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Self { process, port, _folder: folder }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Publishes on a channel; answers how many got it.
    pub fn publish(&self, channel: &str, message: &str) -> u64 {
        let answer = self.command(&["PUBLISH", channel, message]);
        let count = answer.strip_prefix(':').unwrap_or_else(|| panic!("{answer}"));
        count.parse().unwrap()
    }

    /// Carries out a command; answers the first line of what it says, which is no error.
    pub fn command(&self, words: &[&str]) -> String {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let said: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
        (&stream).write_all(format!("*{}\r\n{said}", words.len()).as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(&stream).read_line(&mut answer).unwrap();
        assert!(!answer.starts_with('-'), "{words:?}: {answer}");
        answer.trim_end().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}
