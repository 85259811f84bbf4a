//! What a client offers of permessage-deflate, and what it sends compressed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::transport::websocket::deflate::{Window, agree, frames, inflate, pack};
use tidegate::transport::websocket::frames::{Kind, data};

/// What may stand in an answer though nobody has asked for it.
const ALWAYS: usize = 3;

fn offer(value: &[u8]) {
    let Ok(value) = http::HeaderValue::from_bytes(value) else { return };
    let mut headers = http::HeaderMap::new();
    headers.insert("sec-websocket-extensions", value.clone());
    let Ok(Some(agreed)) = agree(&headers) else { return };
    let offered = value.to_str().unwrap().to_ascii_lowercase();
    let answer = agreed.answer.to_str().unwrap();
    for parameter in answer.split("; ").skip(ALWAYS) {
        let (name, bits) = parameter.split_once('=').unwrap();
        assert!(offered.contains(name) && (8..=15).contains(&bits.parse().unwrap()), "{answer}");
    }
}

fn payload(packed: &[u8], most: usize) {
    let Ok(inflated) = inflate(packed, most) else { return };
    assert!(inflated.len() <= most);
    let mut frame = Vec::new();
    data(&mut frame, Kind::Binary, &inflated);
    for window in [Window::Whole, Window::Smallest] {
        let mut out = Vec::new();
        if pack(&frame, window, 0, &mut out).is_none() {
            continue;
        }
        let mut all = frames(&out);
        let packed = all.next().unwrap();
        assert!(all.next().is_none() && packed.len() <= frame.len());
        let head = [2, 4, 10][usize::from(packed[1]).saturating_sub(125)];
        assert_eq!(inflate(&packed[head..], most).unwrap(), inflated);
    }
}

fuzz_target!(|input: &[u8]| {
    let [most, input @ ..] = input else { return };
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    offer(&input[..end]);
    payload(input.get(end + 1..).unwrap_or_default(), usize::from(*most) * 64);
});
