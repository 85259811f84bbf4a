//! How each server is spoken to.

use crate::load::{Side, Wire};

fn path(path: &str) -> Side {
    Side { path: path.to_owned(), ..Side::default() }
}

/// Of servers that know only subscribers (`/sub`) and publishers (`/pub`).
pub(super) fn bare() -> Wire {
    Wire { subscriber: path("/sub"), publisher: path("/pub"), template: "%T".to_owned() }
}

/// Of the gateway's dialect `rooms`: join a room, and wait for the answer; publish into it.
pub(super) fn rooms() -> Wire {
    let hello = vec![r#"{"action":"join","room":"room:%R"}"#.to_owned()];
    let publish = r#"{"action":"publish","room":"room:%R","data":{"event_type":"alert_triggered","data":{"text":"%T"}}}"#;
    Wire {
        subscriber: Side { hello, ready: r#""message":"Joined room"#.to_owned(), ..path("/ws") },
        publisher: path("/ws"),
        template: publish.to_owned(),
    }
}

/// Of Engine.IO's: connect to the namespace, then an event that joins the room, or publishes into it.
pub(super) fn socket_io() -> Wire {
    let side = |hello: &[&str], ready: &str| Side {
        hello: hello.iter().map(|&frame| frame.to_owned()).collect(),
        ready: ready.to_owned(),
        ..path("/socket.io/?EIO=4&transport=websocket")
    };
    Wire {
        subscriber: side(&["40", r#"42["join"]"#], r#"42["joined"]"#),
        publisher: side(&["40"], r#"40{"sid""#),
        template: r#"42["publish","%T"]"#.to_owned(),
    }
}
