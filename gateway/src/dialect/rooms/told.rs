//! What the documents tell of the dialect. Examples of replies and events come from the encoders that write them.

mod past;

use std::sync::Arc;
use std::time::Instant;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::{Answer, Backlog, Info, Member, Metadata, NO_PRESENCE, Welcome};
use super::action::Action;
use super::shapes::{
    Actions, AuthData, Authenticated, Greeted, JoinData, Joined, Left, Members, Place, Pong, PresenceData,
    PublishData, Retry, SubscribeData, Subscribed, Types, TypesData, Unknown,
};
use super::{GREETER, RoomsFrame, reply};
use crate::frame::{Cursor, Encode, Epoch, Event, EventType, Posted, RoomId, Timestamp};
use crate::transport::Framing;

/// Makes the schema of a type.
type Make = fn(&mut SchemaGenerator) -> Schema;

/// The time of examples: the beginning of 2026.
const THEN: Timestamp = Timestamp(1_767_268_800_000);
const CURSOR: Cursor = Cursor { epoch: Epoch(0x31e9_b05e_9ae4_b9c6), offset: 42 };

/// What is told of a request.
pub struct Told {
    /// What it does.
    pub summary: &'static str,
    /// Whether it names a room.
    pub room: bool,
    /// What stands in its `data`, and whether it must.
    pub data: Option<(Make, bool)>,
    /// One such request.
    pub example: Value,
    /// What it may be answered with, the good first.
    pub replies: Vec<ReplyTold>,
}

/// What is told of a reply.
pub struct ReplyTold {
    /// When it comes.
    pub about: &'static str,
    /// What stands in its `data`; none: null.
    pub data: Option<Make>,
    /// One such reply.
    pub example: Value,
}

impl Action {
    /// What the documents tell of it.
    pub fn told(self) -> Told {
        let agents = "agents";
        match self {
            Self::Ping => Told::new("Asks whether the gateway is there", json!({}))
                .reply::<Pong>("It is", &Answer::Pong(THEN)),
            Self::Join => Told::new("Joins a room: its events follow the reply", json!({ "room": agents }))
                .takes::<JoinData>(false)
                .reply::<Joined<'_>>(
                    "The session is in the room; what it missed follows, where it asked for that",
                    &Answer::Joined { room: agents, cursor: CURSOR, recovered: None },
                )
                .plain("The request names no room", &Answer::RoomRequired)
                .plain(
                    "The room is closed to it, or one room too many",
                    &Answer::Refused("Not allowed to join this room"),
                ),
            Self::Leave => Told::new("Leaves a room", json!({ "room": agents }))
                .reply::<Left<'_>>("The session has left the room", &Answer::Left(agents))
                .reply::<Left<'_>>("It was not in the room", &Answer::NotLeft(agents))
                .plain("The request names no room", &Answer::RoomRequired),
            Self::Subscribe => {
                Told::new("Lets only some events through: by type, and by what they are like", some_events())
                    .takes::<SubscribeData>(false)
                    .reply::<Subscribed<'_>>(
                        "It lets these through, too",
                        &Answer::Subscribed {
                            types: &["agent_*".into(), "gap".into()],
                            criterion: Some("data.severity != \"low\"".into()),
                        },
                    )
                    .unknown_types()
                    .plain(
                        "What events have to be like cannot be read",
                        &Answer::BadCriterion("expected `)` at character 12".into()),
                    )
                    .plain(
                        "There are too many",
                        &Answer::Refused("A session may subscribe to 100 event types at most"),
                    )
            }
            Self::Unsubscribe => {
                Told::new("Takes subscriptions back; without any, everything comes through", types())
                    .takes::<TypesData>(false)
                    .reply::<Types<'_>>(
                        "It holds these no longer",
                        &Answer::Unsubscribed(&["agent_*".into(), "gap".into()]),
                    )
                    .unknown_types()
            }
            Self::Info => Told::new("Asks what the gateway knows of the session", json!({}))
                .reply::<Info>("What it knows", &Answer::Info(&info())),
            Self::Publish => Told::new("Publishes an event to a room", publish())
                .takes::<PublishData>(true)
                .reply::<Place<'_>>(
                    "The event has its place",
                    &Answer::Published { room: agents, cursor: CURSOR },
                )
                .plain("The request names no room", &Answer::RoomRequired)
                .unknown_types()
                .plain(
                    "The room takes no events of clients",
                    &Answer::Refused("Not allowed to publish to this room"),
                )
                .reply::<Retry>(
                    "The gateway has too much to do",
                    &Answer::Busy { message: "The gateway is busy", retry_after_ms: 100 },
                ),
            Self::Presence => Told::new("Asks who is in a room", json!({ "room": agents }))
                .takes::<PresenceData>(false)
                .reply::<Members<'_>>(
                    "Those who are, or a page of them; nobody, where there is no such room",
                    &Answer::Presence { room: agents, count: 1, members: &[member()] },
                )
                .plain("The request names no room", &Answer::RoomRequired)
                .plain("The room's rule does not let it", &Answer::Refused(NO_PRESENCE)),
            Self::History => past::history(agents),
            Self::Ack => past::ack(),
            Self::State => past::state(agents),
            Self::Auth => Told::new(
                "Goes on with another token of the same user",
                json!({ "data": { "token": "eyJ…" } }),
            )
            .takes::<AuthData>(true)
            .reply::<Authenticated<'_>>(
                "The session has the token's rights and time",
                &Answer::Authenticated {
                    user_id: Some("u-17"),
                    roles: &["operator".into()],
                    expires_at: Some(THEN),
                    start: None,
                },
            )
            .plain(
                "The token does not hold, or is another user's",
                &Answer::Refused("The token has expired"),
            ),
            Self::Cancel => Told::new("Stops the open call that has the same id", json!({ "id": 7 }))
                .plain("The call is stopped, and has had its reply", &Answer::Cancelled)
                .plain("There is none", &Answer::Refused("No open call has this id")),
        }
        .of(self)
    }
}

