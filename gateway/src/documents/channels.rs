//! The channels and operations of `/asyncapi.json`: one channel for each endpoint, and what goes over it.

use serde_json::{Map, Value, json};

use super::messages::{Message, Role};
use super::schemas::component;
use super::{Dialect, Endpoint, Server};
use crate::transport::close::CloseReason;

/// Those so far.
pub(super) struct Channels {
    servers: Vec<Value>,
    channels: Map<String, Value>,
    operations: Map<String, Value>,
}

impl Channels {
    pub(super) fn new(servers: &[Server]) -> Self {
        let reference = |s: &Server| json!({ "$ref": format!("#/servers/{}", component(&s.name)) });
        Self {
            servers: servers.iter().map(reference).collect(),
            channels: Map::new(),
            operations: Map::new(),
        }
    }

    pub(super) fn finish(self) -> (Value, Value) {
        (self.channels.into(), self.operations.into())
    }

    /// Adds an endpoint, with the messages of its dialect.
    pub(super) fn add(&mut self, endpoint: &Endpoint, messages: &[Message]) {
        let name = self.name(endpoint);
        let messages: Vec<_> = messages.iter().filter(|m| m.dialect == endpoint.dialect).collect();
        let reference =
            |m: &&Message| (m.name.clone(), json!({ "$ref": format!("#/components/messages/{}", m.name) }));
        let channel = json!({
            "address": endpoint.path,
            "title": endpoint.path,
            "description": describe(endpoint),
            "servers": self.servers,
            "messages": messages.iter().map(reference).collect::<Map<_, _>>(),
            "bindings": { "ws": { "method": "GET", "query": query(endpoint), "bindingVersion": "0.1.0" } },
        });
        self.channels.insert(name.clone(), channel);
        for message in &messages {
            match message.role {
                Role::Request => self.add_request(&name, message, &messages),
                Role::Event => self.add_event(&name, message),
                Role::Reply | Role::Part => {}
            }
        }
    }

    /// The path in words.
    fn name(&self, endpoint: &Endpoint) -> String {
        let words: Vec<&str> = endpoint.path.split('/').filter(|word| !word.is_empty()).collect();
        let wanted = if words.is_empty() { "root".to_owned() } else { component(&words.join("_")) };
        let mut name = wanted.clone();
        let mut number = 1;
        while self.channels.contains_key(&name) {
            number += 1;
            name = format!("{wanted}_{number}");
        }
        name
    }

    fn add_request(&mut self, channel: &str, request: &Message, all: &[&Message]) {
        let replies = all.iter().filter(|m| matches!(m.role, Role::Reply | Role::Part));
        let of_it = |m: &&&Message| m.operation == request.operation || m.operation == "any";
        let replies: Vec<Value> = replies.filter(of_it).map(|m| reference(channel, m)).collect();
        let operation = json!({
            "action": "receive",
            "channel": { "$ref": format!("#/channels/{channel}") },
            "title": request.body["title"],
            "summary": request.body["summary"],
            "tags": request.body.get("tags").cloned().unwrap_or_else(|| json!([])),
            "messages": [reference(channel, request)],
            "reply": { "channel": { "$ref": format!("#/channels/{channel}") }, "messages": replies },
        });
        self.operations.insert(format!("{channel}.{}", request.operation), operation);
    }

    fn add_event(&mut self, channel: &str, event: &Message) {
        let operation = json!({
            "action": "send",
            "channel": { "$ref": format!("#/channels/{channel}") },
            "title": event.body["title"],
            "summary": event.body["summary"],
            "tags": event.body["tags"],
            "messages": [reference(channel, event)],
        });
        self.operations.insert(format!("{channel}.event.{}", event.operation), operation);
    }
}

fn reference(channel: &str, message: &Message) -> Value {
    json!({ "$ref": format!("#/channels/{channel}/messages/{}", message.name) })
}

/// Socket.IO's packets are its own protocol's business: what the gateway adds are names.
const SOCKET_IO: &str = "Socket.IO 5 over Engine.IO 4, by polls and WebSocket. A client enters a namespace with `{\"token\"}`, and \
    gets `connection_established`. It emits `subscribe {\"room\"}`, `unsubscribe {\"room\"}`, `ping`, or a plugin's call by its name; each \
    is acknowledged where that is wanted. An event is emitted under its type, with one argument: `{\"type\", \"timestamp\", \"data\", \
    \"source\"}`.";

fn describe(endpoint: &Endpoint) -> String {
    let what = match endpoint.dialect {
        Dialect::Echo => return "Each frame comes back as it was: for protocol suites.".to_owned(),
        Dialect::SocketIo => return SOCKET_IO.to_owned(),
        Dialect::Rooms => {
            "JSON requests, each with one reply, in order; and the events of the rooms that a session has joined."
        }
        Dialect::Topics => {
            "JSON envelopes: requests, of which few are answered; the events of the topics that a session has, and those for \
             its user, its roles and everybody. A topic is a room. An event `ping` comes beside each ping."
        }
        Dialect::Envelope => {
            "Typed messages, each in an envelope: `type`, `version`, `id`, `ts`, `payload`, `session_id`, `user_id`, \
             `correlation_id`. A client that has to show who it is does so with its first frame, `{\"token\": \"…\"}`. Chat \
             messages are answered in order, whole or, where `metadata.stream` is true, in pieces. Events of rooms come as \
             the payload that their type names, where their data are one, or else as a `system_event`; what several \
             sessions get names neither session nor user."
        }
        Dialect::Stream => "Events of the types that the client names, and of no others.",
    };
    let joined = match endpoint.auto_join.as_slice() {
        [] => String::new(),
        rooms => format!(" A session is in these rooms from its start: `{}`.", rooms.join("`, `")),
    };
    format!(
        "{what} The gateway pings every {} seconds. A message has at most {} bytes. An error in a request never ends the session; \
         asking for more than it may, again and again, does.{joined}\n\n{}",
        endpoint.heartbeat,
        endpoint.message,
        close_codes()
    )
}

/// Why the gateway closes sessions.
fn close_codes() -> String {
    let mut table = "| close code | reason |\n|---|---|\n".to_owned();
    for reason in CloseReason::examples() {
        table.push_str(&format!("| {} | {} |\n", reason.code(), reason.reason()));
    }
    table
}

/// What a client may say in the query of its handshake.
fn query(endpoint: &Endpoint) -> Value {
    let mut properties = Map::new();
    if endpoint.dialect == Dialect::Rooms {
        let about = "The session's id, if no other session has it; left out: one is made.";
        properties.insert("client_id".into(), json!({ "type": "string", "description": about }));
    }
    if endpoint.dialect == Dialect::Stream {
        let about = "Event types between commas; left out: the usual ones.";
        properties.insert("subscriptions".into(), json!({ "type": "string", "description": about }));
    }
    if !endpoint.anonymous {
        let about = "A token, where the client cannot send the header `Authorization`.";
        properties.insert("token".into(), json!({ "type": "string", "description": about }));
    }
    json!({ "type": "object", "properties": properties })
}
