//! Connections of a thread: how they are made, what they wait for, and how they end.

use rustix::event::epoll::{self, EventData, EventFlags};

use super::peer::{End, Role, Stage};
use super::{DIALLING, Worker};
use crate::load::clock;
use crate::load::frames::{self, Say};
use crate::load::handshake;
use crate::load::shared::Phase;
use crate::load::stream::Stream;
use crate::load::tally;

/// For how long a close is waited for, nanoseconds.
const FAREWELL: u64 = 2_000_000_000;

impl Worker<'_> {
    /// Makes the connections that are to be made by now.
    pub(super) fn dial(&mut self) {
        while self.phase == Phase::Connecting
            && self.next < self.peers.len()
            && self.dialling < DIALLING
            && let Some(wanted) = self.ramp.strikes(self.desk.now)
        {
            self.next += 1;
            self.connect(self.next - 1, wanted);
        }
    }

    /// Begins a connection that was to be made at `wanted`.
    pub(super) fn connect(&mut self, index: usize, wanted: u64) {
        let (peer, shared) = (&mut self.peers[index], self.desk.shared);
        let narrow = matches!(&peer.role, Role::Subscriber(subscriber) if subscriber.slow);
        peer.since = clock::now();
        peer.wanted = wanted;
        match Stream::dial(&shared.plan.target, peer.number, shared.tls.as_ref(), narrow) {
            Err(error) => self.end(index, End::Broken(error)),
            Ok(stream) => {
                let flags = EventFlags::IN | EventFlags::OUT;
                let watched = epoll::add(&self.epoll, &stream, EventData::new_u64(index as u64), flags);
                peer.stream = Some(stream);
                peer.stage = Stage::Connecting;
                self.dialling += 1;
                if let Err(error) = watched {
                    self.end(index, End::Broken(error.into()));
                }
            }
        }
    }

    /// Something can be done at a connection.
    pub(super) fn ready(&mut self, index: usize, flags: EventFlags) {
        if self.peers[index].stage == Stage::Connecting {
            return self.connected(index, flags);
        }
        let peer = &mut self.peers[index];
        let before = (peer.stage, peer.blocked);
        let mut outcome = Ok(());
        if flags.contains(EventFlags::OUT) {
            outcome = peer.flush();
        }
        if outcome.is_ok() && flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            outcome = peer.read(&mut self.buffer, &mut self.desk);
        }
        if outcome.is_ok() && peer.has_to_send() {
            outcome = peer.flush();
        }
        let after = (peer.stage, peer.blocked);
        if is_dialling(before.0) && !is_dialling(after.0) {
            self.dialling -= 1;
        }
        if let Role::Publisher(publisher) = &mut peer.role
            && before.1
            && !after.1
        {
            publisher.free = self.desk.now;
        }
        match outcome {
            Err(end) => self.end(index, end),
            Ok(()) if before != after => self.watch(index),
            Ok(()) => {}
        }
    }

    fn connected(&mut self, index: usize, flags: EventFlags) {
        let peer = &mut self.peers[index];
        if let Some(error) = peer.stream.as_ref().and_then(Stream::failure) {
            return self.end(index, End::Broken(error));
        }
        if flags.contains(EventFlags::OUT) {
            peer.stage = Stage::Upgrading;
            peer.out = handshake::request(&self.desk.shared.plan, peer.number);
            match peer.flush() {
                Ok(()) => self.watch(index),
                Err(end) => self.end(index, end),
            }
        }
    }

    /// Has the kernel tell what this connection waits for.
    pub(super) fn watch(&mut self, index: usize) {
        let peer = &self.peers[index];
        let Some(stream) = &peer.stream else { return };
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, peer.stage != Stage::Deaf);
        flags.set(EventFlags::OUT, peer.blocked);
        if let Err(error) = epoll::modify(&self.epoll, stream, EventData::new_u64(index as u64), flags) {
            self.end(index, End::Broken(error.into()));
        }
    }

    /// A connection has come to its end, by the server or by a fault.
    pub(super) fn end(&mut self, index: usize, end: End) {
        let (peer, desk) = (&mut self.peers[index], &mut self.desk);
        match (peer.stage, &mut peer.role) {
            (Stage::Parting, _) => {}
            (Stage::Ready | Stage::Deaf, Role::Subscriber(subscriber)) => {
                let account = subscriber.account(desk);
                account.torn += u64::from(matches!(end, End::Torn(_)));
                tally::count(&mut account.closes, end.reason());
                subscriber.gone(false, desk);
            }
            (Stage::Ready | Stage::Deaf, Role::Publisher(publisher)) => {
                tally::count(&mut desk.tally.publisher_closes, end.reason());
                publisher.gone(desk);
            }
            _ => {
                tally::count(&mut desk.tally.failures, end.reason());
                peer.refused(desk);
            }
        }
        if is_dialling(peer.stage) {
            self.dialling -= 1;
        }
        peer.clear();
        // Who was to come back does.
        if std::mem::take(&mut peer.returns) && self.phase == Phase::Publishing {
            self.connect(index, self.desk.now);
        }
    }

    /// Closes a connection from this side. `tail`: what was sent should all have come.
    pub(super) fn part(&mut self, index: usize, tail: bool) {
        let (peer, desk) = (&mut self.peers[index], &mut self.desk);
        if !matches!(peer.stage, Stage::Ready | Stage::Deaf) {
            if tail && peer.stage != Stage::Parting {
                if is_dialling(peer.stage) {
                    self.dialling -= 1;
                }
                peer.clear();
            }
            return;
        }
        match &mut peer.role {
            Role::Subscriber(subscriber) => subscriber.gone(tail, desk),
            Role::Publisher(publisher) => publisher.gone(desk),
        }
        peer.stage = Stage::Parting;
        peer.since = desk.now;
        frames::put(&mut peer.out, Say::Close, &1000_u16.to_be_bytes());
        match peer.flush() {
            Ok(()) => self.watch(index),
            Err(end) => self.end(index, end),
        }
    }

    /// Gives up who takes too long.
    pub(super) fn sweep(&mut self) {
        let patience = self.desk.shared.plan.patience.as_nanos() as u64;
        for index in 0..self.peers.len() {
            let peer = &self.peers[index];
            let waits = self.desk.now.saturating_sub(peer.since);
            if is_dialling(peer.stage) && waits > patience {
                let reason = format!("not ready within {} s", self.desk.shared.plan.patience.as_secs_f32());
                self.end(index, End::Refused(reason));
            } else if peer.stage == Stage::Parting && waits > FAREWELL {
                self.end(index, End::Cut);
            }
        }
    }
}

fn is_dialling(stage: Stage) -> bool {
    matches!(stage, Stage::Connecting | Stage::Upgrading | Stage::Entering(_))
}
