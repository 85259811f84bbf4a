//! How each server is spoken to.

use crate::load::{Side, Wire};

fn path(path: &str) -> Side {
    Side { path: path.to_owned(), ..Side::default() }
}

/// Of servers that know only subscribers (`/sub`) and publishers (`/pub`).
pub(super) fn bare() -> Wire {
    Wire { subscriber: path("/sub"), publisher: path("/pub"), template: "%T".to_owned() }
}

/// The same, where subscribers ask to be in, and wait for the answer (`/ask`).
pub(super) fn asking() -> Wire {
    let subscriber = Side { hello: vec!["join".to_owned()], ready: "joined".to_owned(), ..path("/ask") };
    Wire { subscriber, ..bare() }
}

/// Of the gateway's dialect `rooms`: join a room, and wait for the answer; publish into it. The rooms' names start with
/// `start`.
pub fn rooms(start: &str) -> Wire {
    let join = r#"{"action":"join","room":"START%R"}"#;
    let publish = r#"{"action":"publish","room":"START%R","data":{"event_type":"alert_triggered","data":{"text":"%T"}}}"#;
    let hello = vec![join.replace("START", start)];
    Wire {
        subscriber: Side { hello, ready: r#""message":"Joined room"#.to_owned(), ..path("/ws") },
        publisher: path("/ws"),
        template: publish.replace("START", start),
    }
}

/// Of Socket.IO's: connect to the namespace. The server puts in the room who says by the query that it subscribes.
pub(super) fn socket_io() -> Wire {
    let side = |role: &str, ready: &str| Side {
        hello: vec!["40".to_owned()],
        ready: ready.to_owned(),
        ..path(&format!("/socket.io/?EIO=4&transport=websocket&role={role}"))
    };
    Wire {
        subscriber: side("subscriber", r#"42["joined"]"#),
        publisher: side("publisher", r#"40{"sid""#),
        template: r#"42["publish","%T"]"#.to_owned(),
    }
}
