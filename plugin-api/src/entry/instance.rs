//! One configured instance, from `create` to `destroy`.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::executor::{self, Work};
use crate::abi::Status;
use crate::host::lock;
use crate::{Command, Error, Host, Plugin, Result};

/// An instance. Its hooks come one at a time.
pub(super) struct Instance<P: Plugin> {
    pub(super) host: Host,
    life: Mutex<Life<P>>,
}

/// Where it stands.
enum Life<P: Plugin> {
    /// Its configuration was read.
    Created(P::Config),
    /// It has a thread of its own.
    Started(Thread),
    /// It could not be started, or was started and is no more.
    Over,
}

/// The instance's own thread.
struct Thread {
    /// Not bounded here: the host bounds what it hands over and is not yet answered or released.
    queue: UnboundedSender<Work>,
    end: Arc<Mutex<End>>,
    handle: JoinHandle<()>,
}

/// How the thread and `stop` agree on who says that it is over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody has asked for it.
    Open,
    /// `stop` has answered `BUSY`: the thread calls `stopped`.
    Asked,
    /// The thread is out of every callback: `stop` answers `OK`.
    Over,
}

impl<P: Plugin> Instance<P> {
    /// An instance with its configuration.
    pub(super) fn new(host: Host, config: P::Config) -> Self {
        Self { host, life: Mutex::new(Life::Created(config)) }
    }

    /// What the configuration says, before it is started.
    pub(super) fn configured<T>(&self, read: impl FnOnce(&P::Config) -> Result<T>) -> Result<T> {
        match &*lock(&self.life) {
            Life::Created(config) => read(config),
            _ => Err(Error::from(Status::CLOSED)),
        }
    }

    /// Starts the thread, and waits until the plugin has started.
    pub(super) fn start(&self) -> Result<()> {
        let mut life = lock(&self.life);
        let Life::Created(config) = std::mem::replace(&mut *life, Life::Over) else {
            return Err(Error::from(Status::CLOSED));
        };
        let (queue, work) = unbounded_channel();
        let (ready, is_ready) = sync_channel(1);
        let end = Arc::new(Mutex::new(End::Open));
        let thread = std::thread::Builder::new().name(format!("plugin {}", self.host.name()));
        let (host, their_end) = (self.host.clone(), end.clone());
        self.host.bridge().open();
        let handle = thread.spawn(move || executor::run::<P>(host, config, work, ready, &their_end));
        let started = handle.map_err(Error::from).and_then(|handle| match is_ready.recv() {
            Ok(Ok(())) => Ok(handle),
            Ok(Err(error)) => Err(join(handle, error)),
            Err(_) => Err(join(handle, Error::internal("it panicked at start"))),
        });
        match started {
            Ok(handle) => {
                *life = Life::Started(Thread { queue, end, handle });
                Ok(())
            }
            Err(error) => {
                self.host.bridge().close();
                Err(error)
            }
        }
    }

    /// Carries out a command, in the place of a start.
    pub(super) fn command(&self, command: Command) -> Result<()> {
        match std::mem::replace(&mut *lock(&self.life), Life::Over) {
            Life::Created(config) => executor::command::<P>(&self.host, config, command),
            _ => Err(Error::from(Status::CLOSED)),
        }
    }

    /// Asks it to stop within `deadline`.
    pub(super) fn stop(&self, deadline: Duration) -> Status {
        let life = lock(&self.life);
        let Life::Started(thread) = &*life else { return Status::OK };
        let mut end = lock(&thread.end);
        if *end == End::Over {
            return Status::OK;
        }
        let asked = std::mem::replace(&mut *end, End::Asked) == End::Asked;
        drop(end);
        if !asked {
            // A thread that is about to be over takes no more, and says so itself.
            let _ = thread.queue.send(Work::Stop(deadline));
        }
        Status::BUSY
    }

    /// Whether work can be handed over. Before a buffer is taken, since what is refused is still the host's.
    pub(super) fn accepts(&self) -> Result<(), Status> {
        match &*lock(&self.life) {
            Life::Started(thread) if !thread.queue.is_closed() => Ok(()),
            Life::Started(thread) if *lock(&thread.end) == End::Asked => Err(Status::BUSY),
            _ => Err(Status::CLOSED),
        }
    }

    /// Hands work over. What nobody takes any more is dropped, and a request in it given up.
    pub(super) fn hand_over(&self, work: Work) -> Status {
        if let Life::Started(thread) = &*lock(&self.life) {
            let _ = thread.queue.send(work);
        }
        Status::OK
    }

    /// Keeps what a predecessor left, for the start.
    pub(super) fn restore(&self, state: Bytes) {
        self.host.restore(state);
    }

    /// Waits for the thread's last steps.
    pub(super) fn end(self) {
        let life = std::mem::replace(&mut *lock(&self.life), Life::Over);
        if let Life::Started(Thread { queue, handle, .. }) = life {
            // Without a queue a thread ends at once, should the host not have stopped it.
            drop(queue);
            let _ = handle.join();
        }
        self.host.bridge().end();
    }
}

/// Waits for a thread that is about to end, and passes the reason on.
fn join(handle: JoinHandle<()>, error: Error) -> Error {
    // Its panics are caught and told where they happen.
    let _ = handle.join();
    error
}
