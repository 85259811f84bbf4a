//! The host's function pointers, behind functions that are safe to call.
//!
//! Each passes the gate, hands over what is borrowed for the call alone, and takes back what was not taken.
#![allow(unsafe_code, reason = "the callbacks are called here")]

mod state;
mod tools;

pub(crate) use state::StoreAnswer;

use bytes::Bytes;

use super::gate::Gate;
use crate::abi::{self, AbiError, Buf, Pair, Request, Status, Str, ext};
use crate::buffer::{give, take_back};

/// The host's extensions, asked for once: they hold as long as the host, and never change.
#[derive(Default)]
struct Tables {
    publish: Option<abi::Publish>,
    refusal: Option<abi::Refusal>,
    reply: Option<abi::Reply>,
    sessions: Option<abi::Sessions>,
    store: Option<abi::Store>,
    lease: Option<abi::Leases>,
    log: Option<abi::Log>,
    metrics: Option<abi::Metrics>,
    clock: Option<abi::Clock>,
}

/// The callbacks of one instance's host.
pub(crate) struct Bridge {
    host: *const abi::Host,
    tables: Tables,
    /// Open from start until stopped.
    callbacks: Gate,
    /// Open until destroy: the log, which works longer.
    life: Gate,
}

// SAFETY: the contract lets every callback be called from any thread, and the tables are constants.
unsafe impl Send for Bridge {}
// SAFETY: as above.
unsafe impl Sync for Bridge {}

impl Bridge {
    /// The callbacks of `host`, closed but for the log.
    ///
    /// # Errors
    /// Where that host cannot be used.
    ///
    /// # Safety
    /// `host` leads to a host's struct that lives until [`Bridge::end`] was called.
    pub(crate) unsafe fn new(host: *const abi::Host) -> Result<Self, AbiError> {
        // SAFETY: the caller's promise is this function's.
        let extension = unsafe { abi::Host::verify(host)? }.extension.ok_or(AbiError::Null("extension"))?;
        // SAFETY: `id` holds for the call, and the host answers with null or that extension's struct.
        let find = |id: &str| unsafe { extension(host, Str::new(id)) };
        // SAFETY: under its id each is null or of that type, and holds as long as the host.
        let tables = unsafe {
            Tables {
                publish: find(ext::PUBLISH).cast::<abi::Publish>().as_ref().copied(),
                refusal: find(ext::REFUSAL).cast::<abi::Refusal>().as_ref().copied(),
                reply: find(ext::REPLY).cast::<abi::Reply>().as_ref().copied(),
                sessions: find(ext::SESSIONS).cast::<abi::Sessions>().as_ref().copied(),
                store: find(ext::STORE).cast::<abi::Store>().as_ref().copied(),
                lease: find(ext::LEASE).cast::<abi::Leases>().as_ref().copied(),
                log: find(ext::LOG).cast::<abi::Log>().as_ref().copied(),
                metrics: find(ext::METRICS).cast::<abi::Metrics>().as_ref().copied(),
                clock: find(ext::CLOCK).cast::<abi::Clock>().as_ref().copied(),
            }
        };
        Ok(Self { host, tables, callbacks: Gate::new(false), life: Gate::new(true) })
    }

    /// Opens the callbacks: `start` was called.
    pub(crate) fn open(&self) {
        self.callbacks.open();
    }

    /// Closes the callbacks, and waits until every thread is out of them.
    pub(crate) fn close(&self) {
        self.callbacks.close();
    }

    /// Ends a `stop` that answered `BUSY`.
    pub(crate) fn stopped(&self) {
        let Some(_inside) = self.life.enter() else { return };
        // SAFETY: `life` is open, so the host lives; `verify` has seen `stopped`.
        if let Some(stopped) = unsafe { (*self.host).stopped } {
            // SAFETY: any thread may.
            unsafe { stopped(self.host) };
        }
    }

    /// Nothing of the host is touched after this: it may go.
    pub(crate) fn end(&self) {
        self.callbacks.close();
        self.life.close();
    }

    /// Calls a callback, if there is one and the gate is open.
    fn call<F>(&self, callback: Option<F>, call: impl FnOnce(F, *const abi::Host) -> Status) -> Status {
        let Some(_inside) = self.callbacks.enter() else { return Status::CLOSED };
        callback.map_or(Status::UNSUPPORTED, |callback| call(callback, self.host))
    }

