//! The decoder against all that proptest can think of.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use tidegate::transport::websocket::{Fault, Limits, Message};

use crate::memory::Meter;
use crate::wire::*;

const ROOMY: Limits = Limits { message: 1 << 20, fragments: 64 };

/// Lengths on both sides of each form's end and of a read, and any small one.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => 0..200_usize,
        2 => prop::sample::select(&[125, 126, 4071, 4072, 4080, 8192, 65_535, 65_536, 70_000][..]),
        1 => 0..20_000_usize,
    ]
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        4 => any::<String>().prop_map(|it| text(&it)),
        2 => (length(), any::<char>()).prop_map(|(len, it)| text(&it.to_string().repeat(len))),
        4 => (length(), any::<u8>()).prop_map(|(len, seed)| {
            let bytes: Vec<u8> = (0..len).map(|at| (at as u8).wrapping_mul(31) ^ seed).collect();
            Message::Binary(bytes.into())
        }),
        1 => vec(any::<u8>(), 0..=125).prop_map(|it| Message::Ping(it.into())),
        1 => vec(any::<u8>(), 0..=125).prop_map(|it| Message::Pong(it.into())),
    ]
}

/// A message's frames: cut at each of `cuts`, thousandths of its length, each with a mask.
fn encode(message: &Message, cuts: &[usize], mask: [u8; 4]) -> Vec<Vec<u8>> {
    let (mut opcode, payload) = match message {
        Message::Text(payload) => (TEXT, payload),
        Message::Binary(payload) => (BINARY, payload),
        Message::Ping(payload) => return vec![masked(FIN | PING, mask, payload)],
        Message::Pong(payload) => return vec![masked(FIN | PONG, mask, payload)],
        Message::Close { .. } => unreachable!("ends a session, so it is not among the random messages"),
    };
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| payload.len() * cut / 1000).collect();
    bounds.sort_unstable();
    bounds.push(payload.len());
    let (mut from, last) = (0, bounds.len() - 1);
    let mut frames = Vec::new();
    for (at, to) in bounds.into_iter().enumerate() {
        let fin = if at == last { FIN } else { 0 };
        frames.push(masked(fin | opcode, mask, &payload[from..to]));
        (from, opcode) = (to, CONTINUATION);
    }
    frames
}

/// What a client sends, what should come out, and the sizes of the chunks that it comes in.
type Session = (Vec<u8>, Vec<Message>, Vec<usize>);

fn session() -> impl Strategy<Value = Session> {
    let one = (message(), vec(0..=1000_usize, 0..6), any::<[u8; 4]>(), any::<bool>());
    (vec(one, 0..8), chunk_sizes()).prop_map(|(messages, sizes)| {
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for (message, cuts, mask, interrupted) in messages {
            let mut frames = encode(&message, &cuts, mask);
            if interrupted && frames.len() > 1 {
                frames.insert(1, masked(FIN | PING, mask, b"between"));
                expected.push(Message::Ping(Bytes::from_static(b"between")));
            }
            wire.extend(frames.concat());
            expected.push(message);
        }
        (wire, expected, sizes)
    })
}

fn chunk_sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![vec(0..20_usize, 1..50), vec(0..9000_usize, 1..20), Just(vec![usize::MAX])]
}

/// Cuts the wire into chunks of these sizes, over and over; a size of 0 is a gap.
fn chunks(wire: &[u8], sizes: &[usize]) -> Vec<Bytes> {
    let mut rest = Bytes::copy_from_slice(wire);
    let mut chunks = Vec::new();
    let always = [usize::MAX];
    let sizes = if sizes.iter().all(|&size| size == 0) { &always } else { sizes };
    for &size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        chunks.push(rest.split_to(size.min(rest.len())));
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn legal_messages_come_out_as_they_went_in((wire, expected, sizes) in session()) {
        let (messages, fault) = read_all(&Script::new(chunks(&wire, &sizes)), ROOMY);
        prop_assert_eq!(messages, expected);
        prop_assert!(matches!(fault, Fault::Eof), "{}", fault);
    }

    #[test]
    fn one_changed_byte_neither_panics_nor_costs_memory(
        (mut wire, _, sizes) in session(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        if !wire.is_empty() {
            let at = at.index(wire.len());
            wire[at] = to;
        }
        bounded(&wire, &sizes);
    }

    #[test]
    fn random_bytes_neither_panic_nor_cost_memory(wire in vec(any::<u8>(), 0..3000), sizes in chunk_sizes()) {
        bounded(&wire, &sizes);
    }

    #[test]
    fn random_frames_neither_panic_nor_cost_memory(
        frames in vec((0..16_u8, any::<bool>(), vec(any::<u8>(), 0..130)), 0..30),
        sizes in chunk_sizes(),
    ) {
        let wire: Vec<u8> =
            frames.iter().flat_map(|(opcode, fin, it)| frame(opcode | u8::from(*fin) << 7, it)).collect();
        bounded(&wire, &sizes);
    }
}

/// Reads with limits that an announced length would reach long before its bytes do: what is held
/// at any time stays within what has come, and what comes out is the same however the wire is cut.
fn bounded(wire: &[u8], sizes: &[usize]) {
    let limits = Limits { message: 1 << 40, fragments: 1000 };
    let (link, whole) = (Script::new(chunks(wire, sizes)), Script::new([wire.to_vec()]));
    let meter = Meter::start();
    let (messages, fault) = read_all(&link, limits);
    let list = (messages.capacity() * size_of::<Message>() * 2) as isize;
    // Each payload may pin the reader's buffer that it came in, or its assembly of twice its size.
    let held = 3 * wire.len() as isize + messages.len() as isize * 10_240;
    assert!(meter.peak() <= held + list + 32 * 1024, "{} bytes for {}", meter.peak(), wire.len());
    let (expected, end) = if wire.is_empty() { (Vec::new(), Fault::Eof) } else { read_all(&whole, limits) };
    assert_eq!(messages, expected);
    assert_eq!(fault.to_string(), end.to_string());
}
