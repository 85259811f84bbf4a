//! A session that hears of several rooms.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use testkit::{Gateway, Socket};

use crate::{member, text};

/// A session that keeps what it hears by room: the order is promised within a room.
pub(crate) struct Listener {
    session: Socket,
    pub(crate) heard: BTreeMap<String, VecDeque<(String, Value)>>,
}

impl Listener {
    pub(crate) async fn new(gateway: &Gateway, rooms: &[&str]) -> Self {
        Self { session: member(gateway, rooms).await, heard: BTreeMap::new() }
    }

    /// The next event of the plugins in that room: its type and data.
    pub(crate) async fn next(&mut self, room: &str) -> (String, Value) {
        loop {
            if let Some(event) = self.heard.get_mut(room).and_then(VecDeque::pop_front) {
                return event;
            }
            let mut frame = self.session.next().await;
            // The gateway tells of itself in the room `system`, too.
            if ["agent_service", "coordination_service"].contains(&frame["source"].as_str().unwrap()) {
                let event = (text(&frame["event_type"]), frame["data"].take());
                self.heard.entry(text(&frame["room"])).or_default().push_back(event);
            }
        }
    }

    /// That the next events in that room are of these types; their data.
    pub(crate) async fn hears(&mut self, room: &str, kinds: &[&str]) -> Vec<Value> {
        let mut all = Vec::new();
        for kind in kinds {
            let (found, data) = self.next(room).await;
            assert_eq!(found, *kind, "in {room}: {data}");
            all.push(data);
        }
        all
    }

    /// The next that is told of the agents' health, among what the region's temperature does: the two are told by
    /// different plugins, in no order.
    pub(crate) async fn health_changed(&mut self) -> Value {
        loop {
            match self.next("system").await {
                (kind, data) if kind == "health_changed" => break data,
                (kind, _) => assert_eq!(kind, "homeostatic_state_changed"),
            }
        }
    }

    /// That nothing is left.
    pub(crate) async fn nothing_more(mut self) {
        let reply = self.session.ask(&json!({ "action": "ping" })).await;
        assert_eq!(reply["message"], "pong", "{reply}");
        assert!(self.heard.values().all(VecDeque::is_empty), "{:?}", self.heard);
    }
}
