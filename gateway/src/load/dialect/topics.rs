//! The `topics` dialect: a topic is a room, and one request takes all of them.

use serde::Deserialize;
use serde_json::json;

use super::{Dialect, Heard};

/// How the gateway confirms a subscription.
const CONFIRMED: &str = "Suscripción confirmada";

/// The dialect.
pub(super) struct Topics;

impl Dialect for Topics {
    fn name(&self) -> &'static str {
        "topics"
    }

    fn path(&self) -> &'static str {
        "/ws/connect"
    }

    fn enter(&self, rooms: &mut dyn Iterator<Item = String>, _: &[String], say: &mut dyn FnMut(&str)) -> u32 {
        let rooms: Vec<String> = rooms.collect();
        say(&json!({ "event_type": "subscribe", "data": { "events": rooms } }).to_string());
        1
    }

    fn read(&self, message: &[u8]) -> Heard {
        #[derive(Deserialize)]
        struct Frame {
            event_type: String,
            #[serde(default)]
            data: Data,
        }
        #[derive(Default, Deserialize)]
        struct Data {
            title: Option<String>,
            error: Option<String>,
            count: Option<u64>,
        }
        let Ok(Frame { event_type, data }) = serde_json::from_slice(message) else {
            return Heard::Unreadable;
        };
        match (&*event_type, data) {
            ("notification", Data { title: Some(title), .. }) if title == CONFIRMED => Heard::Answer(Ok(())),
            ("error", Data { error, .. }) => Heard::refused(error),
            ("gap", Data { count, .. }) => Heard::Gap(count.unwrap_or(0)),
            _ => Heard::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gateway_says_is_understood() {
        let heard = |event_type: &str, data: serde_json::Value| {
            let frame = json!({ "event_type": event_type, "data": data, "timestamp": "", "topic": null });
            Topics.read(frame.to_string().as_bytes())
        };
        assert_eq!(
            heard("notification", json!({ "title": CONFIRMED, "content": "" })),
            Heard::Answer(Ok(()))
        );
        assert_eq!(heard("notification", json!({ "title": "Hola" })), Heard::Other);
        let refused = heard("error", json!({ "error": "Error processing message: no" }));
        assert_eq!(refused, Heard::Answer(Err("Error processing message: no".into())));
        assert_eq!(heard("gap", json!({ "room": "r", "count": 3 })), Heard::Gap(3));
        assert_eq!(heard("ping", json!({ "server_time": "" })), Heard::Other);
        assert_eq!(Topics.read(b"{\"event_type\":\"pi"), Heard::Unreadable);
    }

    #[test]
    fn all_topics_are_asked_for_at_once() {
        let mut said = Vec::new();
        let mut rooms = ["a".to_owned(), "\"b\"".to_owned()].into_iter();
        assert_eq!(Topics.enter(&mut rooms, &[], &mut |text| said.push(text.to_owned())), 1);
        assert_eq!(said, [r#"{"data":{"events":["a","\"b\""]},"event_type":"subscribe"}"#]);
    }
}
