//! What is posted to a session of Engine.IO, and Socket.IO's packets in it.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tidegate::dialect::socketio::{Greeting, Settings, SocketIo};
use tidegate::dialect::{Dialect, Message};
use tidegate::frame::Forms;
use tidegate::transport::engineio::{MOST_PACKETS, Packet};

fuzz_target!(|input: &[u8]| {
    let mut forms = Forms::default();
    let form = forms.add(tidegate::dialect::socketio::SocketIoFrame::new("/"));
    let settings = Settings { namespaces: vec![("/".into(), form)], greeting: Greeting::None, answers: Vec::new() };
    let Some(dialect) = SocketIo::new(settings.into()).for_session("fuzz") else { return };
    let could_be = Packet::could_be(input);
    let (mut rest, mut packets) = (Bytes::copy_from_slice(input), 0);
    while let Ok(Some(packet)) = Packet::next(&mut rest) {
        packets += 1;
        match packet {
            Packet::Text(text) => drop(dialect.decode(Message { payload: &text, text: true }).map(|_| ())),
            Packet::Binary(payload) => drop(dialect.decode(Message { payload: &payload, text: false }).map(|_| ())),
            Packet::Close | Packet::Pong | Packet::Noop => {}
        }
    }
    assert!(packets <= input.len() && (!could_be || packets <= MOST_PACKETS));
});
