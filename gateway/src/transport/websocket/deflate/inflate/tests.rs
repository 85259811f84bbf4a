use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

use super::*;

/// The examples of RFC 7692, section 7.2.3: all are "Hello".
const HELLO: [&[u8]; 4] = [
    &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
    &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
    &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
    &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
];

fn deflated(payload: &[u8], level: u32, bits: u8) -> Vec<u8> {
    let mut compress = Compress::new_with_window_bits(Compression::new(level), false, bits);
    let mut out = Vec::with_capacity(payload.len() * 2 + 64);
    compress.compress_vec(payload, &mut out, FlushCompress::Sync).unwrap();
    out.truncate(out.len() - TAIL.len());
    out
}

#[test]
fn the_examples_of_the_standard_are_read() {
    for packed in HELLO {
        assert_eq!(inflate(packed, 5).as_deref(), Ok(&b"Hello"[..]), "{packed:x?}");
        assert_eq!(inflate(packed, 4), Err(Refusal::TooBig), "{packed:x?}");
    }
    assert_eq!(inflate(&[0x00], 0).as_deref(), Ok(&b""[..]), "an empty message");
    assert_eq!(inflate(&[], 0).as_deref(), Ok(&b""[..]), "one of a sender that drops the last block, too");
}

#[test]
fn blocks_may_follow_one_that_says_it_is_the_last() {
    let twice = [&HELLO[2][..7], HELLO[0]].concat();
    assert_eq!(inflate(&twice, 10).as_deref(), Ok(&b"HelloHello"[..]));
}

#[test]
fn no_message_knows_of_the_one_before_it() {
    let first = deflated(b"a context to lean on", 9, 15);
    let mut compress = Compress::new(Compression::new(9), false);
    let mut both = Vec::with_capacity(256);
    for _ in 0..2 {
        compress.compress_vec(b"a context to lean on", &mut both, FlushCompress::Sync).unwrap();
    }
    assert!(inflate(&first, 100).is_ok());
    let second = &both[first.len() + TAIL.len()..];
    assert_eq!(inflate(second, 100), Err(Refusal::NotDeflate));
    assert!(inflate(&first, 100).is_ok(), "and a bad one spoils nothing");
}

#[test]
fn a_bomb_is_refused_before_it_is_in_memory() {
    let bomb = deflated(&vec![0; 64 << 20], 9, 15);
    assert!(bomb.len() < 80_000);
    assert_eq!(inflate(&bomb, 65_536), Err(Refusal::TooBig));
    assert_eq!(inflate(&bomb, (64 << 20) - 1), Err(Refusal::TooBig));
    let whole = inflate(&bomb, 64 << 20).unwrap();
    assert!(whole.capacity() <= (64 << 20) + 1, "{}", whole.capacity());
}

#[test]
fn what_is_no_deflate_is_refused() {
    for bytes in [&[0x07][..], &[0xff; 100], b"plain text", &[0x00, 0x05, 0x00, 0x05, 0x00]] {
        assert_eq!(inflate(bytes, 1 << 20), Err(Refusal::NotDeflate), "{bytes:x?}");
    }
}

proptest! {
    #[test]
    fn what_any_compressor_makes_is_read(
        words in proptest::collection::vec("[a-c]{1,40}", 0..400),
        level in 0_u32..10,
        bits in 9_u8..16,
    ) {
        let payload = words.concat().into_bytes();
        let packed = deflated(&payload, level, bits);
        prop_assert_eq!(inflate(&packed, payload.len()).unwrap(), payload);
    }

    #[test]
    fn whatever_comes_is_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..300), most in 0_usize..2000) {
        if let Ok(inflated) = inflate(&bytes, most) {
            prop_assert!(inflated.len() <= most && inflated.capacity() <= most + 1);
        }
    }
}
