//! A gateway in a process of its own.

use std::fs;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Answer, Refused, Socket, TlsDialer, Wire, http};

/// For how long a test waits before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// For how long a test may hold a gateway: one that waits for what never comes would hold up all others for ever.
const LONGEST_TEST: Duration = Duration::from_secs(600);

/// How a gateway is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    config: Option<PathBuf>,
    data: Option<PathBuf>,
    set: Vec<String>,
    files: Option<u32>,
    full_disk: bool,
}

impl Options {
    /// The built-in settings, which are those of a developer's machine.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a configuration file.
    #[must_use]
    pub fn config(mut self, file: impl Into<PathBuf>) -> Self {
        self.config = Some(file.into());
        self
    }

    /// With its stores in a folder that outlives it, so that another gateway finds what it kept.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// With one setting, as `shards=2`.
    #[must_use]
    pub fn set(mut self, setting: &str) -> Self {
        self.set.push(setting.to_owned());
        self
    }

    /// In a process that may open so many files and not one more.
    #[must_use]
    pub fn files(mut self, files: u32) -> Self {
        self.files = Some(files);
        self
    }

    /// So that its [disk can be filled](Gateway::fill_disk): a process that meets the limit is not killed for it.
    #[must_use]
    pub fn with_full_disk(mut self) -> Self {
        self.full_disk = true;
        self
    }

    /// Starts `program`, the gateway's binary, and waits until it is ready.
    pub fn start(self, program: &str) -> Gateway {
        Gateway::start(program, &self)
    }
}

/// A gateway in a process of its own, which ends with this value.
#[derive(Debug)]
pub struct Gateway {
    process: Child,
    addresses: Vec<SocketAddr>,
    data: PathBuf,
    folder: TempDir,
    _watch: Sender<()>,
}

impl Gateway {
    fn start(program: &str, options: &Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready.json");
        // The limit of files is lowered for good, as the gateway raises a soft one.
        let files = options.files.map(|files| format!("ulimit -n {files}; "));
        let ignored = options.full_disk.then(|| "trap '' XFSZ; ".to_owned());
        let mut command = Command::new("sh");
        let before: String = files.into_iter().chain(ignored).collect();
        command.arg("-c").arg(format!("{before}exec \"$0\" \"$@\"")).arg(program);
        command.arg("serve").args(["--listen", "127.0.0.1:0", "--ready-file"]).arg(&ready);
        let data = options.data.clone().unwrap_or_else(|| folder.path().join("data"));
        command.arg("--data").arg(&data);
        if let Some(config) = &options.config {
            command.arg("--config").arg(config);
        }
        for setting in &options.set {
            command.args(["--set", setting]);
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let text = wait_for(&ready, &mut process, folder.path());
        let ready: Value = serde_json::from_str(&text).unwrap();
        let address = |listener: &Value| listener["address"].as_str().unwrap().parse().unwrap();
        let addresses = ready["listeners"].as_array().unwrap().iter().map(address).collect();
        let held = watch(process.id());
        Self { process, addresses, data, folder, _watch: held }
    }

    /// Where its first listener listens.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where its listeners listen, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        log(self.folder.path())
    }

