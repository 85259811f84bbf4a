//! The messages of `/asyncapi.json`: requests, replies, events.

mod frames;
mod wires;

use std::collections::HashSet;

use serde_json::{Value, json};

use super::schemas::{Schemas, component, reference};
use super::{Dialect, Subject, plugins};
use crate::dialect::envelope;
use crate::dialect::rooms::{self, Action, ReplyTold};
use crate::hub::own::{OWN, Own};
use crate::web::{CallSpec, Declaration, EventSpec};
use frames::{event_message, event_schema, part_schema, reply_schema, request_schema};

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
    /// The gateway sends it before the reply.
    Part,
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
        for name in subject.types {
            let own = OWN.iter().any(|own| *own.name == **name);
            let declared = || subject.plugins.iter().flat_map(|plugin| &plugin.events);
            if !own && !declared().any(|event| event.kind == **name) {
                self.add_known(name);
            }
        }
    }

    /// An event type that clients of an endpoint know, and nobody says more of.
    fn add_known(&mut self, name: &str) {
        let shown = rooms::event(name, &json!({}), "api", None);
        let body = event_message(name, "Published by clients and over HTTP", "known", json!({}), shown, None);
        self.push(format!("event.{}", component(name)), name.to_owned(), Role::Event, body);
    }

    /// All of the dialect `topics`.
    pub(super) fn add_topics(&mut self, subject: &Subject<'_>) {
        self.all.extend(wires::topics(subject));
    }

    /// All of the dialect `stream`.
    pub(super) fn add_stream(&mut self, subject: &Subject<'_>) {
        self.all.extend(wires::stream(subject));
    }

    /// All of the dialect `envelope`.
    pub(super) fn add_envelope(&mut self) {
        for told in envelope::told() {
            let (name, schema) = (told.kind.name(), format!("Envelope.{}", told.kind.name()));
            self.schemas.name(&schema, told.schema);
            let (role, word) = match told.part {
                envelope::Part::Request => (Role::Request, "request"),
                envelope::Part::Reply => (Role::Reply, "reply"),
                envelope::Part::Event => (Role::Event, "event"),
            };
            let body = json!({
                "name": name,
                "title": told.about,
                "summary": told.about,
                "tags": [{ "name": "envelopes" }],
                "payload": reference(&component(&schema)),
                "examples": [{ "name": name, "payload": told.example }],
            });
            let wanted = format!("envelope.{word}.{}.{name}", told.of);
            self.push_of(Dialect::Envelope, wanted, told.of.to_owned(), role, body);
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
                let data = self.schemas.example(&schema).unwrap_or_else(|| json!({}));
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
        let schema = self.adopted(plugin, &event.kind, event.schema.as_ref());
        let data = self.schemas.example(&schema).unwrap_or_else(|| json!({}));
        let source = event.source.as_deref().unwrap_or(&plugin.name);
        let shown = rooms::event(&event.kind, &data, source, event.room.as_deref());
        let room = event.room.as_deref();
        let body = event_message(&event.kind, &event.summary, &plugins::tag(plugin), schema, shown, room);
        let name = component(&format!("{}.{}", plugin.name, event.kind));
        self.push(format!("event.{name}"), name, Role::Event, body);
    }

    fn add_call(&mut self, plugin: &Declaration, call: &CallSpec) {
        let name = call.name.as_str();
        let data = self.adopted(plugin, &format!("{name}.request"), call.request.as_ref());
        let mut asked = json!({ "action": name, "id": 7 });
        if let Some(data) = self.schemas.example(&data) {
            asked["data"] = data;
        }
        let payload = request_schema(name, false, Some((data, false)));
        self.add_of_call(plugin, call, Role::Request, &call.summary, payload, asked);
        let data = self.adopted(plugin, &format!("{name}.response"), call.response.as_ref());
        let shown = self.schemas.example(&data).unwrap_or_default();
        let payload = reply_schema(None, Some(json!({ "anyOf": [data, { "type": "null" }] })));
        let about = format!("What `{}` answers", plugin.name);
        self.add_of_call(plugin, call, Role::Reply, &about, payload, rooms::call_reply(name, &shown));
        if call.streams {
            let about = "A piece of the answer, before its end";
            self.add_of_call(plugin, call, Role::Part, about, part_schema(), rooms::call_part(&shown));
        }
    }

    fn add_of_call(
        &mut self,
        plugin: &Declaration,
        call: &CallSpec,
        role: Role,
        about: &str,
        payload: Value,
        shown: Value,
    ) {
        let (kind, correlation) = match role {
            Role::Part => ("part", "stream"),
            Role::Request => ("request", "request"),
            Role::Reply | Role::Event => ("reply", "request"),
        };
        let name = format!("{kind}.{}", call.name);
        let body = json!({
            "name": name,
            "title": if role == Role::Request { &call.name } else { about },
            "summary": about,
            "tags": [{ "name": plugins::tag(plugin) }],
            "correlationId": { "$ref": format!("#/components/correlationIds/{correlation}") },
            "payload": payload,
            "examples": [{ "name": name, "payload": shown }],
        });
        self.push(name, call.name.clone(), role, body);
    }

    /// A plugin's schema; what is not declared may be anything.
    fn adopted(&mut self, plugin: &Declaration, name: &str, schema: Option<&Value>) -> Value {
        schema.map_or_else(|| json!({}), |schema| self.schemas.adopt(&plugin.name, name, schema))
    }

    fn push(&mut self, wanted: String, operation: String, role: Role, body: Value) {
        self.push_of(Dialect::Rooms, wanted, operation, role, body);
    }

    /// Under that name, or one like it.
    fn push_of(&mut self, dialect: Dialect, wanted: String, operation: String, role: Role, body: Value) {
        let mut name = wanted.clone();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}_{number}");
        }
        self.all.push(Message { name, operation, dialect, role, body });
    }
}
