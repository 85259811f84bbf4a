//! Answers as envelopes.

use serde::Serialize;
use serde_json::{json, to_vec};
use uuid::Uuid;

use super::Told;
use super::envelope::{Target, before_data, behind_data};
use crate::dialect::Answer;
use crate::frame::Timestamp;
use crate::transport::Framing;

/// Appends the frame of an answer, where it has one: its clients are answered little.
pub(super) fn put(framing: Framing, answer: &Answer<'_>, out: &mut Vec<u8>) {
    match answer {
        Answer::JoinedThose(entries) => {
            let content = format!("Suscrito a {entries} tipos de eventos");
            let told = Told { title: "Suscripción confirmada", content: &content, level: "info" };
            out.extend_from_slice(&frame(framing, "notification", &told));
        }
        Answer::Call { success: true, name, data, .. } => put_raw(framing, name, data, out),
        Answer::Call { message, .. }
        | Answer::Refused(message)
        | Answer::Busy { message, .. }
        | Answer::Limited { message, .. } => {
            put_error(framing, &format!("Error processing message: {message}"), out);
        }
        // A piece of an answer is none, and of what it asked in vain a client hears nothing.
        _ => {}
    }
}

/// Appends the event `error`.
pub(super) fn put_error(framing: Framing, error: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&frame(framing, "error", &json!({ "error": error })));
}

/// A frame for one session alone.
pub(super) fn frame(framing: Framing, event_type: &str, data: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    // Plain data, whose writing does not fail.
    put_raw(framing, event_type, &to_vec(data).unwrap_or_default(), &mut out);
    out
}

/// `data`: JSON, or nothing.
fn put_raw(framing: Framing, event_type: &str, data: &[u8], out: &mut Vec<u8>) {
    let mut text = Vec::with_capacity(256 + data.len());
    before_data(&mut text, event_type);
    super::envelope::put_data(&mut text, data);
    behind_data(&mut text, Timestamp::now().into(), Uuid::new_v4(), Target::None);
    framing.text(out, &text);
}
