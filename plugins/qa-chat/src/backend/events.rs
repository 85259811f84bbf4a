//! The events of an answer that comes as an event stream, whichever service gives it.

use std::collections::VecDeque;

use super::Failure;
use crate::wire::{Body, EventStream};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Events {
    body: Body,
    stream: EventStream,
    waiting: VecDeque<Vec<u8>>,
    /// Bytes of an event at most.
    longest: usize,
}

impl Events {
    pub(super) fn of(body: Body, longest: usize) -> Self {
        Self { body, stream: EventStream::new(longest), waiting: VecDeque::new(), longest }
    }

    /// The data of the next one; none where the stream has ended.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            let Some(part) = self.body.part().await? else { return Ok(None) };
            self.stream.feed(&part, &mut self.waiting).map_err(|_| Failure::TooLong(self.longest))?;
        }
    }

    /// That the stream has ended where it should have gone on.
    pub(super) fn broken_off() -> Failure {
        Failure::Broken("its stream ended in the middle of an answer".into())
    }
}
