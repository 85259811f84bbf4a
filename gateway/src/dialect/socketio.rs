//! The `socketio` dialect: Socket.IO, version 5, over Engine.IO. A session is the client in its namespaces on one connection: it
//! begins when the first is entered, and it is one user's.

mod binary;
mod event;
mod packet;
mod recovery;
mod reply;

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use smallvec::SmallVec;

pub use event::SocketIoFrame;

use super::{Answer, Asked, Dialect, Malformed, Message, Notice, Request, Undecoded, Warning, Welcome};
use crate::frame::{Bookmark, Form, Since};
use crate::transport::close::CloseReason;
use packet::{Kind, Packet};
use recovery::Pid;

/// Bytes of attachments that one packet may have.
const MOST_BINARY: usize = 1 << 20;

/// What holds for all sessions of an endpoint.
#[derive(Debug)]
pub struct Settings {
    /// Its namespaces, each with the form of the events there. A session's events come in the namespace that it has entered
    /// first.
    pub namespaces: Vec<(Box<str>, Form)>,
    /// What follows the answer to who enters one.
    pub greeting: Greeting,
    /// Calls whose answers go back as events of these names where the client wants no acknowledgement.
    pub answers: Vec<(String, String)>,
}

/// What follows the answer to who enters a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// The event `connection_established`.
    Established,
    /// The event `auth`, with what the client has said when it entered.
    Auth,
    /// Nothing.
    None,
}

/// See the module's documentation.
pub struct SocketIo {
    settings: Rc<Settings>,
    state: RefCell<State>,
}

/// What is remembered of a session.
#[derive(Default)]
struct State {
    /// Told to it in the first namespace.
    connection_id: Box<str>,
    /// The namespaces that it is in, by number, with its id there, in the order of entering.
    entered: SmallVec<[(usize, Box<str>); 1]>,
    /// The namespace that it wants to enter, and what it said.
    entering: Option<(usize, Box<RawValue>)>,
    /// Under which id it went on when it lost its connection last, or goes on when it does.
    pid: Option<Pid>,
    /// A packet whose attachments are on their way.
    half: Option<Half>,
}

/// A packet whose attachments are on their way.
struct Half {
    namespace: usize,
    id: Option<u64>,
    payload: Box<str>,
    attachments: Vec<Bytes>,
    missing: usize,
}

/// Where an answer goes: a request's id.
#[derive(Clone, Copy, Debug, serde::Serialize, Deserialize)]
struct Place {
    /// The number of the namespace.
    namespace: usize,
    /// Under which it is acknowledged; none: it is not.
    ack: Option<u64>,
    /// The request had exactly one argument, so its answer is one, too; else it is a list of them, if it is a list.
    single: bool,
}

/// What entering may say.
#[derive(Deserialize)]
struct Handshake<'a> {
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
}

impl SocketIo {
    /// For an endpoint, or for a session of its.
    pub fn new(settings: Rc<Settings>) -> Self {
        Self { settings, state: RefCell::default() }
    }

