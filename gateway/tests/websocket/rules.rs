//! Each rule of RFC 6455 that a client may break, and each limit.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use tidegate::transport::close::CloseReason;
use tidegate::transport::websocket::{Fault, Inbound, Limits, Message, Refusal};

use crate::wire::*;

/// Delivers `bytes` behind a good message, whole and byte by byte: the good message comes out, and
/// then the refusal, with this code.
fn refused(bytes: &[u8], refusal: Refusal, code: u16) {
    let wire = [&frame(FIN | TEXT, b"good")[..], bytes].concat();
    for size in [wire.len(), 1] {
        let (messages, fault) = read_all(&Script::new(wire.chunks(size).map(Bytes::copy_from_slice)), LIMITS);
        assert_eq!(messages, [text("good")], "{bytes:x?} in chunks of {size}");
        assert!(matches!(fault, Fault::Refused(found) if found == refusal), "{bytes:x?}: {fault}");
    }
    assert_eq!(CloseReason::from(refusal).code(), code);
}

#[test]
fn frames_that_are_not_masked_are_refused() {
    refused(b"\x81\x02hi", Refusal::Unmasked, 1002);
    refused(b"\x89\x00", Refusal::Unmasked, 1002);
}

#[test]
fn reserved_bits_and_opcodes_are_refused() {
    for bit in [0x40, 0x20, 0x10] {
        refused(&frame(FIN | bit | TEXT, b"hi"), Refusal::ReservedBits, 1002);
        refused(&frame(FIN | bit | PING, b"hi"), Refusal::ReservedBits, 1002);
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        refused(&frame(FIN | opcode, b"hi"), Refusal::UnknownOpcode, 1002);
    }
}

#[test]
fn control_frames_are_short_and_whole() {
    for opcode in [CLOSE, PING, PONG] {
        refused(&frame(FIN | opcode, &[b'x'; 126]), Refusal::ControlTooLong, 1002);
        refused(&frame(FIN | opcode, &[b'x'; 70_000]), Refusal::ControlTooLong, 1002);
        refused(&frame(opcode, b"hi"), Refusal::ControlFragmented, 1002);
    }
}

#[test]
fn lengths_are_in_their_shortest_form() {
    refused(b"\x82\xfe\x00\x7d\x01\x02\x03\x04", Refusal::LengthNotMinimal, 1002);
    refused(b"\x82\xff\0\0\0\0\0\0\xff\xff\x01\x02\x03\x04", Refusal::LengthNotMinimal, 1002);
    refused(b"\x82\xff\x80\0\0\0\0\0\0\0\x01\x02\x03\x04", Refusal::LengthOutOfRange, 1002);
}

#[test]
fn fragments_come_in_order() {
    refused(&frame(FIN, b"hi"), Refusal::StrayContinuation, 1002);
    refused(&frame(CONTINUATION, b"hi"), Refusal::StrayContinuation, 1002);
    let open = frame(TEXT, b"a");
    refused(&[&open[..], &frame(FIN | BINARY, b"b")].concat(), Refusal::MessageOpen, 1002);
    refused(&[&open[..], &frame(TEXT, b"b")].concat(), Refusal::MessageOpen, 1002);
}

#[test]
fn text_is_utf8() {
    refused(&frame(FIN | TEXT, b"a\xff"), Refusal::TextNotUtf8, 1007);
    refused(&frame(FIN | TEXT, b"a\xce"), Refusal::TextNotUtf8, 1007);
    let cut = [frame(TEXT, b"a\xce"), frame(FIN, b"b")].concat();
    refused(&cut, Refusal::TextNotUtf8, 1007);
}

#[test]
fn text_is_refused_before_its_frame_has_ended() {
    let wire = frame(TEXT, &[b"ok\xff".as_slice(), &[b'x'; 1000]].concat());
    let link = Script::silent();
    link.bring(wire[..11].to_vec());
    let mut inbound = Inbound::new(&link, LIMITS, Bytes::new());
    let next = inbound.poll_next(&link, &mut Context::from_waker(Waker::noop()));
    assert!(matches!(next, Poll::Ready(Err(Fault::Refused(Refusal::TextNotUtf8)))), "{next:?}");
}

#[test]
fn close_frames_are_well_formed() {
    refused(&frame(FIN | CLOSE, b"\x03"), Refusal::CloseTruncated, 1002);
    refused(&frame(FIN | CLOSE, &1005_u16.to_be_bytes()), Refusal::CloseCode, 1002);
    refused(&frame(FIN | CLOSE, b"\x03\xe8\xff"), Refusal::CloseNotUtf8, 1007);
}