    /// As [`Bridge::call`], giving bytes away if it answers OK.
    fn giving<F>(
        &self,
        callback: Option<F>,
        bytes: Bytes,
        call: impl FnOnce(F, *const abi::Host, Buf) -> Status,
    ) -> Status {
        let buf = give(bytes);
        let status = self.call(callback, |callback, host| call(callback, host, buf));
        if !status.is_ok() {
            take_back(buf);
        }
        status
    }

    /// Publishes a batch whose data was made by [`give`]; answers how many of it were taken. The others' data is still the
    /// caller's.
    ///
    /// # Safety
    /// What the events borrow holds for the call.
    pub(crate) unsafe fn publish(&self, events: &[abi::Event], token: u64) -> (Status, usize) {
        let mut taken = 0;
        let status = self.call(self.tables.publish.and_then(|t| t.publish), |publish, host| {
            // SAFETY: the slice holds for the call, and the caller promises the same for what it leads to.
            unsafe { publish(host, events.as_ptr(), events.len() as u64, token, &raw mut taken) }
        });
        let taken = usize::try_from(taken).map_or(events.len(), |taken| taken.min(events.len()));
        (status, if status.is_ok() { events.len() } else { taken })
    }

    /// Why an event of this thread's was refused just now, if that was so and the host says it.
    pub(crate) fn refusal(&self) -> Option<String> {
        let mut text = Str::EMPTY;
        let status = self.call(self.tables.refusal.and_then(|t| t.last), |last, host| {
            // SAFETY: `text` is ours to be written.
            unsafe { last(host, &raw mut text) }
        });
        // SAFETY: with OK it leads to a text of this thread's, which has not published since.
        status.is_ok().then(|| String::from_utf8_lossy(unsafe { text.as_bytes() }).into_owned())
    }

    /// The whole answer to an HTTP request.
    pub(crate) fn respond(&self, request: Request, status: u16, headers: &[Pair], body: Bytes) -> Status {
        self.giving(self.tables.reply.and_then(|t| t.respond), body, |respond, host, body| {
            let (ptr, len) = (headers.as_ptr(), headers.len() as u64);
            // SAFETY: the headers are borrowed for the call.
            unsafe { respond(host, request, status.into(), ptr, len, body) }
        })
    }

    /// The head of an HTTP answer that is streamed.
    pub(crate) fn head(&self, request: Request, status: u16, headers: &[Pair]) -> Status {
        self.call(self.tables.reply.and_then(|t| t.head), |head, host| {
            // SAFETY: the headers are borrowed for the call.
            unsafe { head(host, request, status.into(), headers.as_ptr(), headers.len() as u64) }
        })
    }

    /// The next piece of a streamed answer.
    pub(crate) fn chunk(&self, request: Request, piece: Bytes) -> Status {
        self.giving(self.tables.reply.and_then(|t| t.chunk), piece, |chunk, host, piece| {
            // SAFETY: a number and a given buffer.
            unsafe { chunk(host, request, piece) }
        })
    }

    /// The end of an answer.
    pub(crate) fn finish(&self, request: Request, message: &str, data: Bytes) -> Status {
        self.giving(self.tables.reply.and_then(|t| t.finish), data, |finish, host, data| {
            // SAFETY: the message is borrowed for the call.
            unsafe { finish(host, request, Str::new(message), data) }
        })
    }

    /// The end of an answer, as an error.
    pub(crate) fn fail(&self, request: Request, status: Status, message: &str, data: Bytes) -> Status {
        self.giving(self.tables.reply.and_then(|t| t.fail), data, |fail, host, data| {
            // SAFETY: the message is borrowed for the call.
            unsafe { fail(host, request, status, Str::new(message), data) }
        })
    }
}

/// The pairs of a list, lent as the boundary has them.
pub(crate) fn pairs<N: AsRef<str>, V: AsRef<str>>(list: &[(N, V)]) -> Vec<Pair> {
    list.iter().map(|(n, v)| Pair { name: Str::new(n.as_ref()), value: Str::new(v.as_ref()) }).collect()
}
