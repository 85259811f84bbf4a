//! Messages of the dialect `envelope`, one a line, as any client may send them, and what a plugin may say to those that are
//! calls.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tidegate::dialect::{Answer, Asked, Dialect, Envelope, EnvelopeFrame, Message, Request, Welcome};
use tidegate::frame::{Forms, Timestamp};
use tidegate::transport::Framing;

fn dialect(greeted: bool) -> Envelope {
    let form = Forms::default().add(EnvelopeFrame(Framing::WebSocket));
    let dialect = Envelope::new(form, Framing::WebSocket, false);
    if greeted {
        let welcome = Welcome {
            connection_id: "c",
            taken: None,
            message: "",
            timestamp: Timestamp(1),
            heartbeat: 20,
            user_id: None,
            only: None,
        };
        assert!(dialect.welcome(&welcome).is_some());
    }
    dialect
}

/// Holds each frame to what all have.
fn hold(mut out: &[u8]) {
    while let [0x81, length, rest @ ..] = out {
        let (length, rest) = match length {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().expect("eight bytes")) as usize, &rest[8..]),
            length => (usize::from(*length), rest),
        };
        let frame: Value = serde_json::from_slice(&rest[..length]).expect("a frame is JSON");
        assert_eq!(frame["type"], frame["payload"]["message_type"]);
        assert!(frame.as_object().is_some_and(|frame| frame.len() == 8), "{frame}");
        out = &rest[length..];
    }
    assert!(out.is_empty(), "something else than texts");
}

fuzz_target!(|input: &[u8]| {
    let lines: Vec<_> = input.split(|byte| *byte == b'\n').collect();
    let said: Vec<_> = lines.iter().rev().take(3).copied().collect();
    for dialect in [dialect(true), dialect(false)] {
        let mut out = Vec::new();
        for payload in &lines {
            match dialect.decode(Message { payload, text: false }) {
                Err((id, malformed)) => dialect.malformed(id.as_deref(), &malformed, &mut out),
                Ok(Asked { id, request }) => {
                    let Request::Call { data, streamed, .. } = request else { continue };
                    let data: Value = serde_json::from_str(data.get()).expect("a call's data are JSON");
                    assert!(data["content"].as_str().is_some_and(|content| !content.is_empty()));
                    for (seq, data) in said.iter().enumerate().filter(|_| streamed) {
                        dialect.answer(id.as_deref(), &Answer::Part { name: "chat", seq: seq as u64, data }, &mut out);
                    }
                    let (message, data) = ("", said[0]);
                    let answer = Answer::Call { name: "chat", success: true, message, data, streamed };
                    dialect.answer(id.as_deref(), &answer, &mut out);
                }
            }
        }
        hold(&out);
    }
});
