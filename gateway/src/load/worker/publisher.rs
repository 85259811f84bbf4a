//! A publisher: sends events at its pace, and learns what became of them.

use std::collections::VecDeque;

use super::desk::Desk;
use super::peer::Stage;
use crate::load::clock::{self, Schedule};
use crate::load::dialect::{Dialect, Heard, Publishing};
use crate::load::frames::{self, Say};
use crate::load::plan::Pace;
use crate::load::tally;

/// Events in one turn at most: then the others are looked at.
const BURST: usize = 256;
/// Events that a server may leave without an answer; then no more are sent.
const UNANSWERED: usize = 16 * 1024;

/// An event that was sent and is not answered.
struct Sent {
    /// Which of the publisher's streams it is in.
    turn: usize,
    sequence: u64,
    /// Deliveries that are waited for on its account.
    deliveries: u64,
}

/// A publisher's side of a connection.
pub(super) struct Publisher {
    /// What it sends into, in turn, and whose turn it is.
    streams: Vec<u16>,
    turn: usize,
    /// Room names, as the streams'.
    rooms: Vec<String>,
    /// In an open loop: nanoseconds between two of its events, and from the start to its first.
    every: f64,
    first: f64,
    /// Events so far.
    events: u64,
    /// Answers come in the events' order.
    unanswered: VecDeque<Sent>,
    /// Of each stream, deliveries of events that were refused and that none behind them has overtaken: whoever gets that
    /// one knows that these do not come.
    behind: Vec<u64>,
    /// In a closed loop, events that may be sent in place of refused ones, though those seem to be on their way.
    again: u64,
    /// Since when the server takes what is sent.
    pub(super) free: u64,
    payload: Vec<u8>,
    message: Vec<u8>,
}

impl Publisher {
    pub(super) fn new(number: u32, desk: &Desk<'_>) -> Self {
        let (plan, layout) = (&desk.shared.plan, &desk.shared.layout);
        let streams: Vec<u16> = layout.streams_of(number).map(|stream| stream as u16).collect();
        let rooms = streams.iter().map(|stream| plan.room(layout.room_of(u32::from(*stream)))).collect();
        let rate = match plan.pace {
            Pace::Rate(rate) => rate * streams.len() as f64 / f64::from(layout.streams()),
            Pace::InFlight(_) | Pace::Idle => f64::INFINITY,
        };
        let every = 1e9 / rate;
        Self {
            behind: vec![0; streams.len()],
            streams,
            turn: 0,
            rooms,
            every,
            // One after the other, so that their events are as evenly spread as one publisher's.
            first: every * f64::from(number) / f64::from(plan.publishers),
            events: 0,
            unanswered: VecDeque::new(),
            again: 0,
            free: 0,
            payload: Vec::new(),
            message: Vec::new(),
        }
    }

    pub(super) fn ready(&mut self, desk: &mut Desk<'_>) -> Stage {
        desk.told.publishers += 1;
        desk.tally.publishers += 1;
        Stage::Ready
    }

    /// It is gone: what nobody has answered nobody need have got.
    pub(super) fn gone(&mut self, desk: &mut Desk<'_>) {
        desk.told.publishers -= 1;
        desk.told.answered += self.unanswered.len() as u64;
        desk.tally.unanswered += self.unanswered.len() as u64;
        self.let_go_of_refused(desk);
        let mut refused = desk.shared.refused();
        for sent in self.unanswered.drain(..) {
            refused.add(self.streams[sent.turn], sent.sequence);
        }
    }

    /// Counts what it should have sent and has not, whether it was ever ready or not.
    pub(super) fn close_books(&self, desk: &mut Desk<'_>) {
        if let Some(schedule) = desk.schedule {
            desk.tally.unsent += self.should_have_sent(&schedule).saturating_sub(self.events);
        }
    }

    /// Nothing more is sent: where all is answered, what was refused at the end is not waited for.
    pub(super) fn let_go(&mut self, desk: &mut Desk<'_>) {
        if self.unanswered.is_empty() {
            self.let_go_of_refused(desk);
        }
    }

