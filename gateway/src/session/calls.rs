//! A session's open calls: requests that plugins are answering.

use std::task::{Context, Poll};

use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::Session;
use super::requests::capital;
use crate::dialect;
use crate::hub::calls::{Answer, Call, CallError};

/// Pieces of a stream that wait for the session's task before the plugin is told that it is slow.
const WAITING: usize = 16;

/// A call that a plugin is answering.
struct Open {
    /// What was called; the message of an answer that has none.
    name: Box<str>,
    /// The request's.
    id: Option<Box<RawValue>>,
    /// The session answers nothing else before it.
    first: bool,
    /// The client takes pieces.
    streamed: bool,
    answers: mpsc::Receiver<Answer>,
    /// Pieces so far.
    seq: u64,
}

/// The open calls; dropping one tells its plugin that it was cancelled.
#[derive(Default)]
pub(super) struct Calls(Vec<Open>);

impl Calls {
    /// Whether a call is open that is answered before all else: the next request waits.
    pub(super) fn is_waiting(&self) -> bool {
        self.0.iter().any(|open| open.first)
    }

    /// Hands a call to the plugin that declares it.
    pub(super) fn open(
        &mut self,
        session: &Session,
        id: Option<&RawValue>,
        (name, room): (&str, Option<&str>),
        (data, streamed): (&RawValue, bool),
        out: &mut Vec<u8>,
    ) {
        let dialect = &session.dialect;
        let most = session.common.calls_per_session;
        // Without an id, nothing tells its answer from others.
        let first = id.is_none() || dialect.answers_in_order();
        if !first && self.0.len() >= most {
            let message = format!("{most} calls are open; a session may have no more at once");
            return dialect.answer(id, &dialect::Answer::Refused(&message), out);
        }
        let (sender, answers) = mpsc::channel(WAITING);
        let calls = session.common.shard.hub().calls();
        let routed = calls.route(Call {
            name: name.into(),
            data: data.get().as_bytes().to_vec().into(),
            session: session.id.clone(),
            room: room.map(Into::into),
            principal: session.principal(),
            streams: streamed,
            answers: sender,
        });
        match routed {
            Some(Ok(())) => {
                let id = id.map(ToOwned::to_owned);
                self.0.push(Open { name: name.into(), id, first, streamed, answers, seq: 0 });
            }
            Some(Err(error @ CallError::Busy(_))) => {
                let busy =
                    dialect::Answer::Busy { message: &capital(&error.to_string()), retry_after_ms: 100 };
                dialect.answer(id, &busy, out);
            }
            Some(Err(error)) => {
                dialect.answer(id, &dialect::Answer::Refused(&capital(&error.to_string())), out)
            }
            None => {
                let calls = calls.names();
                dialect.answer(id, &dialect::Answer::UnknownAction { name, calls: &calls }, out);
            }
        }
    }

    /// Stops the call with this id; `false` where there is none.
    pub(super) fn cancel(&mut self, session: &Session, id: Option<&RawValue>, out: &mut Vec<u8>) -> bool {
        let same =
            |open: &Open| id.is_some() && open.id.as_deref().map(RawValue::get) == id.map(RawValue::get);
        let Some(at) = self.0.iter().position(same) else { return false };
        let open = self.0.swap_remove(at);
        let cancelled = dialect::Answer::Call {
            name: &open.name,
            success: false,
            message: "Call cancelled",
            data: b"",
            streamed: open.streamed,
        };
        session.dialect.answer(open.id.as_deref(), &cancelled, out);
        true
    }

    /// Writes the answers that have come, as far as the client takes them: while it does not, they wait where
    /// they are, and the plugin is told that it is slow.
    pub(super) fn poll(&mut self, session: &Session, cx: &mut Context<'_>, out: &mut Vec<u8>) {
        let dialect = &session.dialect;
        self.0.retain_mut(|open| {
            while !session.is_pressed(out)
                && let Poll::Ready(answer) = open.answers.poll_recv(cx)
            {
                let id = open.id.as_deref();
                let (success, message, data) = match answer {
                    Some(Answer::Part(_)) if !open.streamed => continue, // what comes last says all
                    Some(Answer::Part(data)) => {
                        let (name, seq) = (&*open.name, open.seq);
                        dialect.answer(id, &dialect::Answer::Part { name, seq, data: &data }, out);
                        open.seq += 1;
                        continue;
                    }
                    Some(Answer::Done { message, data }) if message.is_empty() => {
                        (true, open.name.to_string(), data)
                    }
                    Some(Answer::Done { message, data }) => (true, message, data),
                    Some(Answer::Failed { message, data }) => (false, message, data),
                    None => (false, "The plugin gave no answer".to_owned(), Default::default()),
                };
                let (name, message, data) = (&*open.name, &*message, &*data);
                let streamed = open.streamed;
                dialect.answer(id, &dialect::Answer::Call { name, success, message, data, streamed }, out);
                return false;
            }
            true
        });
    }
}
