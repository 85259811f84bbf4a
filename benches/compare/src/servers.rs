//! The servers: how each is started, and how it is spoken to.

mod entrants;
mod wires;

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use thiserror::Error;

use crate::load::{Target, Wire};
use crate::place::Place;

pub use entrants::{ENTRANTS, Entrant, bare_tls, entrant, gateway_tls, uwebsockets_asked};
pub use wires::rooms;

/// For how long a server may take until it accepts.
const PATIENCE: Duration = Duration::from_secs(15);

/// A server in a process of its own, which ends with this value.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    /// How it is spoken to.
    pub wire: Wire,
}

/// Why a server does not run.
#[derive(Debug, Error)]
pub enum Error {
    /// A system call failed.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// It ended, or accepts nobody.
    #[error("{name} does not accept ({state}); its log is {}", log.display())]
    Silent {
        /// Which.
        name: String,
        /// What is known of its process.
        state: String,
        /// Its log.
        log: PathBuf,
    },
}

impl Server {
    /// Starts `command` (the port it is told of is free on loopback), and waits until it accepts. Its output goes into a log
    /// of that name.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn start(
        place: &Place,
        name: &str,
        command: impl FnOnce(u16) -> io::Result<Command>,
        wire: Wire,
        tls: Option<Arc<ClientConfig>>,
    ) -> Result<Self, Error> {
        let system = |what: &str| {
            let what = format!("{name}: {what}");
            move |source| Error::System { what, source }
        };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
        let address = free.map_err(system("no free port"))?;
        let folder = place.made("compare/logs");
        let log = folder.join(format!("{name}.log"));
        let file =
            fs::create_dir_all(&folder).and_then(|()| File::create(&log)).map_err(system("its log"))?;
        place.noise.listen(place);
        let both = file.try_clone().map_err(system("its log"))?;
        let mut command = command(address.port()).map_err(system("cannot be started"))?;
        let process = command.stdin(Stdio::null()).stdout(file).stderr(both).spawn();
        let process = process.map_err(system("cannot be started"))?;
        let mut server = Self { process, address, tls, wire };
        match server.accepts() {
            None => Ok(server),
            Some(state) => Err(Error::Silent { name: name.to_owned(), state, log }),
        }
    }

    /// Waits until it accepts, else says what became of it.
    fn accepts(&mut self) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Some(status.to_string());
            }
            if Instant::now() > deadline {
                return Some("it runs".to_owned());
            }
            sleep(Duration::from_millis(20));
        }
        None
    }

    /// Where the load goes.
    pub fn target(&self) -> Target {
        Target { address: self.address, pid: self.pid(), tls: self.tls.clone() }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed, and is waited for like others.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
