//! The `rooms` dialect: JSON requests, each with its reply.

use serde::Deserialize;
use serde_json::json;

use super::{Dialect, Heard};

/// The dialect.
pub(in crate::load) struct Rooms;

impl Rooms {
    /// The path that publishers connect to where subscribers are elsewhere.
    pub(in crate::load) const PATH: &str = "/ws";

    /// The type of events to publish where none is given: one that every gateway lets through.
    pub(in crate::load) const EVENT_TYPE: &str = "alert_triggered";

    /// Whether a subscriber with this filter gets events of this type. No filter lets all through.
    pub(in crate::load) fn lets(filter: &[String], event_type: &str) -> bool {
        let lets = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => event_type.starts_with(start),
            None => pattern == event_type,
        };
        filter.is_empty() || filter.iter().any(lets)
    }

    /// Appends the message that publishes an event, whose payload needs no escapes; one answer comes.
    pub(in crate::load) fn publish(room: &str, event_type: &str, payload: &[u8], out: &mut Vec<u8>) {
        let (room, event_type) = (json!(room), json!(event_type));
        let head = format!(
            r#"{{"action":"publish","room":{room},"data":{{"event_type":{event_type},"data":{{"load":""#
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(payload);
        out.extend_from_slice(br#""}}}"#);
    }
}

impl Dialect for Rooms {
    fn name(&self) -> &'static str {
        "rooms"
    }

    fn path(&self) -> &'static str {
        Self::PATH
    }

    fn publishes(&self) -> bool {
        true
    }

    fn filters(&self) -> bool {
        true
    }

    /// The filter first, so that no other event slips through before it.
    fn enter(
        &self,
        rooms: &mut dyn Iterator<Item = String>,
        filter: &[String],
        say: &mut dyn FnMut(&str),
    ) -> u32 {
        let subscribe = json!({ "action": "subscribe", "data": { "event_types": filter } });
        let subscribe = (!filter.is_empty()).then_some(subscribe).into_iter();
        let joins = rooms.map(|room| json!({ "action": "join", "room": room }));
        subscribe.chain(joins).map(|request| say(&request.to_string())).count() as u32
    }

    fn read(&self, message: &[u8]) -> Heard {
        #[derive(Deserialize)]
        struct Frame {
            success: Option<bool>,
            message: Option<String>,
            event_type: Option<String>,
            data: Option<serde_json::Value>,
        }
        match serde_json::from_slice(message) {
            Ok(Frame { success: Some(true), .. }) => Heard::Answer(Ok(())),
            Ok(Frame { success: Some(false), message, .. }) => Heard::refused(message),
            Ok(Frame { event_type: Some(kind), data: Some(data), .. }) if kind == "gap" => {
                Heard::Gap(data.get("count").and_then(serde_json::Value::as_u64).unwrap_or(0))
            }
            Ok(_) => Heard::Other,
            Err(_) => Heard::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gateway_says_is_understood() {
        let heard = |text: &str| Rooms.read(text.as_bytes());
        assert_eq!(heard(r#"{"success":true,"message":"Published","data":{}}"#), Heard::Answer(Ok(())));
        let busy = r#"{"success":false,"message":"Busy","data":{"retry_after_ms":100}}"#;
        assert_eq!(heard(busy), Heard::Answer(Err("Busy".into())));
        let gap =
            r#"{"event_type":"gap","timestamp":"","data":{"room":"r","count":3},"source":"s","room":"r"}"#;
        assert_eq!(heard(gap), Heard::Gap(3));
        assert_eq!(heard(r#"{"event_type":"connected","data":{}}"#), Heard::Other);
        assert_eq!(heard(r#"{"event_type":"conn"#), Heard::Unreadable);
    }

    #[test]
    fn a_subscriber_filters_before_it_joins() {
        let mut said = Vec::new();
        let mut rooms = ["a".to_owned(), "\"b\"".to_owned()].into_iter();
        assert_eq!(Rooms.enter(&mut rooms, &["x_*".into()], &mut |text| said.push(text.to_owned())), 3);
        let expected = [
            r#"{"action":"subscribe","data":{"event_types":["x_*"]}}"#,
            r#"{"action":"join","room":"a"}"#,
            r#"{"action":"join","room":"\"b\""}"#,
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_filter_lets_its_types_through() {
        let lets = |filter: &str| Rooms::lets(&[filter.to_owned()], "agent_created");
        assert!(lets("agent_created") && lets("agent_*") && lets("*") && Rooms::lets(&[], "any"));
        assert!(!lets("agent") && !lets("task_*"));
    }

    #[test]
    fn what_is_published_is_json() {
        let mut out = Vec::new();
        Rooms::publish("a\"b", "t", b"xyz", &mut out);
        let said: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(said["room"], "a\"b");
        assert_eq!(said["data"], json!({ "event_type": "t", "data": { "load": "xyz" } }));
    }
}
