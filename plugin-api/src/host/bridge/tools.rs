//! Sessions, log, metrics, clock.
#![allow(unsafe_code, reason = "the callbacks are called here")]

use bytes::Bytes;

use super::Bridge;
use crate::abi::{self, Buf, Metric, MetricSpec, Now, Pair, Session, Status, Str};
use crate::buffer::take;

impl Bridge {
    /// Sends an event, whose data was made by `give`, to one session.
    ///
    /// # Safety
    /// What the event borrows holds for the call.
    pub(crate) unsafe fn send(&self, session: Session, event: &abi::Event) -> Status {
        self.call(self.tables.sessions.and_then(|t| t.send), |send, host| {
            // SAFETY: the event holds for the call, and the caller promises the same for what it leads to.
            unsafe { send(host, session, event) }
        })
    }

    /// Joins a session to a room.
    pub(crate) fn join(&self, session: Session, room: &str) -> Status {
        self.call(self.tables.sessions.and_then(|t| t.join), |join, host| {
            // SAFETY: the name is borrowed for the call.
            unsafe { join(host, session, Str::new(room)) }
        })
    }

    /// Takes a session out of a room.
    pub(crate) fn leave(&self, session: Session, room: &str) -> Status {
        self.call(self.tables.sessions.and_then(|t| t.leave), |leave, host| {
            // SAFETY: the name is borrowed for the call.
            unsafe { leave(host, session, Str::new(room)) }
        })
    }

    /// Closes a session.
    pub(crate) fn close_session(&self, session: Session, code: u32, reason: &str) -> Status {
        self.call(self.tables.sessions.and_then(|t| t.close), |close, host| {
            // SAFETY: the reason is borrowed for the call.
            unsafe { close(host, session, code, Str::new(reason)) }
        })
    }

    /// The session of a connection id.
    pub(crate) fn find(&self, connection_id: &str) -> Result<Session, Status> {
        let mut session = 0;
        let status = self.call(self.tables.sessions.and_then(|t| t.find), |find, host| {
            // SAFETY: the id is borrowed for the call, and `session` is ours to be written.
            unsafe { find(host, Str::new(connection_id), &raw mut session) }
        });
        if status.is_ok() { Ok(session) } else { Err(status) }
    }

    /// The sessions of a user.
    pub(crate) fn of_user(&self, user: &str) -> Result<Vec<Session>, Status> {
        let mut sessions = vec![0; 16];
        loop {
            let mut count = 0;
            let status = self.call(self.tables.sessions.and_then(|t| t.of_user), |of_user, host| {
                let (ptr, capacity) = (sessions.as_mut_ptr(), sessions.len() as u64);
                // SAFETY: the user is borrowed for the call; there is room for that many sessions.
                unsafe { of_user(host, Str::new(user), ptr, capacity, &raw mut count) }
            });
            if !status.is_ok() {
                return Err(status);
            }
            let count = usize::try_from(count).map_err(|_| Status::INTERNAL)?;
            let cut = count > sessions.len();
            sessions.resize(count, 0);
            if !cut {
                return Ok(sessions);
            }
        }
    }

    /// What is known of a session, as JSON.
    pub(crate) fn session_info(&self, session: Session) -> Result<Bytes, Status> {
        let mut json = Buf::EMPTY;
        let status = self.call(self.tables.sessions.and_then(|t| t.info), |info, host| {
            // SAFETY: `json` is ours to be written.
            unsafe { info(host, session, &raw mut json) }
        });
        // SAFETY: with OK it was given to us.
        if status.is_ok() { Ok(unsafe { take(json) }) } else { Err(status) }
    }

    /// Whether lines of a level are written.
    pub(crate) fn log_enabled(&self, level: u32) -> bool {
        let Some(_inside) = self.life.enter() else { return false };
        let Some(enabled) = self.tables.log.and_then(|t| t.enabled) else { return false };
        // SAFETY: `life` is open, so the host lives.
        unsafe { enabled(self.host, level) != 0 }
    }

    /// Writes a line. One that the host does not take is lost: there is nowhere to tell of it.
    pub(crate) fn log(&self, level: u32, message: &str, fields: &[Pair]) {
        let Some(_inside) = self.life.enter() else { return };
        let Some(write) = self.tables.log.and_then(|t| t.write) else { return };
        // SAFETY: `life` is open, so the host lives; text and fields are borrowed for the call.
        unsafe { write(self.host, level, Str::new(message), fields.as_ptr(), fields.len() as u64) };
    }

    /// Tells of a panic.
    pub(crate) fn panicked(&self, place: &str, message: &str) {
        let Some(_inside) = self.life.enter() else { return };
        let Some(panicked) = self.tables.log.and_then(|t| t.panicked) else { return };
        // SAFETY: `life` is open, so the host lives; the texts are borrowed for the call.
        unsafe { panicked(self.host, Str::new(place), Str::new(message)) };
    }

    /// The number of a time series.
    ///
    /// # Safety
    /// What `spec` borrows holds for the call.
    pub(crate) unsafe fn metric(&self, spec: &MetricSpec) -> Result<Metric, Status> {
        let mut metric = 0;
        let status = self.call(self.tables.metrics.and_then(|t| t.open), |open, host| {
            // SAFETY: `spec` holds for the call, and the caller promises the same for what it leads to.
            unsafe { open(host, spec, &raw mut metric) }
        });
        if status.is_ok() { Ok(metric) } else { Err(status) }
    }

    /// Adds, sets or observes.
    pub(crate) fn record(&self, metric: Metric, value: i64) -> Status {
        self.call(self.tables.metrics.and_then(|t| t.record), |record, host| {
            // SAFETY: numbers only.
            unsafe { record(host, metric, value) }
        })
    }

    /// The time as the host counts it.
    pub(crate) fn now(&self) -> Option<Now> {
        let mut now = Now { time: 0, monotonic_ns: 0 };
        let status = self.call(self.tables.clock.and_then(|t| t.now), |read, host| {
            // SAFETY: `now` is ours to be written.
            unsafe { read(host, &raw mut now) }
        });
        status.is_ok().then_some(now)
    }
}