fn member() -> Member {
    let info = json!({ "name": "Ada" }).to_string();
    Member { connection_id: "ws_b24d33ea36ef".into(), user_id: Some("u-17".into()), info: Some(info.into()) }
}

fn types() -> Value {
    json!({ "data": { "event_types": ["agent_*", "gap"] } })
}

fn some_events() -> Value {
    json!({ "data": { "event_types": ["agent_*", "gap"], "where": "data.severity != \"low\"" } })
}

fn publish() -> Value {
    json!({ "room": "agents", "data": { "event_type": "alert_triggered", "data": { "disk": "97 %" } } })
}

fn info() -> Info {
    Info {
        connection_id: "ws_b24d33ea36ef".into(),
        metadata: Metadata { connected_at: THEN.to_string(), client_id: None },
        user_id: None,
        roles: Vec::new(),
        rooms: vec!["agents".into()],
        subscriptions: Vec::new(),
        criterion: None,
        backlog: Backlog { frames: 0, bytes: 0 },
    }
}

impl Told {
    fn new(summary: &'static str, example: Value) -> Self {
        let room = example.get("room").is_some();
        Self { summary, room, data: None, example, replies: Vec::new() }
    }

    fn of(mut self, action: Action) -> Self {
        self.example["action"] = action.name().into();
        self.reply::<Retry>(
            "The session, its user, or what it publishes to has used up what it may",
            &Answer::Limited { message: "Rate limit exceeded", retry_after_ms: 250 },
        )
    }

    fn takes<T: JsonSchema>(mut self, required: bool) -> Self {
        self.data = Some((SchemaGenerator::subschema_for::<T>, required));
        self
    }

    fn reply<T: JsonSchema>(self, about: &'static str, answer: &Answer<'_>) -> Self {
        self.push(about, Some(SchemaGenerator::subschema_for::<T>), answer)
    }

    /// A reply without data.
    fn plain(self, about: &'static str, answer: &Answer<'_>) -> Self {
        self.push(about, None, answer)
    }

    fn unknown_types(self) -> Self {
        self.reply::<Unknown<'_>>(
            "Nobody declares such an event type",
            &Answer::UnknownTypes(vec!["agent_craeted"]),
        )
    }

    fn push(mut self, about: &'static str, data: Option<Make>, answer: &Answer<'_>) -> Self {
        self.replies.push(ReplyTold { about, data, example: written(None, answer) });
        self
    }
}

