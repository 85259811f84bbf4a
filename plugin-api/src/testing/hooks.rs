//! The hook thread: the one place from which the plugin's functions are called, one at a time.
#![allow(unsafe_code, reason = "the plugin's functions are called here")]

use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;

use super::state::{Inner, Phase};
use crate::Cursor;
use crate::abi::{self, Buf, Lease, LeaseLost, Status, Str};

/// Something to be done on the hook thread.
pub(super) struct Job(Box<dyn FnOnce(&Plugged) + Send>);

impl Job {
    pub(super) fn new(job: impl FnOnce(&Plugged) + Send + 'static) -> Self {
        Self(Box::new(job))
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}

/// An instance, as the hook thread has it.
pub(super) struct Plugged {
    pub(super) table: &'static abi::Plugin,
    pub(super) instance: *mut abi::Instance,
}

impl Plugged {
    /// The instance's extension.
    pub(super) fn extension<T: Copy>(&self, id: &str) -> Option<T> {
        let extension = self.table.extension?;
        // SAFETY: on the hook thread, with a live instance; under its id it is null or of that type, until `destroy`.
        unsafe { extension(self.instance, Str::new(id)).cast::<T>().as_ref().copied() }
    }
}

/// That events are safe, or lost.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) token: u64,
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) told: Result<Vec<Cursor>, Status>,
}

impl Commit {
    pub(super) fn into_job(self) -> Job {
        Job::new(move |plugged| {
            let flow = plugged.extension::<abi::Flow>(abi::ext::FLOW).and_then(|flow| flow.committed);
            let committed = flow.expect("a plugin that publishes with a token has the extension flow");
            let (told, status) = self.told.map_or_else(|s| (Vec::new(), s), |told| (told, Status::OK));
            let cursors: Vec<_> =
                told.iter().map(|c| abi::Cursor { epoch: Str::new(&c.epoch), offset: c.offset }).collect();
            let (ptr, len) = (cursors.as_ptr(), cursors.len() as u64);
            // SAFETY: on the hook thread, with a live instance; the cursors are lent for the call.
            unsafe { committed(plugged.instance, self.token, self.first, self.count, ptr, len, status) };
        })
    }
}

/// A buffer of the plugin's, to be released on the hook thread.
struct Theirs(Buf);

// SAFETY: the contract has it released on the hook thread, wherever it was given.
unsafe impl Send for Theirs {}

/// Copies what the plugin gave, and has it released on the hook thread.
///
/// # Safety
/// `buf` was given by the plugin.
pub(super) unsafe fn receive(inner: &Arc<Inner>, buf: Buf) -> Bytes {
    // SAFETY: given, and not yet released.
    let bytes = Bytes::copy_from_slice(unsafe { buf.as_bytes() });
    if buf.release.is_some() {
        inner.state().unreleased += 1;
        let (theirs, owner) = (Theirs(buf), inner.clone());
        inner.queue(Job::new(move |_| {
            let Theirs(buf) = { theirs };
            if let Some(release) = buf.release {
                // SAFETY: given to us, and this is the one time that it is released.
                unsafe { release(buf.owner) };
            }
            owner.change(|state| state.unreleased -= 1);
        }));
    }
    bytes
}

/// A buffer of ours, counted until the plugin releases it.
struct Ours {
    bytes: Bytes,
    inner: Arc<Inner>,
}

/// Makes a buffer to be given to the plugin.
pub(super) fn lend_out(inner: &Arc<Inner>, bytes: Bytes) -> Buf {
    inner.state().lent_out += 1;
    let owner = Box::new(Ours { bytes, inner: inner.clone() });
    let (ptr, len) = (owner.bytes.as_ptr().cast(), owner.bytes.len() as u64);
    Buf { ptr, len, owner: Box::into_raw(owner).cast(), release: Some(release_ours) }
}

pub(super) unsafe extern "C" fn release_ours(owner: *mut c_void) {
    // SAFETY: made by `lend_out`, and released once.
    let ours = unsafe { Box::from_raw(owner.cast::<Ours>()) };
    ours.inner.change(|state| state.lent_out -= 1);
}

