//! Gives segments back, oldest first. What is still needed of one is carried to the end of the log, a slice between two
//! groups.
//!
//! Oldest first, and never one from the middle: so a record that takes others back (a room's end, a new epoch) is gone
//! only after all that it takes back, and need not be kept for that. Carrying costs at most as much as was freed, as it
//! is done where half of a segment is dead, or more of the whole log.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::Task;
use super::error::WriteError;
use super::note::Ended;
use super::record::Record;
use super::scan::{Scan, Step};
use super::segment::{Place, PlaceId, Segment};
use super::writer::{GROUP, TICK, Writer};
use crate::frame::Epoch;

/// Bytes of a segment that are looked through between two groups, beside twice of what these wrote.
const SLICE: u64 = 256 * 1024;

/// How far a segment is carried on.
pub(super) struct Carry {
    scan: Scan,
    /// Something in it that is needed cannot be read.
    damaged: bool,
}

/// How much of it is.
enum Carried {
    All,
    Part,
    /// The disk does not give it.
    Unreadable(io::Error),
}

/// A record that was written anew.
struct Copy {
    room: Box<str>,
    epoch: Epoch,
    offset: u64,
    from: PlaceId,
    len: u32,
}

impl<T: Task> Writer<T> {
    /// Goes on giving segments back, so much as fits the bytes that were written.
    pub(super) fn reclaim(&mut self, wrote: u64) -> Result<(), WriteError> {
        if self.carry.is_none() && self.looked.elapsed() >= TICK {
            self.carry = self.due().map(|segment| Carry { scan: Scan::new(&segment), damaged: false });
            if self.carry.is_none() {
                self.looked = Instant::now();
            }
        }
        let Some(mut carry) = self.carry.take() else { return Ok(()) };
        let start = carry.scan.at;
        match self.carry_on(&mut carry, SLICE + 2 * wrote) {
            Ok(Carried::All) => self.give_away(&carry),
            Ok(Carried::Part) => {
                self.carry = Some(carry);
                Ok(())
            }
            Ok(Carried::Unreadable(error)) => {
                let path = &carry.scan.segment.path;
                tracing::error!(path = %path.display(), %error, "history cannot be read; it is tried again");
                self.looked = Instant::now();
                Ok(())
            }
            Err(error) => {
                // What was copied and is not committed is copied again.
                carry.scan.at = start;
                self.carry = Some(carry);
                Err(error)
            }
        }
    }

    /// The oldest segment, where it is worth it.
    fn due(&self) -> Option<Arc<Segment>> {
        let segments = self.shared.segments.lock();
        let oldest = segments.front().filter(|_| segments.len() > 1)?;
        let (bytes, live) = segments
            .iter()
            .fold((0, 0), |(bytes, live), segment| (bytes + segment.length(), live + segment.live()));
        let is_due = 2 * oldest.live() < oldest.length() || bytes > 2 * live + 2 * self.folder.size;
        is_due.then(|| Arc::clone(oldest))
    }

    /// Carries on what is needed of the next `bytes`.
    fn carry_on(&mut self, carry: &mut Carry, bytes: u64) -> Result<Carried, WriteError> {
        let segment = Arc::clone(&carry.scan.segment);
        let stop = carry.scan.at + bytes;
        let (mut buffer, mut copies) = (Vec::new(), Vec::new());
        while carry.scan.at < stop {
            match carry.scan.next() {
                Err(error) => {
                    self.land(&mut buffer, &mut copies)?;
                    return Ok(Carried::Unreadable(error));
                }
                Ok(None) => {
                    self.land(&mut buffer, &mut copies)?;
                    return Ok(Carried::All);
                }
                Ok(Some(Step::Bad(hole))) => carry.damaged |= segment.has_live(hole.from..hole.to),
                Ok(Some(Step::Whole { at, record, bytes })) if segment.is_live(u64::from(at)) => {
                    let epoch = *self.renamed.get(&record.epoch).unwrap_or(&record.epoch);
                    if self.ended.contains_key(&epoch) {
                        continue; // somebody still holds a room that is no more
                    }
                    if buffer.len() >= GROUP || !self.head.fits(buffer.len(), bytes.len(), self.folder.size) {
                        self.land(&mut buffer, &mut copies)?;
                    }
                    self.make_room(buffer.len() + bytes.len())?;
                    let record = Record { epoch, carried: true, more: false, ..record };
                    copies.push(Copy {
                        room: record.room.into(),
                        epoch,
                        offset: record.offset,
                        from: PlaceId::new(&segment, at),
                        len: record.encode(&mut buffer)?,
                    });
                }
                Ok(Some(Step::Whole { .. })) => {}
            }
        }
        self.land(&mut buffer, &mut copies)?;
        Ok(Carried::Part)
    }

    /// Writes copies, and tells their rooms where they are.
    fn land(&mut self, buffer: &mut Vec<u8>, copies: &mut Vec<Copy>) -> Result<(), WriteError> {
        if copies.is_empty() {
            return Ok(());
        }
        let mut at = self.append(buffer)?;
        for copy in copies.drain(..) {
            let place = Place::new(&self.head.segment, at as u32, copy.len);
            at += u64::from(copy.len);
            // Where it died on the way its copy is one more that is not needed.
            self.rooms.moved(&copy.room, copy.epoch, copy.offset, &copy.from, place);
        }
        Ok(())
    }

    /// Writes and commits `buffer`, and empties it; answers where it lies.
    fn append(&mut self, buffer: &mut Vec<u8>) -> Result<u64, WriteError> {
        self.head.write(buffer)?;
        let at = self.head.keep(buffer.len() as u64);
        buffer.clear();
        Ok(at)
    }

    /// Nothing is needed of the segment any more, but what cannot be read.
    fn give_away(&mut self, carry: &Carry) -> Result<(), WriteError> {
        let segment = &carry.scan.segment;
        if carry.damaged {
            tracing::error!(
                path = %segment.path.display(),
                "history that is needed cannot be read; all rooms will have another epoch after the next start"
            );
            self.note.ended = Ended::Damaged;
            self.write_note()?;
        }
        self.sync()?;
        self.delete(segment)
    }

    /// Gives back those at the beginning of which nothing is needed, while nothing can be written. What was carried out
    /// of them must have been synced.
    pub(super) fn give_back_dead(&mut self) -> Result<(), WriteError> {
        loop {
            let segments = self.shared.segments.lock();
            let dead = segments.front().filter(|oldest| segments.len() > 1 && oldest.live() == 0).cloned();
            drop(segments);
            let Some(dead) = dead else { return Ok(()) };
            self.carry = None;
            self.delete(&dead)?;
        }
    }

    fn delete(&mut self, segment: &Arc<Segment>) -> Result<(), WriteError> {
        self.folder.delete(segment)?;
        let mut segments = self.shared.segments.lock();
        segments.retain(|other| !Arc::ptr_eq(other, segment));
        let oldest = segments.front().map_or(0, |segment| segment.number);
        drop(segments);
        self.ended.retain(|_, number| *number >= oldest);
        Ok(())
    }
}
