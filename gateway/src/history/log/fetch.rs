//! Reading events back from the files.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::record::{Flaw, Record, What};
use super::segment::Span;
use crate::frame::{Cursor, Epoch, Event, EventType, Posted, RoomId, Tags};

/// Bytes between two records that are rather read than skipped.
const NEAR: u64 = 1024;

/// Events that lie on the disk, to be read where that may take its time. Their files stay readable meanwhile.
#[derive(Debug)]
pub struct Fetch {
    pub(super) room: RoomId,
    pub(super) epoch: Epoch,
    /// The offset of the first.
    pub(super) first: u64,
    /// In order, with no hole.
    pub(super) spans: Vec<Span>,
}

impl Fetch {
    /// How many events they are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none; never so where a read answers this.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Reads them; `types` gives each its type by the name. It waits for the disk.
    ///
    /// # Errors
    /// Where they cannot be read, or are not what was written.
    pub fn fetch(self, types: &dyn Fn(&str) -> EventType) -> io::Result<Vec<Arc<Posted>>> {
        let now = Instant::now();
        let mut events = Vec::with_capacity(self.spans.len());
        for run in self.spans.chunk_by(is_near) {
            let [first, ..] = run else { continue };
            let last = &run[run.len() - 1];
            let mut buffer =
                vec![0; (u64::from(last.at) + u64::from(last.len) - u64::from(first.at)) as usize];
            let of_file = |error: io::Error| failed(&first.segment.path, first.at, &error);
            first.segment.read(&mut buffer, u64::from(first.at)).map_err(of_file)?;
            let buffer = Bytes::from(buffer);
            for span in run {
                let offset = self.first + events.len() as u64;
                let bytes = buffer.slice((span.at - first.at) as usize..).slice(..span.len as usize);
                let event = self.event(&bytes, offset, types);
                let event = event.map_err(|flaw| failed(&span.segment.path, span.at, &flaw))?;
                let cursor = Cursor { epoch: self.epoch, offset };
                events.push(Arc::new(Posted::new(event, self.room.clone(), cursor, true, now)));
            }
        }
        Ok(events)
    }

    /// The event of a record, which must be that of this room at `offset`.
    fn event(&self, bytes: &Bytes, offset: u64, types: &dyn Fn(&str) -> EventType) -> Result<Event, Flaw> {
        let (record, _) = Record::decode(bytes)?;
        match record.what {
            What::Event(body) if record.room == &*self.room.name && record.offset == offset => Ok(Event {
                kind: types(body.kind),
                data: bytes.slice_ref(body.data),
                source: body.source.into(),
                key: body.key.map(Into::into),
                id: body.id.map(Into::into),
                origin: body.origin.map(Into::into),
                tags: body.tags.map(|tags| Tags::read(tags).ok_or(Flaw::Shape)).transpose()?,
                time: record.time,
            }),
            _ => Err(Flaw::Shape),
        }
    }
}

/// Whether two records are read with one call.
fn is_near(one: &Span, next: &Span) -> bool {
    let end = u64::from(one.at) + u64::from(one.len);
    Arc::ptr_eq(&one.segment, &next.segment) && (end..=end + NEAR).contains(&u64::from(next.at))
}

fn failed(path: &Path, at: u32, why: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}, byte {at}: {why}", path.display()))
}
