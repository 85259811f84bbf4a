//! The messages of `/asyncapi.json`: requests, replies, events.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::operation::example;
use super::schemas::{Schemas, component, reference};
use super::{Dialect, Subject, plugins};
use crate::dialect::rooms::{self, Action, ReplyTold};
use crate::hub::own::{OWN, Own};
use crate::web::{CallSpec, Declaration, EventSpec};

/// A message, and what is done with it.
pub(super) struct Message {
    /// Its name among the components.
    pub(super) name: String,
    /// The operation that it is for, without the channel.
    pub(super) operation: String,
    /// The dialect that it is of.
    pub(super) dialect: Dialect,
    pub(super) role: Role,
    pub(super) body: Value,
}

/// What is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Clients send it.
    Request,
    /// The gateway answers its operation's request with it.
    Reply,
    /// The gateway sends it when something happens.
    Event,
}

/// The messages so far.
pub(super) struct Messages<'a> {
    schemas: &'a mut Schemas,
    all: Vec<Message>,
    names: HashSet<String>,
}

impl<'a> Messages<'a> {
    pub(super) fn new(schemas: &'a mut Schemas) -> Self {
        Self { schemas, all: Vec::new(), names: HashSet::new() }
    }

    pub(super) fn finish(self) -> Vec<Message> {
        self.all
    }

    /// All of the dialect `rooms`.
    pub(super) fn add_rooms(&mut self, subject: &Subject<'_>) {
        self.schemas.name("Event", event_schema());
        for action in Action::ALL {
            self.add_action(action);
        }
        self.add_replies("any", rooms::to_any_frame());
        for own in &OWN {
            self.add_own(own, subject);
        }
        for plugin in subject.plugins {
            plugin.calls.iter().for_each(|call| self.add_call(plugin, call));
            plugin.events.iter().for_each(|event| self.add_event(plugin, event));
        }
    }

    /// All of the dialect `echo`.
    pub(super) fn add_echo(&mut self) {
        for (name, role) in [("echo", Role::Request), ("echo.reply", Role::Reply)] {
            let body = json!({
                "name": name,
                "title": "Anything",
                "summary": "A frame, which comes back as it was",
                "contentType": "application/octet-stream",
                "payload": {},
            });
            let (name, operation) = (name.to_owned(), "echo".to_owned());
            self.all.push(Message { name, operation, dialect: Dialect::Echo, role, body });
        }
    }

    fn add_action(&mut self, action: Action) {
        let (name, told) = (action.name(), action.told());
        let data = told.data.map(|(make, required)| (self.schemas.taken(make), required));
        let payload = request_schema(name, told.room, data);
        let body = json!({
            "name": name,
            "title": name,
            "summary": told.summary,
            "tags": [{ "name": "requests" }],
            "correlationId": { "$ref": "#/components/correlationIds/request" },
            "payload": payload,
            "examples": [{ "name": name, "payload": told.example }],
        });
        self.push(format!("request.{name}"), name.to_owned(), Role::Request, body);
        self.add_replies(name, told.replies);
    }

    /// The replies to a request, those with equal data together.
    fn add_replies(&mut self, request: &str, replies: Vec<ReplyTold>) {
        for (index, reply) in replies.into_iter().enumerate() {
            let data = reply.data.map(|make| self.schemas.sent(make));
            let success = reply.example["success"].as_bool().unwrap_or_default();
            let body = json!({
                "name": format!("{request} reply"),
                "title": reply.about,
                "summary": reply.about,
                "tags": [{ "name": "requests" }],
                "correlationId": { "$ref": "#/components/correlationIds/request" },
                "payload": reply_schema(Some(success), data),
                "examples": [{ "name": reply.about, "payload": reply.example }],
            });
            let name = if index == 0 {
                format!("reply.{request}")
            } else {
                format!("reply.{request}.{}", index + 1)
            };
            self.push(name, request.to_owned(), Role::Reply, body);
        }
    }

    fn add_own(&mut self, own: &Own, subject: &Subject<'_>) {
        let (schema, shown) = match own.schema {
            Some(make) => {
                let schema = self.schemas.sent(make);
                let whole = self.schemas.follow(&schema);
                let data = example(&whole).cloned().unwrap_or_else(|| json!({}));
                (schema, rooms::event(own.name, &data, own.source, own.room))
            }
            None => {
                let endpoint = subject.face.endpoints.iter().find(|e| e.dialect == Dialect::Rooms);
                let (message, heartbeat) = endpoint.map_or(("", 0), |e| (e.welcome.as_str(), e.heartbeat));
                let (make, shown) = rooms::greeting(message, heartbeat);
                (self.schemas.sent(make), shown)
            }
        };
        let tag = if own.room.is_some() { "system" } else { "control" };
        let body = event_message(own.name, own.summary, tag, schema, shown, own.room);
        self.push(format!("event.{}", own.name), own.name.to_owned(), Role::Event, body);
    }

    fn add_event(&mut self, plugin: &Declaration, event: &EventSpec) {
        let declared = event.schema.clone().unwrap_or_else(|| json!({}));
        let schema = self.schemas.adopt(&plugin.name, &event.kind, &declared);
        let data = example(&declared).cloned().unwrap_or_else(|| json!({}));
        let source = event.source.as_deref().unwrap_or(&plugin.name);
        let shown = rooms::event(&event.kind, &data, source, event.room.as_deref());
        let room = event.room.as_deref();
        let body = event_message(&event.kind, &event.summary, &plugins::tag(plugin), schema, shown, room);
        let name = component(&format!("{}.{}", plugin.name, event.kind));
        self.push(format!("event.{name}"), name, Role::Event, body);
    }

