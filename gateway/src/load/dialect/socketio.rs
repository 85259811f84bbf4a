//! The `socketio` dialect over Engine.IO's WebSocket: rooms are subscribed to in the namespace `/ws`, each with an acknowledgement.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Dialect, Heard};

/// The dialect.
pub(super) struct SocketIo;

impl Dialect for SocketIo {
    fn name(&self) -> &'static str {
        "socketio"
    }

    fn path(&self) -> &'static str {
        "/socket.io/?EIO=4&transport=websocket"
    }

    fn enter(&self, rooms: &mut dyn Iterator<Item = String>, _: &[String], say: &mut dyn FnMut(&str)) -> u32 {
        say("40/ws,{}");
        let subscribe = |(id, room)| say(&format!("42/ws,{id}{}", json!(["subscribe", { "room": room }])));
        1 + rooms.enumerate().map(subscribe).count() as u32
    }

    fn read(&self, message: &[u8]) -> Heard {
        #[derive(Deserialize)]
        struct Told {
            message: Option<String>,
            status: Option<String>,
            data: Option<Value>,
        }
        let Ok(text) = std::str::from_utf8(message) else { return Heard::Unreadable };
        let refused = |told: Told| Heard::refused(told.message);
        match text.split_at_checked(1) {
            Some(("0" | "1" | "6", _)) => return Heard::Other,
            Some(("2", "")) => return Heard::Ask("3"),
            _ => {}
        }
        let Some((kind, rest)) = text.split_once("/ws,") else { return Heard::Unreadable };
        let json = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        match kind {
            "40" => Heard::Answer(Ok(())),
            "41" => Heard::Other,
            "44" => serde_json::from_str(json).map_or(Heard::Unreadable, refused),
            "43" => match serde_json::from_str::<[Told; 1]>(json) {
                Ok([Told { status: Some(status), .. }]) if status == "success" => Heard::Answer(Ok(())),
                Ok([told]) => refused(told),
                Err(_) => Heard::Unreadable,
            },
            "42" => match serde_json::from_str::<(String, Told)>(json) {
                Ok((event, told)) if event == "gap" => {
                    let count = told.data.as_ref().and_then(|data| data.get("count")?.as_u64());
                    Heard::Gap(count.unwrap_or(0))
                }
                Ok(_) => Heard::Other,
                Err(_) => Heard::Unreadable,
            },
            _ => Heard::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gateway_says_is_understood() {
        let heard = |text: &str| SocketIo.read(text.as_bytes());
        let refused = |reason: &str| Heard::Answer(Err(reason.into()));
        assert_eq!(heard(r#"0{"sid":"a","upgrades":[],"pingInterval":25000}"#), Heard::Other);
        assert_eq!(heard(r#"40/ws,{"sid":"b"}"#), Heard::Answer(Ok(())));
        let expired = r#"44/ws,{"message":"Connection rejected by server","data":{"code":"AUTH_EXPIRED"}}"#;
        assert_eq!(heard(expired), refused("Connection rejected by server"));
        assert_eq!(heard(r#"43/ws,12[{"status":"success","room":"a"}]"#), Heard::Answer(Ok(())));
        assert_eq!(
            heard(r#"43/ws,0[{"status":"error","message":"Access denied"}]"#),
            refused("Access denied")
        );
        assert_eq!(heard("2"), Heard::Ask("3"));
        assert_eq!(heard(r#"42/ws,["gap",{"type":"gap","data":{"room":"a","count":3}}]"#), Heard::Gap(3));
        for other in [r#"42/ws,["connection_established",{"data":{}}]"#, "41/ws,", "1"] {
            assert_eq!(heard(other), Heard::Other, "{other}");
        }
        for wrong in ["", "42/ws,[", "41", "x"] {
            assert_eq!(heard(wrong), Heard::Unreadable, "{wrong}");
        }
    }

    #[test]
    fn each_room_is_acknowledged_behind_the_namespace() {
        let mut said = Vec::new();
        let mut rooms = ["a".to_owned(), "\"b\"".to_owned()].into_iter();
        assert_eq!(SocketIo.enter(&mut rooms, &[], &mut |text| said.push(text.to_owned())), 3);
        let expected =
            ["40/ws,{}", r#"42/ws,0["subscribe",{"room":"a"}]"#, r#"42/ws,1["subscribe",{"room":"\"b\""}]"#];
        assert_eq!(said, expected);
    }
}
