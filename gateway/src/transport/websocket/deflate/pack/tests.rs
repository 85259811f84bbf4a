use flate2::{Decompress, FlushDecompress};
use proptest::prelude::*;

use super::*;
use crate::transport::websocket::frames::{self, Kind};

const WINDOWS: [Window; 2] = [Window::Whole, Window::Smallest];

fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frames::data(&mut frame, kind, payload);
    frame
}

fn packed(frame: &[u8], window: Window, from: usize) -> Option<Vec<u8>> {
    let mut out = b"before".to_vec();
    let saved = pack(frame, window, from, &mut out)?;
    let packed = out.split_off(6);
    assert_eq!(
        (saved.before, saved.after),
        (frame.len() - head_len(frame), packed.len() - head_len(&packed))
    );
    Some(packed)
}

/// As a client reads it that has a window of so many bits.
fn inflated(frame: &[u8], bits: u8) -> Vec<u8> {
    let mut inflater = Decompress::new_with_window_bits(false, bits);
    let packed = [&frame[head_len(frame)..], &TAIL].concat();
    let mut out = Vec::new();
    loop {
        // In small pieces: what was written before is known from the window alone.
        let mut piece = Vec::with_capacity(16);
        let read = inflater.total_in() as usize;
        inflater.decompress_vec(&packed[read..], &mut piece, FlushDecompress::Sync).unwrap();
        if piece.is_empty() {
            return out;
        }
        out.extend(piece);
    }
}

#[test]
fn a_message_is_one_frame_that_says_so() {
    let payload = "so much the same, ".repeat(100);
    for (kind, first) in [(Kind::Text, 0xc1), (Kind::Binary, 0xc2)] {
        for window in WINDOWS {
            let packed = packed(&frame(kind, payload.as_bytes()), window, 0).unwrap();
            assert_eq!(packed[0], first);
            assert!(packed.len() < 200);
            assert_eq!(super::frames(&packed).collect::<Vec<_>>(), [&*packed], "its length is right");
            assert_eq!(inflated(&packed, 15), payload.as_bytes());
        }
    }
}

#[test]
fn what_would_gain_nothing_stays_as_it_is() {
    let same = "x".repeat(200);
    let whole = frame(Kind::Text, same.as_bytes());
    assert!(packed(&whole, Window::Whole, 200).is_some());
    assert_eq!(packed(&whole, Window::Whole, 201), None, "shorter than is asked for");
    let done = packed(&whole, Window::Whole, 0).unwrap();
    assert_eq!(packed(&done, Window::Whole, 0), None, "compressed already");
    assert_eq!(packed(&frame(Kind::Binary, &noise(1000)), Window::Whole, 0), None, "not shorter");
    assert_eq!(packed(&frame(Kind::Binary, b""), Window::Whole, 0), None);
    let mut control = Vec::new();
    frames::close(&mut control, Some(1000), &"y".repeat(100));
    assert_eq!(packed(&control, Window::Whole, 0), None, "control frames are never compressed");
}

#[test]
fn messages_do_not_lean_on_each_other() {
    let payload = "a context to lean on ".repeat(20);
    let whole = frame(Kind::Text, payload.as_bytes());
    for window in WINDOWS {
        let first = packed(&whole, window, 0);
        assert_eq!(packed(&whole, window, 0), first);
    }
}

/// Bytes that nothing in them tells from others.
fn noise(len: usize) -> Vec<u8> {
    let mut seed = 1_u32;
    let next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn for_the_smallest_window_nothing_is_looked_back_for_that_it_does_not_hold() {
    // What comes again after so many bytes, and nothing else in it does.
    for distance in [257, 258, 300, 400, 511, 512, 513, 600] {
        let whole = frame(Kind::Binary, &noise(distance).repeat(20));
        let small = packed(&whole, Window::Smallest, 0).unwrap_or_else(|| whole.clone());
        assert!(small.len() > whole.len() * 3 / 4, "{distance} bytes back");
        assert!(packed(&whole, Window::Whole, 0).unwrap().len() < whole.len() / 4);
    }
}

proptest! {
    #[test]
    fn every_client_reads_what_is_sent(words in proptest::collection::vec("[ -~]{1,30}", 0..300), from in 0_usize..600) {
        let payload = words.concat().into_bytes();
        let whole = frame(Kind::Text, &payload);
        for (window, bits) in [(Window::Whole, 15), (Window::Smallest, 9)] {
            if let Some(packed) = packed(&whole, window, from) {
                prop_assert!(packed.len() <= whole.len());
                prop_assert_eq!(inflated(&packed, bits), payload.clone());
            }
        }
    }

    #[test]
    fn frames_are_told_apart(lengths in proptest::collection::vec(0_usize..70_000, 0..6)) {
        let each: Vec<_> = lengths.iter().map(|len| frame(Kind::Binary, &vec![7; *len])).collect();
        let bytes = each.concat();
        prop_assert_eq!(super::frames(&bytes).collect::<Vec<_>>(), each);
    }
}