    fn connect<'a>(&self, packet: &Packet<'a>) -> Result<Asked<'a>, Undecoded<'a>> {
        let Some(namespace) = self.number(packet.namespace) else {
            let id = serde_json::value::to_raw_value(packet.namespace).ok().map(Cow::Owned);
            return Err((id, Malformed::Shape("Invalid namespace".to_owned())));
        };
        let mut state = self.state.borrow_mut();
        if state.entered.iter().any(|(known, _)| *known == namespace) {
            return Ok(Asked { id: None, request: Request::Nothing });
        }
        let said = if packet.payload.starts_with('{') { packet.payload } else { "{}" };
        let handshake: Option<Handshake<'a>> = serde_json::from_str(said).ok();
        let token = handshake.and_then(|handshake| handshake.token).filter(|token| !token.is_empty());
        state.entering = RawValue::from_string(said.to_owned()).ok().map(|said| (namespace, said));
        let (pid, before) = recovery::read(said).filter(|_| state.entered.is_empty()).unzip();
        state.pid = pid.or_else(|| state.pid.take());
        Ok(Asked { id: None, request: Request::Enter { token, before } })
    }

    fn disconnect<'a>(&self, packet: &Packet<'a>) -> Request<'a> {
        let mut state = self.state.borrow_mut();
        let number = self.number(packet.namespace);
        let before = state.entered.len();
        state.entered.retain(|(known, _)| Some(*known) != number);
        match state.entered.is_empty() && before > 0 {
            true => Request::Exit,
            false => Request::Nothing,
        }
    }

    fn number(&self, namespace: &str) -> Option<usize> {
        self.settings.namespaces.iter().position(|(known, _)| **known == *namespace)
    }

    fn is_in(&self, namespace: usize) -> bool {
        self.state.borrow().entered.iter().any(|(known, _)| *known == namespace)
    }

    /// A packet with attachments waits for them.
    fn begin_half(&self, packet: &Packet<'_>) -> Result<(), Malformed> {
        let namespace = self.number(packet.namespace).ok_or(BROKEN)?;
        let (id, payload, missing) = (packet.id, packet.payload.into(), packet.attachments);
        self.state.borrow_mut().half =
            Some(Half { namespace, id, payload, attachments: Vec::new(), missing });
        Ok(())
    }

    /// Takes an attachment. Answers the request once it is whole.
    fn attach(&self, payload: &[u8]) -> Result<Option<Asked<'static>>, Malformed> {
        let mut state = self.state.borrow_mut();
        let half = state.half.as_mut().ok_or(BROKEN)?;
        let bytes: usize = half.attachments.iter().map(Bytes::len).sum();
        if bytes + payload.len() > MOST_BINARY {
            return Err(BROKEN);
        }
        half.attachments.push(Bytes::copy_from_slice(payload));
        half.missing -= 1;
        if half.missing > 0 {
            return Ok(None);
        }
        let Some(half) = state.half.take() else { return Ok(None) };
        drop(state);
        let joined = binary::join(&half.payload, &half.attachments).ok_or(BROKEN)?;
        let (name, arguments) = packet::event(&joined).ok_or(BROKEN)?;
        let place = Place { namespace: half.namespace, ack: half.id, single: arguments.len() == 1 };
        let data = data(&arguments);
        let request = Request::Call {
            name: name.to_lowercase(),
            room: None,
            data: Cow::Owned(data.into_owned()),
            streamed: false,
        };
        Ok(Some(Asked { id: place.raw().map(Cow::Owned), request }))
    }

    fn event<'a>(&self, packet: &Packet<'a>) -> Result<Asked<'a>, Malformed> {
        let (name, arguments) = packet::event(packet.payload).ok_or(BROKEN)?;
        let Some(namespace) = self.number(packet.namespace).filter(|number| self.is_in(*number)) else {
            return Ok(Asked { id: None, request: Request::Nothing }); // it is not there, or not any more
        };
        let place = Place { namespace, ack: packet.id, single: arguments.len() == 1 };
        let room = || -> Option<Cow<'a, str>> {
            #[derive(Deserialize)]
            struct Named<'a> {
                #[serde(borrow)]
                room: Cow<'a, str>,
            }
            let named: Named<'a> = serde_json::from_str(arguments.first()?.get()).ok()?;
            Some(named.room)
        };
        let request = match name.as_str() {
            "subscribe" => Request::Join { room: room(), since: Since::Now, info: None, slow: None },
            "unsubscribe" => Request::Leave(room()),
            "ping" => Request::Ping,
            _ => Request::Call {
                name: name.to_lowercase(),
                room: None,
                data: data(&arguments),
                streamed: false,
            },
        };
        Ok(Asked { id: place.raw().map(Cow::Owned), request })
    }
}

/// What a packet is that is none: the connection ends.
const BROKEN: Malformed = Malformed::Broken("not a packet of Socket.IO");

/// What a plugin gets of an event's arguments: the only one, or a list of them.
fn data<'a>(arguments: &[&'a RawValue]) -> Cow<'a, RawValue> {
    if let [only] = arguments {
        return Cow::Borrowed(only);
    }
    let list = arguments.iter().map(|one| one.get()).collect::<Vec<_>>().join(",");
    match RawValue::from_string(format!("[{list}]")) {
        Ok(list) => Cow::Owned(list),
        Err(_) => Cow::Borrowed(RawValue::NULL),
    }
}

