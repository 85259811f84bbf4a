//! One publisher of a load.

use std::io;

use hdrhistogram::Histogram;
use memchr::memchr;

use super::connection::Connection;
use super::{Aim, Error, Pace, system};
use crate::marker::{LENGTH, marker};
use crate::websocket;

/// Bytes that a publisher hands to the kernel at once.
const BURST: usize = 256 << 10;
const SECOND: f64 = 1e9;

/// A publisher that is connected.
pub(super) struct Publisher {
    pub(super) connection: Connection,
    aim: Aim,
    /// Events so far.
    pub(super) published: u64,
    /// When the next one is due, in nanoseconds; of a rate.
    next: f64,
    /// The time in the last event: that in the next one is later, so that they can be told apart.
    latest: u64,
    /// What the next event is put together in.
    text: Vec<u8>,
    /// What the kernel has not taken.
    unsent: Vec<u8>,
}

impl Publisher {
    pub(super) fn new(connection: Connection, aim: Aim) -> Self {
        Self { connection, aim, published: 0, next: 0.0, latest: 0, text: Vec::new(), unsent: Vec::new() }
    }

    /// Whom it publishes to.
    pub(super) fn crew(&self) -> usize {
        self.aim.crew
    }

    /// Deliveries of an event.
    pub(super) fn fanout(&self) -> u64 {
        self.aim.fanout as u64
    }

    /// Whether it keeps to a rate, which the load then looks at the clock for.
    pub(super) fn paced(&self) -> bool {
        matches!(self.aim.pace, Pace::Rate(_))
    }

    /// Events of which not all deliveries have come, by how many have.
    pub(super) fn in_flight(&self, received: u64) -> u64 {
        self.published.saturating_sub(received / self.fanout().max(1))
    }

    /// Begins at this time.
    pub(super) fn begin(&mut self, now: u64) {
        self.next = now as f64;
    }

    /// Publishes what is due, and calls `sent` with the time of each event.
    pub(super) fn publish(
        &mut self,
        received: u64,
        clock: impl Fn() -> u64,
        late: &mut Histogram<u64>,
        mut sent: impl FnMut(u64),
    ) -> Result<(), Error> {
        while self.unsent.len() < BURST {
            let now = clock();
            let from = match self.aim.pace {
                Pace::Window(most) if self.in_flight(received) < most => now,
                // From when it was due, so that a server that holds the load up is seen to.
                Pace::Rate(rate) if now as f64 >= self.next => {
                    let due = self.next as u64;
                    late.saturating_record(now - due);
                    self.next += SECOND / rate;
                    due
                }
                _ => break,
            };
            self.latest = from.max(self.latest + 1);
            self.frame(self.latest);
            self.published += 1;
            sent(self.latest);
        }
        self.flush()
    }

    /// Sends what the kernel has not taken yet, as far as it takes it now.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.send().map_err(system("send"))
    }

    fn frame(&mut self, now: u64) {
        let room = self.published % self.aim.rooms.max(1) as u64;
        let mut rest = self.aim.template.as_bytes();
        self.text.clear();
        while let Some(at) = memchr(b'%', rest) {
            self.text.extend_from_slice(&rest[..at]);
            rest = match rest.get(at + 1) {
                Some(b'T') => {
                    self.text.extend_from_slice(marker(now).as_bytes());
                    let filler = self.aim.size.saturating_sub(LENGTH);
                    self.text.resize(self.text.len() + filler, b'x');
                    &rest[at + 2..]
                }
                Some(b'R') => {
                    self.text.extend_from_slice(room.to_string().as_bytes());
                    &rest[at + 2..]
                }
                _ => {
                    self.text.push(b'%');
                    &rest[at + 1..]
                }
            };
        }
        self.text.extend_from_slice(rest);
        websocket::text(&self.text, &mut self.unsent);
    }

    fn send(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.connection.write(&self.unsent) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                taken => drop(self.unsent.drain(..taken?)),
            }
        }
        Ok(())
    }
}