    fn add_call(&mut self, plugin: &Declaration, call: &CallSpec) {
        let declared = call.request.clone().unwrap_or_else(|| json!({}));
        let mut asked = json!({ "action": call.name, "id": 7 });
        if let Some(data) = example(&declared) {
            asked["data"] = data.clone();
        }
        let data = self.schemas.adopt(&plugin.name, &format!("{}.request", call.name), &declared);
        let message = |name: String, role, title: String, payload: Value, shown: Value, correlation: &str| {
            let body = json!({
                "name": name,
                "title": title,
                "summary": if role == Role::Request { &call.summary } else { &title },
                "tags": [{ "name": plugins::tag(plugin) }],
                "correlationId": { "$ref": format!("#/components/correlationIds/{correlation}") },
                "payload": payload,
                "examples": [{ "name": name, "payload": shown }],
            });
            (name, role, body)
        };
        let answered = call.response.clone().unwrap_or_else(|| json!({}));
        let shown = example(&answered).cloned().unwrap_or(Value::Null);
        let answer = self.schemas.adopt(&plugin.name, &format!("{}.response", call.name), &answered);
        let name = &call.name;
        let mut made = vec![
            message(
                format!("request.{name}"),
                Role::Request,
                name.clone(),
                request_schema(name, false, Some((data, false))),
                asked,
                "request",
            ),
            message(
                format!("reply.{name}"),
                Role::Reply,
                format!("What `{}` answers", plugin.name),
                reply_schema(None, Some(json!({ "anyOf": [answer, { "type": "null" }] }))),
                rooms::call_reply(name, &shown),
                "request",
            ),
        ];
        if call.streams {
            let title = "A piece of the answer, before its end".to_owned();
            let shown = rooms::call_part(&shown);
            made.push(message(format!("part.{name}"), Role::Reply, title, part_schema(), shown, "stream"));
        }
        for (name, role, body) in made {
            self.push(name, call.name.clone(), role, body);
        }
    }

    /// Under that name, or one like it.
    fn push(&mut self, wanted: String, operation: String, role: Role, body: Value) {
        let mut name = wanted.clone();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}_{number}");
        }
        self.all.push(Message { name, operation, dialect: Dialect::Rooms, role, body });
    }
}

fn event_message(
    kind: &str,
    summary: &str,
    tag: &str,
    data: Value,
    shown: Value,
    room: Option<&str>,
) -> Value {
    let mut body = json!({
        "name": kind,
        "title": kind,
        "summary": if summary.is_empty() { kind } else { summary },
        "tags": [{ "name": tag }],
        "payload": {
            "allOf": [
                reference("Event"),
                { "type": "object", "properties": { "event_type": { "const": kind }, "data": data } },
            ],
        },
        "examples": [{ "name": kind, "payload": shown }],
    });
    if let Some(room) = room {
        body["x-room"] = room.into();
    }
    body
}

/// What all events have.
fn event_schema() -> Value {
    json!({
        "type": "object",
        "description": "An event, as members of its room get it.",
        "required": ["event_type", "timestamp", "data", "source", "room"],
        "properties": {
            "event_type": { "type": "string", "description": "What happened." },
            "timestamp": { "type": "string", "format": "date-time", "description": "When, by the publisher's clock." },
            "data": { "description": "What its type says." },
            "source": { "type": "string", "description": "Who says so." },
            "room": { "type": ["string", "null"], "description": "The room that it was published to; null: none." },
            "epoch": { "type": "string", "description": "Where the room keeps history: one life of it, opaque." },
            "offset": { "type": "integer", "minimum": 1, "description": "Where the room keeps history: the event's place in it." },
            "key": { "type": "string", "description": "What it is about, for receivers that keep only the newest of each." },
        },
    })
}

fn request_schema(action: &str, room: bool, data: Option<(Value, bool)>) -> Value {
    let mut schema = json!({
        "type": "object",
        "required": ["action"],
        "properties": {
            "action": { "const": action, "description": "In any case." },
            "id": { "description": "Any JSON of at most 200 bytes; the replies bear it, too." },
        },
    });
    let mut required = vec!["action"];
    if room {
        schema["properties"]["room"] =
            json!({ "type": "string", "minLength": 1, "description": "The exact name, at most 200 bytes." });
        required.push("room");
    }
    if let Some((data, needed)) = data {
        schema["properties"]["data"] = data;
        if needed {
            required.push("data");
        }
    }
    schema["required"] = required.into();
    schema
}

fn reply_schema(success: Option<bool>, data: Option<Value>) -> Value {
    let success = match success {
        Some(success) => json!({ "const": success, "description": "Whether it was done." }),
        None => json!({ "type": "boolean", "description": "Whether it was done." }),
    };
    json!({
        "type": "object",
        "required": ["success", "message", "data"],
        "properties": {
            "success": success,
            "message": { "type": "string", "description": "For people." },
            "data": data.unwrap_or_else(|| json!({ "type": "null" })),
            "id": { "description": "The request's, where it had one." },
        },
    })
}

fn part_schema() -> Value {
    json!({
        "type": "object",
        "required": ["stream", "seq", "data"],
        "properties": {
            "stream": { "description": "The request's `id`." },
            "seq": { "type": "integer", "minimum": 0, "description": "Counts the pieces from 0." },
            "data": { "description": "The piece." },
        },
    })
}