    fn let_go_of_refused(&mut self, desk: &mut Desk<'_>) {
        desk.settled += self.behind.iter_mut().map(std::mem::take).sum::<u64>();
    }

    fn should_have_sent(&self, schedule: &Schedule) -> u64 {
        let time = (schedule.end - schedule.start) as f64;
        if self.every > 0.0 && time > self.first {
            ((time - self.first) / self.every).ceil() as u64
        } else {
            0
        }
    }

    /// When its next event is due, in an open loop.
    fn due(&self, schedule: &Schedule) -> Option<u64> {
        let due = schedule.start + (self.first + self.events as f64 * self.every) as u64;
        (self.every > 0.0 && due < schedule.end).then_some(due)
    }

    /// When it is to be looked at again, in an open loop; where answers are missing, they wake it.
    pub(super) fn next(&self, schedule: &Schedule) -> u64 {
        let due = self.due(schedule).filter(|_| self.unanswered.len() < UNANSWERED);
        due.unwrap_or(u64::MAX)
    }

    /// Sends what is due, as one write.
    pub(super) fn publish(&mut self, schedule: &Schedule, desk: &mut Desk<'_>, out: &mut Vec<u8>) {
        for _ in 0..BURST {
            let stream = self.streams[self.turn];
            let members = desk.shared.members(stream.into());
            let (time, unanswered) = match desk.shared.plan.pace {
                Pace::Rate(_) => match self.due(schedule) {
                    Some(due) if due <= desk.now => (due, UNANSWERED),
                    _ => return,
                },
                // What nobody is to get is on its way until it is answered.
                Pace::InFlight(window) if members == 0 => (clock::now(), window as usize),
                Pace::InFlight(_) => (clock::now(), UNANSWERED),
                Pace::Idle => return,
            };
            let over = time >= schedule.end || time < schedule.start;
            if over || self.unanswered.len() >= unanswered || !desk.shared.reserve(members, self.again > 0) {
                return;
            }
            self.again = self.again.saturating_sub(1);
            self.send(stream, time, members, desk, out);
            let measured = schedule.measures(time);
            desk.tally.published_measured += u64::from(measured);
            if measured && self.every > 0.0 {
                let late = clock::now().saturating_sub(time.max(self.free));
                desk.tally.late.saturating_record(late);
            }
        }
    }

    fn send(&mut self, stream: u16, time: u64, deliveries: u64, desk: &mut Desk<'_>, out: &mut Vec<u8>) {
        let shared = desk.shared;
        // Before it is sent: who joins after that is to get what has a higher number.
        let sequence = shared.sent[usize::from(stream)].fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.payload.clear();
        shared.marker.put(stream, sequence, time, &mut self.payload);
        self.message.clear();
        let room = &self.rooms[self.turn];
        Publishing::publish(room, &shared.plan.event_type, &self.payload, &mut self.message);
        frames::put(out, Say::Text, &self.message);
        self.unanswered.push_back(Sent { turn: self.turn, sequence, deliveries });
        self.turn = (self.turn + 1) % self.streams.len();
        self.events += 1;
        desk.tally.published += 1;
        desk.told.published += 1;
    }

    /// Takes a message.
    pub(super) fn hear(&mut self, message: &[u8], desk: &mut Desk<'_>) {
        let Heard::Answer(answer) = Publishing.read(message) else { return };
        if self.unanswered.len() == UNANSWERED {
            self.free = desk.now;
        }
        let Some(sent) = self.unanswered.pop_front() else { return };
        desk.told.answered += 1;
        match answer {
            Ok(()) => self.behind[sent.turn] = 0,
            Err(reason) => {
                desk.shared.refused().add(self.streams[sent.turn], sent.sequence);
                tally::count(&mut desk.tally.refused, reason);
                self.behind[sent.turn] += sent.deliveries;
                self.again += u64::from(matches!(desk.shared.plan.pace, Pace::InFlight(_)));
            }
        }
    }
}
