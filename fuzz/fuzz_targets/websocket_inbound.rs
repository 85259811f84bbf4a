//! A client's bytes, cut two ways.
#![no_main]

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BufMut, Bytes};
use libfuzzer_sys::fuzz_target;
use tidegate::transport::websocket::{Fault, Inbound, Limits, Link, Message};

const LIMITS: Limits = Limits { message: 1 << 40, fragments: 100 };

/// Brings at most `chunk` bytes a read, with nothing to read before each where `gaps` says so.
struct Wire {
    rest: RefCell<Bytes>,
    chunk: usize,
    gaps: Option<RefCell<bool>>,
}

impl Link for Wire {
    fn poll_read_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.gaps {
            Some(gap) if gap.replace(false) => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    fn try_read<B: BufMut>(&self, into: &mut B) -> io::Result<usize> {
        let mut rest = self.rest.borrow_mut();
        let count = rest.len().min(self.chunk).min(into.remaining_mut());
        into.put_slice(&rest[..count]);
        rest.advance(count);
        if let Some(gap) = &self.gaps {
            gap.replace(true);
        }
        Ok(count)
    }
}

fn read_all(wire: &[u8], chunk: usize, gaps: bool) -> (Vec<Message>, Fault) {
    let rest = RefCell::new(Bytes::copy_from_slice(wire));
    let link = Rc::new(Wire { rest, chunk, gaps: gaps.then(|| RefCell::new(true)) });
    let mut inbound = Inbound::new(&link, LIMITS, Bytes::new());
    let mut messages = Vec::new();
    loop {
        match inbound.poll_next(&link, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(message)) => messages.push(message),
            Poll::Ready(Err(fault)) => return (messages, fault),
            Poll::Pending => {}
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let [chunk, gaps, wire @ ..] = input else { return };
    let (messages, end) = read_all(wire, usize::MAX, false);
    let (cut, cut_end) = read_all(wire, usize::from(*chunk) + 1, gaps & 1 == 1);
    assert_eq!(messages, cut);
    assert_eq!(end.to_string(), cut_end.to_string());
    for message in &messages {
        assert!(!matches!(message, Message::Text(text) if std::str::from_utf8(text).is_err()));
    }
    let delivered: usize = messages.iter().map(Message::cost).sum();
    assert!(delivered <= wire.len());
});
