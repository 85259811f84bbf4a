//! The only room that knows every other: builds the house from the bottom up, serves, and drains it from the top
//! down.

mod counted;
mod drain;
mod endpoints;
mod face;
mod gauges;
mod house;
mod identity;
mod limits;
mod memory;
mod parts;
mod playground;
mod plugins;
mod ready;
mod reload;
mod shards;

use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use tokio::sync::mpsc;

use crate::config::{Config, Sources};
use crate::pipeline::BadOrigins;
use house::House;

pub use identity::{IdentityError, profile_alone, secret_alone};
pub use plugins::rehearse;
pub use reload::SetLevel;

/// `EX_USAGE`-like: the configuration cannot be served.
const UNUSABLE: u8 = 64;

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address cannot be had.
    #[error("listener '{name}' cannot listen on {address}: {source}")]
    Listen {
        /// The configuration's name.
        name: String,
        /// The address that was asked for.
        address: std::net::SocketAddr,
        /// The system's word.
        source: std::io::Error,
    },
    /// The origins cannot be served.
    #[error(transparent)]
    Origins(#[from] BadOrigins),
    /// A thread or a runtime cannot be had.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
    /// A listener's certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] crate::tls::Refused),
    /// The store does not open.
    #[error("cannot open the store: {0}")]
    Store(#[from] crate::store::StoreError),
    /// The log of durable rooms does not open.
    #[error("cannot open the log of rooms: {0}")]
    Log(#[from] crate::history::log::OpenError),
    /// A plugin is missing, or two want the same.
    #[error(transparent)]
    Plugin(#[from] crate::plugin::PluginError),
    /// What limits allow cannot be counted with other nodes.
    #[error("limits.store {0}")]
    Limits(#[from] crate::limits::BadStore),
    /// Events of other processes cannot be had.
    #[error("bus.redis {0}")]
    Bus(#[from] crate::bus::BadUrl),
    /// The audit log cannot be written.
    #[error(transparent)]
    Audit(#[from] crate::audit::AuditError),
    /// Keys cannot be had.
    #[error(transparent)]
    Identity(#[from] identity::IdentityError),
    /// The ready file cannot be written.
    #[error("cannot write the ready file {path}: {source}")]
    ReadyFile {
        /// Where to.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
}

/// What a gateway starts with.
pub struct Launch {
    /// What it is to be.
    pub config: Config,
    /// Where that was read, and is read again at a reload.
    pub sources: Sources,
    /// Where to tell that it is ready.
    pub ready_file: Option<PathBuf>,
    /// What a reload sets the log's level with.
    pub set_level: SetLevel,
}

/// Serves until a signal ends it. Answers the process' exit code: 0 after a drain, 64 where it could not start.
pub fn serve(launch: Launch) -> ExitCode {
    let control = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match control {
        Ok(control) => control.block_on(run(launch)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(UNUSABLE)
        }
    }
}

async fn run(launch: Launch) -> Result<(), StartError> {
    // Asked for first, so that a signal during the start is not lost.
    let mut signals = Signals::new()?;
    let ready_file = launch.ready_file.clone();
    // One reload at a time.
    let (reloads, mut asked) = mpsc::channel(1);
    let (house, mut reloader) = House::build(launch, reloads).await?;
    if let Some(path) = &ready_file {
        ready::write(path, house.addresses())
            .map_err(|source| StartError::ReadyFile { path: path.clone(), source })?;
    }
    for (name, address) in house.addresses() {
        let scheme = if house.certificates.live(name).is_some() { "https" } else { "http" };
        tracing::info!("listening on {scheme}://{address} ({name})");
    }
    loop {
        let ask = tokio::select! {
            signal = signals.next() => match signal {
                Asked::End => break,
                Asked::Reload => None,
            },
            Some(ask) = asked.recv() => Some(ask),
        };
        // A log that was moved away is written anew, whatever becomes of the rest.
        house.hub.audit().reopen();
        let outcome = tokio::select! {
            outcome = reloader.reload() => outcome,
            () = signals.end() => break,
        };
        if let Ok(reloaded) = &outcome {
            reloaded.record(house.hub.audit(), |entry| match &ask {
                Some(ask) => ask.tell(entry),
                None => entry,
            });
        }
        if let Some(ask) = ask {
            ask.answer(outcome);
        }
    }
    // Whoever waits for a reload, or asks for one now, need not.
    drop(asked);
    tokio::select! {
        () = house.drain() => {}
        () = signals.end() => tracing::warn!("a second signal: ending at once"),
    }
    Ok(())
}

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// SIGTERM and SIGINT: a drain.
    End,
    /// SIGHUP: that what can be replaced while connections go on is read again.
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// Waits for the next that asks for the end.
    async fn end(&mut self) {
        while self.next().await != Asked::End {}
    }
}