/// Replies that any frame may get.
pub fn to_any_frame() -> Vec<ReplyTold> {
    let refusal =
        |about, text| ReplyTold { about, data: None, example: written(None, &Answer::Refused(text)) };
    let unknown = Answer::UnknownAction { name: "jion", calls: &[] };
    vec![
        refusal("The frame is no JSON", "Invalid JSON format"),
        refusal("It is JSON of the wrong shape", "Error processing message: room: expected a string"),
        ReplyTold {
            about: "Nobody declares such a request",
            data: Some(SchemaGenerator::subschema_for::<Actions<'_>>),
            example: written(None, &unknown),
        },
    ]
}

/// The schema of the data that a session is greeted with, and such a greeting by an endpoint.
pub fn greeting(message: &str, heartbeat: u64) -> (Make, Value) {
    let welcome = Welcome {
        connection_id: "ws_b24d33ea36ef",
        taken: None,
        message,
        timestamp: THEN,
        heartbeat,
        user_id: None,
        only: None,
    };
    let data = json!(Greeted::new(&welcome));
    (SchemaGenerator::subschema_for::<Greeted<'_>>, event("connected", &data, GREETER, None))
}

/// A plugin's reply to a call.
pub fn call_reply(name: &str, data: &Value) -> Value {
    let data = data.to_string();
    written(
        Some(json!(7)),
        &Answer::Call { name, success: true, message: name, data: data.as_bytes(), streamed: true },
    )
}

/// A piece of a plugin's reply to a call.
pub fn call_part(data: &Value) -> Value {
    written(Some(json!(7)), &Answer::Part { name: "", seq: 0, data: data.to_string().as_bytes() })
}

/// An event as its frame shows it.
pub fn event(kind: &str, data: &Value, source: &str, room: Option<&str>) -> Value {
    let kind = EventType { number: 0, name: kind.into() };
    let data = data.to_string().into();
    let event = Event::new(kind, data, source.into(), THEN);
    let room = RoomId { number: 0, name: Arc::from(room.unwrap_or_default()), class: 0 };
    let posted = Posted::new(event, room, CURSOR, false, Instant::now());
    let mut out = Vec::new();
    RoomsFrame(Framing::WebSocket).encode(&posted, &posted.payload(), &mut out);
    text(&out)
}

fn written(id: Option<Value>, answer: &Answer<'_>) -> Value {
    let id = id.and_then(|id| RawValue::from_string(id.to_string()).ok());
    let mut out = Vec::new();
    reply::put(Framing::WebSocket, id.as_deref(), answer, &mut out);
    text(&out)
}

/// The JSON of an unmasked frame, behind its header.
fn text(frame: &[u8]) -> Value {
    let header = match frame.get(1) {
        Some(126) => 4,
        Some(127) => 10,
        _ => 2,
    };
    serde_json::from_slice(frame.get(header..).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::super::super::Malformed;
    use super::super::request::decode;
    use super::*;

    fn schema(make: Make) -> jsonschema::Validator {
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        let mut generator = settings.with(|settings| settings.inline_subschemas = true).into_generator();
        jsonschema::validator_for(&make(&mut generator).to_value()).unwrap()
    }

    #[test]
    fn examples_of_replies_are_frames_that_fit_what_is_told_of_them() {
        for action in Action::ALL {
            for reply in action.told().replies {
                let data = &reply.example["data"];
                assert!(reply.example["message"].is_string(), "{action:?}: {}", reply.example);
                match reply.data {
                    Some(make) => assert!(schema(make).is_valid(data), "{action:?}: {data}"),
                    None => assert!(data.is_null(), "{action:?}: {data}"),
                }
            }
        }
    }

    #[test]
    fn examples_of_requests_are_requests() {
        for action in Action::ALL {
            let told = action.told();
            let frame = told.example.to_string();
            let asked = decode(frame.as_bytes()).unwrap_or_else(|(_, error)| panic!("{action:?}: {error}"));
            let named = format!("{:?}", asked.request);
            let name = action.name();
            assert!(named.to_lowercase().starts_with(name), "{name}: {named}");
        }
    }

    /// What is told of a request's data is what is read: another type in any of its fields is an error that names it.
    #[test]
    fn every_field_that_is_told_of_is_read() {
        for action in Action::ALL {
            let Some((make, _)) = action.told().data else { continue };
            let settings = schemars::generate::SchemaSettings::draft2020_12();
            let mut generator = settings.with(|s| s.inline_subschemas = true).into_generator();
            let schema = make(&mut generator).to_value();
            for (name, field) in schema["properties"].as_object().unwrap() {
                if field.get("type").is_none() && field.get("anyOf").is_none() {
                    continue; // any JSON
                }
                let mut frame = action.told().example;
                frame["data"][name] = json!({ "wrong": true });
                let frame = frame.to_string();
                let Err((_, Malformed::Shape(error))) = decode(frame.as_bytes()) else {
                    panic!("{action:?}: data.{name} is not read")
                };
                assert!(error.starts_with(&format!("data.{name}")), "{error}");
            }
        }
    }

    #[test]
    fn an_event_is_shown_as_its_frame_is_whatever_its_length() {
        for length in [0, 20, 60, 123, 200, 70_000] {
            let data = json!({ "text": Cow::from("x".repeat(length)) });
            let shown = event("agent_created", &data, "agent_service", Some("agents"));
            assert_eq!(shown["data"], data);
            assert_eq!(shown["room"], "agents");
        }
    }
}
