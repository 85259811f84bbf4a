//! `tidegate.sessions/1`: commands to sessions, put in order with their events.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use tidegate_plugin::abi::{self, Buf, Host, Session, Sessions, Status, Str};
use tokio::sync::oneshot;

use super::super::given;
use super::super::shared::Shared;
use super::publish::read_event;
use super::refusal;
use super::{enter, put, text};
use crate::hub::{Cause, JoinError, Order, Slot};

pub(super) static TABLE: Sessions = Sessions {
    send: Some(send),
    join: Some(join),
    leave: Some(leave),
    close: Some(close),
    find: Some(find),
    of_user: Some(of_user),
    info: Some(info),
};

/// For how long a session's shard may take to say what it knows.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a close frame's reason.
const LONGEST_REASON: usize = 123;

/// Bits of a session's number that say its shard; above them its place there, counted from one, and its generation.
const SHARD_BITS: u32 = 10;

/// A session's number; 0 where none can say it, which takes a thousand shards or four million sessions on one.
pub(in super::super) fn number(slot: Slot) -> Session {
    let (shard, place) = (u32::from(slot.shard), slot.index + 1);
    if shard >> SHARD_BITS != 0 || place >> (32 - SHARD_BITS) != 0 {
        return 0;
    }
    u64::from(slot.generation) << 32 | u64::from(place << SHARD_BITS | shard)
}

/// The place of a session that is there.
fn slot(shared: &Shared, session: Session) -> Result<Slot, Status> {
    let (low, generation) = (session as u32, (session >> 32) as u32);
    let index = (low >> SHARD_BITS).checked_sub(1).ok_or(Status::NOT_FOUND)?;
    let slot = Slot { shard: (low & ((1 << SHARD_BITS) - 1)) as u16, index, generation };
    if shared.services.hub.directory().holds(slot) { Ok(slot) } else { Err(Status::NOT_FOUND) }
}

/// # Safety
/// The plugin's host.
unsafe fn command(host: *const Host, body: impl FnOnce(&Arc<Shared>) -> Result<(), Status>) -> Status {
    // SAFETY: the caller's promise.
    unsafe { enter(host, |shared| body(shared).err().unwrap_or(Status::OK)) }
}

unsafe extern "C" fn send(host: *const Host, session: Session, event: *const abi::Event) -> Status {
    let send = |shared: &Arc<Shared>| {
        let slot = slot(shared, session)?;
        // SAFETY: the event is lent for the call.
        let event = unsafe { event.as_ref() }.ok_or(Status::INVALID)?;
        refusal::forget();
        // SAFETY: as above.
        let event = unsafe { read_event(shared, event) }.map_err(|untaken| untaken.told(shared))?;
        shared.services.hub.order_slot(slot, Order::Send(event));
        Ok(())
    };
    // SAFETY: the plugin's host.
    unsafe { command(host, send) }
}

unsafe extern "C" fn join(host: *const Host, session: Session, room: Str) -> Status {
    let join = |shared: &Arc<Shared>| {
        // SAFETY: lent for the call.
        let room = unsafe { text(room) }?;
        let answered =
            shared.services.hub.join_slot(slot(shared, session)?, room).map_err(|error| match error {
                JoinError::Name(_) => Status::INVALID,
                JoinError::NoSession => Status::NOT_FOUND,
                JoinError::Denied | JoinError::Policy | JoinError::Full | JoinError::TooMany(_) => {
                    Status::DENIED
                }
            })?;
        drop(answered); // it joins while it lives; nobody waits to hear
        Ok(())
    };
    // SAFETY: the plugin's host.
    unsafe { command(host, join) }
}

unsafe extern "C" fn leave(host: *const Host, session: Session, room: Str) -> Status {
    let leave = |shared: &Arc<Shared>| {
        // SAFETY: lent for the call.
        let room = unsafe { text(room) }?;
        let (done, _nobody_waits) = oneshot::channel();
        shared.services.hub.order_slot(slot(shared, session)?, Order::Leave(room.into(), done));
        Ok(())
    };
    // SAFETY: the plugin's host.
    unsafe { command(host, leave) }
}

unsafe extern "C" fn close(host: *const Host, session: Session, code: u32, reason: Str) -> Status {
    let close = |shared: &Arc<Shared>| {
        // SAFETY: lent for the call.
        let reason = unsafe { text(reason) }?;
        let allowed = matches!(code, 1000 | 1001 | 1008 | 1011..=1013 | 3000..=4999);
        if !allowed || reason.len() > LONGEST_REASON {
            return Err(Status::INVALID);
        }
        let cause = Cause::Plugin { code: code as u16, reason: reason.into() };
        shared.services.hub.order_slot(slot(shared, session)?, Order::Close(cause));
        Ok(())
    };
    // SAFETY: the plugin's host.
    unsafe { command(host, close) }
}

unsafe extern "C" fn find(host: *const Host, connection_id: Str, session: *mut Session) -> Status {
    let find = |shared: &Arc<Shared>| {
        // SAFETY: lent for the call.
        let id = unsafe { text(connection_id) }?;
        let slot = shared.services.hub.directory().find(id).ok_or(Status::NOT_FOUND)?;
        // SAFETY: a place of the plugin's.
        match unsafe { put(session, number(slot)) } {
            Status::OK => Ok(()),
            status => Err(status),
        }
    };
    // SAFETY: the plugin's host.
    unsafe { command(host, find) }
}

unsafe extern "C" fn of_user(
    host: *const Host,
    user: Str,
    sessions: *mut Session,
    capacity: u64,
    count: *mut u64,
) -> Status {
    let of_user = |shared: &Arc<Shared>| {
        // SAFETY: lent for the call.
        let user = unsafe { text(user) }?;
        let slots = shared.services.hub.directory().of_user(user);
        if capacity > 0 && sessions.is_null() {
            return Err(Status::INVALID);
        }
        for (index, slot) in slots.iter().take(capacity as usize).enumerate() {
            // SAFETY: the plugin has places for `capacity` sessions.
            unsafe { sessions.add(index).write(number(*slot)) };
        }
        // SAFETY: a place of the plugin's.
        match unsafe { put(count, slots.len() as u64) } {
            Status::OK => Ok(()),
            status => Err(status),
        }
    };
    // SAFETY: the plugin's host.
    unsafe { command(host, of_user) }
}

unsafe extern "C" fn info(host: *const Host, session: Session, json: *mut Buf) -> Status {
    let info = |shared: &Arc<Shared>| {
        if json.is_null() {
            return Err(Status::INVALID);
        }
        let slot = slot(shared, session)?;
        let (done, answer) = mpsc::sync_channel(1);
        shared.services.hub.order_slot(slot, Order::Describe(Box::new(move |info| drop(done.send(info)))));
        let info = answer.recv_timeout(PATIENCE).map_err(|_| Status::NOT_FOUND)?;
        let text = serde_json::to_vec(&info).map_err(|_| Status::INTERNAL)?;
        // SAFETY: a place of the plugin's.
        match unsafe { put(json, given::hand(shared, Bytes::from(text))) } {
            Status::OK => Ok(()),
            status => Err(status),
        }
    };
    // SAFETY: the plugin's host.
    unsafe { command(host, info) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_number_can_say_is_none() {
        let slot = |shard, index| number(Slot { shard, index, generation: 1 });
        assert_eq!(slot(0, 0), 1 << 32 | 1 << 10);
        assert_eq!(slot(1023, 7), 1 << 32 | 8 << 10 | 1023);
        assert_eq!(slot(1024, 0), 0);
        assert_eq!(slot(0, (1 << 22) - 1), 0);
    }
}
