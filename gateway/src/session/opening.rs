//! How a session begins.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use super::allowance::Allowance;
use super::outbound::Outbound;
use super::run::run;
use super::term::Term;
use super::turn_away::turn_away;
use super::{Common, Endpoint, Particulars, Place, Pulse, Session, Shown, TOO_MANY};
use crate::audit::{Deed, Source};
use crate::frame::Timestamp;
use crate::hub::moments::Change;
use crate::hub::{Entered, Guest, Order, Seat};
use crate::identity::Principal;
use crate::transport::Socket;
use crate::transport::close::CloseReason;
use crate::transport::engineio::Polling;
use crate::transport::websocket::deflate::Window;
use crate::web::Client;

/// Who wants a session.
pub struct Visitor {
    /// By whom it is.
    pub principal: Arc<Principal>,
    /// The id that it asks for, where it does.
    pub id: Option<Arc<str>>,
    /// The event types that it gets and no others, where it says so from the start.
    pub only: Option<Vec<Arc<str>>>,
    /// Where it is.
    pub client: Client,
    /// The same for the audit log, where there is one.
    pub source: Option<Box<Source>>,
    /// What it has shown, where its session has to be entered; it is nobody before that.
    pub shown: Option<Box<Shown>>,
    /// Its place at the endpoint.
    pub place: Place,
    /// Its place among those of whom nobody knows yet who they are; none where it is known.
    pub unknown: Option<Place>,
}

/// What a session begins with.
pub struct Opening {
    /// Nothing was written to it.
    pub socket: Socket,
    /// What goes out before all else.
    pub answer: Vec<u8>,
    /// From where its client's messages come.
    pub source: Inflow,
    /// What is agreed on of compressed messages, where anything is: what is sent must fit it.
    pub deflate: Option<Window>,
}

/// From where a client's messages come.
pub enum Inflow {
    /// Frames of RFC 6455, of which the first may be here already.
    WebSocket(Bytes),
    /// From nowhere: the stream only ends.
    Nowhere,
    /// Packets of Engine.IO in frames of RFC 6455, of which the first may be here already.
    EngineIo(Bytes),
    /// Packets of Engine.IO that requests bring.
    Polling(Box<Polling>),
}

/// Opens a session and runs it to its end. What this answers is boxed here, so that an
/// idle session takes the memory of its own life only.
pub fn open(
    common: Rc<Common>,
    endpoint: Rc<Endpoint>,
    visitor: Visitor,
    Opening { socket, answer, source, deflate }: Opening,
) -> LocalBoxFuture<'static, ()> {
    let mut visitor = visitor;
    let only = visitor.only.take();
    let (session, taken) = match seat(common, &endpoint, visitor, (socket, deflate)) {
        Ok(seated) => seated,
        Err(socket) => {
            let reason = CloseReason::Policy(TOO_MANY.into());
            return Box::pin(async move { turn_away(&endpoint, socket, answer, (reason, None)).await });
        }
    };
    begin(&session);
    if let Some(only) = &only {
        session.get_only(only.iter().map(|name| &**name));
    }
    // Joined first: who has its welcome gets what is published from then on. No event can come before the
    // welcome, as the shard's walk has no turn in between.
    let cached = if session.is_unknown() { Vec::new() } else { session.join_first_rooms() };
    let unsaid = answer.len();
    let mut first = answer;
    if !session.is_unknown() || session.dialect.greets_strangers() {
        session.welcome(taken.as_deref(), only.as_deref(), &mut first);
    }
    session.common.shard.counters().bytes_out.add((first.len() - unsaid) as u64);
    session.outbound.write(&first, &session.common.ledger);
    Rc::clone(&session).order(Order::Show(cached));
    // What was revoked since its request was looked at has been looked for by now.
    session.review();
    Box::pin(run(&session, source))
}

/// A session is there.
pub(super) fn begin(session: &Session) {
    session.common.shard.counters().opened.count(session.dialect.name());
    session.common.shard.hub().directory().enter_roles(&session.principal.borrow().roles);
    session.record(Deed::Connected, |entry| entry);
    session.tell_watchers(Change::Open);
    session.begin_heartbeat();
}

/// Makes the session, under the id that it asks for or, where another session has it, under one like it. Gives the
/// socket back where its user has enough of them.
pub(super) fn seat(
    common: Rc<Common>,
    endpoint: &Rc<Endpoint>,
    visitor: Visitor,
    (socket, deflate): (Socket, Option<Window>),
) -> Result<(Rc<Session>, Option<Arc<str>>), Socket> {
    let Visitor { principal, id: wanted, client, source, shown, mut place, mut unknown, .. } = visitor;
    let given = endpoint.dialect.session_id();
    let client_id = wanted.filter(|_| given.is_none());
    let asked = given.or_else(|| client_id.clone());
    let mut particulars = Particulars::of(client_id.clone(), shown, source);
    let mut id = asked.unwrap_or_else(|| format!("ws_{}", random_hex(12)).into());
    let mut outbound = Outbound::new(socket, endpoint.backlog);
    loop {
        let own = endpoint.dialect.for_session(&id);
        let session = Rc::new(Session {
            seat: Seat::new(endpoint.form(endpoint.dialect.form(), deflate)),
            pulse: Pulse::new(&common.wheel, endpoint),
            id,
            particulars,
            term: Term::of(&principal, Timestamp::now(), common.patience),
            allowance: Allowance::new(client),
            _place: place,
            unknown: Cell::new(unknown),
            principal: RefCell::new(Arc::clone(&principal)),
            endpoint: Rc::clone(endpoint),
            dialect: own.unwrap_or_else(|| Rc::clone(&endpoint.dialect)),
            common: Rc::clone(&common),
            connected_at: Timestamp::now(),
            deflate,
            outbound,
            ending: Cell::default(),
            closing: Cell::new(false),
            turn: Cell::default(),
        });
        let entered =
            common.shard.open(&session, &session.id, principal.user.as_ref(), endpoint.user_limit());
        if let Entered::In(_) = entered {
            let taken = client_id.filter(|asked| *asked != session.id);
            return Ok((session, taken));
        }
        match Rc::try_unwrap(session) {
            Ok(session) if entered == Entered::Full => {
                return Err(session.outbound.into_socket());
            }
            Ok(session) => {
                (outbound, particulars) = (session.outbound, session.particulars);
                (place, unknown) = (session._place, session.unknown.into_inner());
            }
            Err(_) => unreachable!("a session that was not seated has one owner"),
        }
        // Its id is taken, so nobody else holds it: it is made again under another.
        let asked = client_id.as_deref().unwrap_or("ws");
        id = format!("{asked}_{}", random_hex(6)).into();
    }
}

fn random_hex(digits: usize) -> String {
    let mut hex = uuid::Uuid::new_v4().simple().to_string();
    hex.truncate(digits);
    hex
}