impl Place {
    fn raw(self) -> Option<Box<RawValue>> {
        serde_json::value::to_raw_value(&self).ok()
    }

    fn read(id: Option<&RawValue>) -> Option<Self> {
        serde_json::from_str(id?.get()).ok()
    }
}

impl Dialect for SocketIo {
    fn name(&self) -> &'static str {
        "socketio"
    }

    fn form(&self) -> Option<Form> {
        let state = self.state.borrow();
        let entered = state.entered.first().map(|(number, _)| *number);
        let first = entered.or(state.entering.as_ref().map(|(number, _)| *number)).unwrap_or(0);
        self.settings.namespaces.get(first).map(|(_, form)| *form)
    }

    fn takes_tokens(&self) -> bool {
        false
    }

    fn is_entered(&self) -> bool {
        true
    }

    fn forgives(&self) -> bool {
        true
    }

    fn greets_strangers(&self) -> bool {
        false
    }

    fn recovers(&self) -> bool {
        true
    }

    fn reached(&self, reached: &Bookmark, rooms: &[Arc<str>]) -> Option<Vec<u8>> {
        let state = self.state.borrow();
        let offset = state.pid.as_ref().map(|pid| pid.offset(reached, rooms)).unwrap_or_default();
        Some(reply::reached(&self.settings, &state, &offset))
    }

    fn for_session(&self, connection_id: &str) -> Option<Rc<dyn Dialect>> {
        let session = Self::new(Rc::clone(&self.settings));
        session.state.borrow_mut().connection_id = connection_id.into();
        Some(Rc::new(session))
    }

    fn decode<'a>(&self, message: Message<'a>) -> Result<Asked<'a>, Undecoded<'a>> {
        let nothing = || Asked { id: None, request: Request::Nothing };
        if !message.text {
            return self
                .attach(message.payload)
                .map(|asked| asked.unwrap_or_else(nothing))
                .map_err(|bad| (None, bad));
        }
        if self.state.borrow().half.is_some() {
            return Err((None, BROKEN)); // its attachments come first
        }
        let text = std::str::from_utf8(message.payload).map_err(|_| (None, BROKEN))?;
        let packet = Packet::parse(text).ok_or((None, BROKEN))?;
        match packet.kind {
            Kind::Connect => self.connect(&packet),
            Kind::Disconnect => Ok(Asked { id: None, request: self.disconnect(&packet) }),
            Kind::Event if packet.attachments > 0 => {
                self.begin_half(&packet).map(|()| nothing()).map_err(|bad| (None, bad))
            }
            Kind::Event => self.event(&packet).map_err(|bad| (None, bad)),
            // Nothing that is sent here asks for one.
            Kind::Ack => Ok(nothing()),
            Kind::ConnectError => Err((None, BROKEN)),
        }
    }

    fn welcome(&self, welcome: &Welcome<'_>) -> Option<Notice> {
        reply::welcome(&self.settings, &self.state.borrow(), welcome)
    }

    fn farewell(&self, reason: &CloseReason) -> Warning {
        // A client that is told so does not come back by itself; one that only loses its connection does.
        match (reason, self.state.borrow().entered.is_empty()) {
            (CloseReason::Policy(_) | CloseReason::Other { .. }, false) => {
                Warning::Frame(reply::disconnects(&self.settings, &self.state.borrow()))
            }
            _ => Warning::None,
        }
    }

    fn answer(&self, id: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>) {
        match answer {
            Answer::Authenticated { start, .. } => {
                reply::entered(&self.settings, &mut self.state.borrow_mut(), *start, out);
            }
            Answer::Unproven { refusal, .. } => {
                reply::rejected(&self.settings, &mut self.state.borrow_mut(), *refusal, out);
            }
            answer => {
                if let Some(place) = Place::read(id) {
                    reply::put(&self.settings, place, answer, out);
                }
            }
        }
    }

    fn malformed(&self, id: Option<&RawValue>, malformed: &Malformed, out: &mut Vec<u8>) {
        if let (Some(namespace), Malformed::Shape(why)) = (id, malformed) {
            reply::no_namespace(namespace, why, out);
        }
    }
}
