//! Frames as clients of `topics` and `stream` send them, and messages of other processes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tidegate::bus::Envelope;
use tidegate::dialect::{Dialect, Message, Request, Stream, StreamFrame, Topics, TopicsFrame};
use tidegate::frame::Forms;
use tidegate::transport::Framing;

const FRAMING: Framing = Framing::WebSocket;

/// Names that the gateway goes by: none is empty, and none has white space around it.
fn judge(names: &[std::borrow::Cow<'_, str>]) {
    assert!(names.iter().all(|name| !name.is_empty() && name.trim() == &**name));
}

fn topics(message: Message<'_>) {
    let dialect = Topics::new(Forms::default().add(TopicsFrame(FRAMING)), FRAMING);
    match dialect.decode(message) {
        Ok(asked) => match asked.request {
            Request::JoinThose { rooms, entries } => {
                assert!(rooms.len() <= entries);
                judge(&rooms);
            }
            Request::LeaveThose(rooms) => judge(&rooms),
            Request::Call { .. } | Request::Nothing => {}
            other => panic!("it has no such request: {other:?}"),
        },
        Err((_, malformed)) => {
            let mut out = Vec::new();
            dialect.malformed(None, &malformed, &mut out);
            let head = if out[1] == 126 { 4 } else { 2 };
            let frame: Value = serde_json::from_slice(&out[head..]).expect("its frames are JSON");
            assert!(frame["event_type"] == "error" && frame["data"]["error"].is_string());
        }
    }
}

fn stream(message: Message<'_>) {
    let form = Forms::default().add(StreamFrame(FRAMING));
    let dialect = Stream::new(form, FRAMING, ["hormone".to_owned()]);
    match dialect.decode(message).expect("every text is a request, or none").request {
        Request::Only(names) => judge(&names),
        Request::Nothing => {}
        other => panic!("it has no such request: {other:?}"),
    }
    let query = String::from_utf8_lossy(message.payload);
    assert!(dialect.first_types(Some(&query)).is_some_and(|types| !types.is_empty()));
}

fuzz_target!(|input: &[u8]| {
    let Some((first, payload)) = input.split_first() else { return };
    let text = first & 1 == 1 && std::str::from_utf8(payload).is_ok();
    let message = Message { payload, text };
    topics(message);
    stream(message);
    if let Ok(envelope) = Envelope::read(payload) {
        let data: Value = serde_json::from_slice(&envelope.data).expect("data are JSON");
        assert!(data.is_object());
    }
});