/// The thread.
#[derive(Debug)]
pub(super) struct HookThread {
    jobs: Sender<Job>,
    inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for HookThread {
    /// A test that panics stops nothing: its plugin goes on, on threads that nobody ends, and so does what it calls.
    fn drop(&mut self) {
        if self.is_alive() {
            std::mem::forget(Arc::clone(&self.inner));
        }
    }
}

impl HookThread {
    /// Creates an instance on a thread of its own. `host` lives until the thread has ended.
    pub(super) fn create(
        table: &'static abi::Plugin,
        host: Box<abi::Host>,
        inner: Arc<Inner>,
        config: String,
        (jobs, work): (Sender<Job>, Receiver<Job>),
    ) -> Result<Self, String> {
        struct Carried(Box<abi::Host>, &'static abi::Plugin);
        // SAFETY: the host's struct is good on any thread, and the table is a constant.
        unsafe impl Send for Carried {}
        let carried = Carried(host, table);
        let (made, is_made) = sync_channel(1);
        let name = inner.name.clone();
        let thread = std::thread::spawn(move || {
            let Carried(host, table) = { carried };
            match create(table, &host, &name, &config) {
                Err(error) => drop(made.send(Err(error))),
                Ok(instance) => {
                    drop(made.send(Ok(())));
                    let plugged = Plugged { table, instance };
                    work.into_iter().for_each(|Job(job)| job(&plugged));
                }
            }
        });
        let this = Self { jobs, inner, thread: Some(thread) };
        match is_made.recv() {
            Ok(Ok(())) => Ok(this),
            Ok(Err(error)) => Err(error),
            Err(_) => Err("create panicked".into()),
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.thread.is_some()
    }

    pub(super) fn queue(&self, job: Job) {
        let _ = self.jobs.send(job);
    }

    /// Does something on the hook thread and waits for it.
    pub(super) fn run<T: Send + 'static>(&self, job: impl FnOnce(&Plugged) -> T + Send + 'static) -> T {
        let (done, is_done) = sync_channel(1);
        self.queue(Job::new(move |plugged| drop(done.send(job(plugged)))));
        is_done.recv_timeout(super::PATIENCE).expect("the hook thread hangs or is gone")
    }

    pub(super) fn start(&self) -> Result<(), String> {
        self.inner.state().phase = Phase::Started;
        let outcome = self.run(|plugged| {
            let start = plugged.table.start.expect("verified");
            let mut error = Buf::EMPTY;
            // SAFETY: on the hook thread, once.
            let status = unsafe { start(plugged.instance, &raw mut error) };
            // SAFETY: given by the plugin, if it wrote anything.
            unsafe { life(status, error) }
        });
        if outcome.is_err() {
            self.inner.change(|state| state.phase = Phase::Stopped);
        }
        outcome
    }

    pub(super) fn stop(&self, deadline: Duration) {
        if self.inner.state().phase == Phase::Stopped {
            return;
        }
        let deadline = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        let status = self.run(move |plugged| {
            let stop = plugged.table.stop.expect("verified");
            // SAFETY: on the hook thread, with a started instance.
            unsafe { stop(plugged.instance, deadline) }
        });
        match status {
            Status::OK => self.inner.change(|state| state.phase = Phase::Stopped),
            Status::BUSY => {}
            status => panic!("stop answered {status}"),
        }
    }

    pub(super) fn lease_lost(&self, lost: LeaseLost, lease: Lease) {
        self.queue(Job::new(move |plugged| {
            if let Some(lost) = lost {
                // SAFETY: on the hook thread, with a live instance.
                unsafe { lost(plugged.instance, lease) };
            }
        }));
    }

    /// Destroys the instance and ends the thread.
    pub(super) fn destroy(&mut self) {
        self.run(|plugged| {
            let destroy = plugged.table.destroy.expect("verified");
            // SAFETY: on the hook thread, stopped, and nothing comes after it but the thread's end.
            unsafe { destroy(plugged.instance) };
        });
        // The callbacks' end of the queue lives in `inner`; another sender takes ours' place and goes at once.
        self.jobs = std::sync::mpsc::channel().0;
        self.inner.close_queue();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the hook thread panicked");
        }
    }
}

/// `create`, and its text where it fails.
fn create(
    table: &abi::Plugin,
    host: &abi::Host,
    name: &str,
    config: &str,
) -> Result<*mut abi::Instance, String> {
    let create = table.create.expect("verified");
    let (mut instance, mut error) = (std::ptr::null_mut(), Buf::EMPTY);
    let (out, text) = (&raw mut instance, &raw mut error);
    // SAFETY: on the hook thread; the host outlives the instance, the texts are lent for the call.
    unsafe {
        let status = create(host, Str::new(name), Str::new(config), out, text);
        life(status, error).map(|()| instance)
    }
}

/// The outcome of a life cycle's hook.
///
/// # Safety
/// `error` was given by the plugin, on the hook thread, which this is.
pub(super) unsafe fn life(status: Status, error: Buf) -> Result<(), String> {
    // SAFETY: given, and not yet released.
    let text = String::from_utf8_lossy(unsafe { error.as_bytes() }).into_owned();
    if let Some(release) = error.release {
        // SAFETY: the one time that it is released.
        unsafe { release(error.owner) };
    }
    if status.is_ok() { Ok(()) } else { Err(format!("{status}: {text}")) }
}

/// The host's struct for an instance.
pub(super) fn host_of(inner: &Arc<Inner>) -> Box<abi::Host> {
    Box::new(abi::Host {
        abi_major: abi::MAJOR,
        abi_minor: abi::MINOR,
        size: size_of::<abi::Host>() as u64,
        context: Arc::as_ptr(inner).cast_mut().cast(),
        product: Str::new("tidegate test host"),
        version: Str::new(env!("CARGO_PKG_VERSION")),
        extension: Some(super::callbacks::extension),
        stopped: Some(super::callbacks::stopped),
    })
}