    /// The folder that its stores are in.
    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a request without a body.
    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, None).await
    }

    /// Sends a request with a body of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, Some(&body.to_string())).await
    }

    /// Sends a request.
    pub async fn request(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        http::exchange(self.address(), &http::request(method, path, &[], body)).await
    }

    /// Sends these bytes as they are and answers all that comes back until the connection closes.
    pub async fn raw(&self, bytes: impl AsRef<[u8]>) -> Answer {
        http::exchange(self.address(), bytes.as_ref()).await
    }

    /// Opens a session at `path`.
    pub async fn connect(&self, path: &str) -> Socket {
        self.try_connect(path, &[]).await.unwrap()
    }

    /// Opens a session at `path` with a client that does nothing by itself.
    pub async fn wire(&self, path: &str) -> Wire {
        Wire::connect(self.address(), path, None, None, None).await
    }

    /// The same for a client that offers these extensions.
    pub async fn offering_wire(&self, path: &str, offer: &str) -> Wire {
        Wire::connect(self.address(), path, None, None, Some(offer)).await
    }

    /// The same for a client whose kernel takes little that it does not read, in bytes.
    pub async fn narrow_wire(&self, path: &str, receive_buffer: u32) -> Wire {
        Wire::connect(self.address(), path, Some(receive_buffer), None, None).await
    }

    /// The same under TLS, at the gateway's second listener; `receive_buffer` as above, where it is given.
    pub async fn tls_wire(&self, path: &str, dialer: &TlsDialer, receive_buffer: Option<u32>) -> Wire {
        Wire::connect(self.addresses()[1], path, receive_buffer, Some(dialer), None).await
    }

    /// A figure of `/metrics`, by its name and labels as they stand there.
    pub async fn metric(&self, name: &str) -> f64 {
        let page = self.get("/metrics").await.body;
        figure(&page, name).unwrap_or_else(|| panic!("{name} is not in\n{page}"))
    }

    /// Waits until a figure of `/metrics` is `value`; it need not be there before.
    pub async fn reaches(&self, name: &str, value: f64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = figure(&self.get("/metrics").await.body, name);
            if now == Some(value) {
                return;
            }
            assert!(Instant::now() < deadline, "{name} stays {now:?}, not {value}");
        }
    }

    /// Asks for a session at `path`.
    ///
    /// # Errors
    /// The answer, where it is not 101.
    pub async fn try_connect(&self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, Refused> {
        Socket::connect(self.address(), path, headers).await
    }

    /// Kills it at once, as a crash would: SIGKILL.
    pub fn kill(self) {
        drop(self);
    }

    /// Sends SIGTERM and waits for its end.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the gateway does not end\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// From here on every write to a file fails, as on a disk that is full.
    pub fn fill_disk(&self) {
        let nothing = Rlimit { current: Some(0), maximum: None };
        prlimit(Some(Pid::from_child(&self.process)), Resource::Fsize, nothing).unwrap();
    }

    /// There is space on its disk again.
    pub fn free_disk(&self) {
        let all = Rlimit { current: None, maximum: None };
        prlimit(Some(Pid::from_child(&self.process)), Resource::Fsize, all).unwrap();
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
        if thread::panicking() {
            eprintln!("the gateway's log:\n{}", self.log());
        }
    }
}

/// Ends the tests' process, and the gateway's, unless what is answered is dropped within [`LONGEST_TEST`].
fn watch(gateway: u32) -> Sender<()> {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let (held, dropped) = mpsc::channel();
    thread::spawn(move || {
        if dropped.recv_timeout(LONGEST_TEST) == Err(RecvTimeoutError::Timeout) {
            // Not by a macro: what these print goes to the test, which does not end.
            let _nobody_reads = writeln!(io::stderr(), "{test} does not end within {LONGEST_TEST:?}");
            if let Some(gateway) = Pid::from_raw(gateway.cast_signed()) {
                let _ended_already = kill_process(gateway, Signal::KILL);
            }
            process::abort();
        }
    });
    held
}

/// A figure of a page of `/metrics`.
fn figure(page: &str, name: &str) -> Option<f64> {
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(value.parse().unwrap())
}

/// Waits for the ready file, which is there whole or not at all.
fn wait_for(ready: &Path, process: &mut Child, folder: &Path) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(text) = fs::read_to_string(ready) {
            return text;
        }
        if let Some(status) = process.try_wait().unwrap() {
            panic!("the gateway ended with {status}:\n{}", log(folder));
        }
        assert!(Instant::now() < deadline, "the gateway does not get ready\n{}", log(folder));
        thread::sleep(Duration::from_millis(5));
    }
}

fn log(folder: &Path) -> String {
    let mut text = Vec::new();
    fs::File::open(folder.join("log")).unwrap().read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}