#[test]
fn messages_keep_to_their_limit_over_all_fragments() {
    let limits = Limits { message: 1000, fragments: 2 };
    let run = |frames: &[Vec<u8>]| read_all(&Script::new([frames.concat()]), limits);

    let (messages, _) = run(&[frame(FIN | BINARY, &[7; 1000])]);
    assert_eq!(messages, [binary(&[7; 1000])]);
    let (messages, _) = run(&[frame(BINARY, &[7; 600]), frame(FIN, &[7; 400])]);
    assert_eq!(messages, [binary(&[7; 1000])]);

    let (_, fault) = run(&[head(FIN | BINARY, 1001, MASK)]);
    assert!(matches!(fault, Fault::Refused(Refusal::TooBig)), "before a byte of it came: {fault}");
    let (_, fault) = run(&[frame(BINARY, &[7; 600]), head(FIN, 401, MASK)]);
    assert!(matches!(fault, Fault::Refused(Refusal::TooBig)), "{fault}");
    let (_, fault) = run(&[frame(BINARY, b""), frame(CONTINUATION, b""), frame(CONTINUATION, b"")]);
    assert!(matches!(fault, Fault::Refused(Refusal::TooManyFragments)), "{fault}");
    assert_eq!(CloseReason::from(Refusal::TooBig).code(), 1009);
    assert_eq!(CloseReason::from(Refusal::TooManyFragments).code(), 1008);
}

#[test]
fn after_a_close_nothing_is_a_message_any_more() {
    let wire = [frame(FIN | CLOSE, b"\x03\xe8bye"), frame(FIN | TEXT, b"late")].concat();
    let link = Script::new([wire, frame(FIN | TEXT, b"later")]);
    let (messages, fault) = read_all(&link, LIMITS);
    assert_eq!(messages, [Message::Close { code: Some(1000), reason: "bye".into() }]);
    assert!(matches!(fault, Fault::Eof), "{fault}");
}

#[test]
fn after_a_refusal_input_is_thrown_away_until_the_end() {
    let link = Script::new([b"\x81\x02hi".to_vec(), frame(FIN | TEXT, b"late")]);
    let mut inbound = Inbound::new(&link, LIMITS, Bytes::new());
    let mut cx = Context::from_waker(Waker::noop());
    let first = inbound.poll_next(&link, &mut cx);
    assert!(matches!(first, Poll::Ready(Err(Fault::Refused(Refusal::Unmasked)))), "{first:?}");
    let then = inbound.poll_next(&link, &mut cx);
    assert!(matches!(then, Poll::Ready(Err(Fault::Eof))), "{then:?}");
}

#[test]
fn a_stream_that_ends_in_a_frame_has_ended() {
    let wire = frame(FIN | TEXT, b"half a message");
    for cut in 1..wire.len() {
        let (messages, fault) = read_all(&Script::new([wire[..cut].to_vec()]), LIMITS);
        assert!(messages.is_empty() && matches!(fault, Fault::Eof), "{cut} bytes: {fault}");
    }
}

#[test]
fn what_came_with_the_handshake_comes_first() {
    let wire = [frame(FIN | TEXT, b"first"), frame(FIN | TEXT, b"second")].concat();
    for cut in 0..=wire.len() {
        let link = Script::new((cut < wire.len()).then(|| wire[cut..].to_vec()));
        let mut inbound = Inbound::new(&link, LIMITS, Bytes::copy_from_slice(&wire[..cut]));
        let mut next = || inbound.poll_next(&link, &mut Context::from_waker(Waker::noop()));
        assert!(matches!(next(), Poll::Ready(Ok(message)) if message == text("first")), "{cut}");
        assert!(matches!(next(), Poll::Ready(Ok(message)) if message == text("second")), "{cut}");
        assert!(matches!(next(), Poll::Ready(Err(Fault::Eof))), "{cut}");
    }
}

#[test]
fn one_turn_reads_64_kib_and_asks_for_another() {
    #[derive(Default)]
    struct Woken(AtomicUsize);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let payload = vec![7; 1 << 20];
    let link = Script::new([frame(FIN | BINARY, &payload)]);
    let mut inbound = Inbound::new(&link, LIMITS, Bytes::new());
    let (mut turns, mut before) = (0, 0);
    let message = loop {
        let next = inbound.poll_next(&link, &mut Context::from_waker(&waker));
        let read = link.read.get() - before;
        assert!(read <= 72 * 1024, "{read} bytes in one turn");
        before = link.read.get();
        turns += 1;
        match next {
            Poll::Ready(message) => break message.unwrap(),
            Poll::Pending => assert_eq!(woken.0.load(Ordering::Relaxed), turns),
        }
    };
    assert_eq!(message, Message::Binary(payload.into()));
    assert_eq!(Rc::strong_count(&link), 2, "the reader is there while more may lie in it");
    assert!((15..=17).contains(&turns), "{turns} turns");
}
