//! One connection: from bytes to messages.

use std::io::{self, ErrorKind};

use super::desk::Desk;
use super::publisher::Publisher;
use super::subscriber::Subscriber;
use crate::load::frames::{self, Broken, Frame, Kind, Say};
use crate::load::handshake;
use crate::load::stream::Stream;

/// What is kept of a buffer that is empty.
const KEPT: usize = 4096;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not made, or no longer there.
    Absent,
    Connecting,
    Upgrading,
    /// So many answers to come.
    Entering(u32),
    Ready,
    /// Ready, and not reading.
    Deaf,
    /// We have closed it, and wait for the answer.
    Parting,
}

/// Why a connection is at its end.
#[derive(Debug)]
pub(super) enum End {
    /// It never was ready.
    Refused(String),
    /// By a close frame.
    Closed(Option<u16>, String),
    /// Without one.
    Cut,
    /// What came is not what it should be.
    Torn(Broken),
    Broken(io::Error),
}

impl End {
    /// The words for the report.
    pub(super) fn reason(self) -> String {
        match self {
            Self::Refused(reason) => reason,
            Self::Closed(None, _) => "closed without a code".into(),
            Self::Closed(Some(code), reason) => {
                let plain: String = reason.chars().filter(|c| !c.is_control()).collect();
                format!("{code} {}", without_numbers(&plain)).trim_end().into()
            }
            Self::Cut => "no close frame".into(),
            Self::Torn(broken) => format!("closed by us: {broken}"),
            Self::Broken(error) if error.kind() == ErrorKind::ConnectionReset => "no close frame".into(),
            Self::Broken(error) => error.to_string(),
        }
    }
}

/// Numbers in a reason that is JSON, such as how long to wait, are each session's own: with them, what is one would be told
/// apart.
fn without_numbers(reason: &str) -> String {
    let is_number = |c: char| reason.starts_with('{') && c.is_ascii_digit();
    reason.split(is_number).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("…")
}

/// Whose connection it is.
pub(super) enum Role {
    Subscriber(Subscriber),
    Publisher(Publisher),
}

/// A connection.
pub(super) struct Peer {
    /// Over all threads, publishers behind subscribers.
    pub(super) number: u32,
    pub(super) role: Role,
    pub(super) stage: Stage,
    /// When the stage's time began.
    pub(super) since: u64,
    /// When the connection was to be made: with a ramp not when there was a place for it.
    pub(super) wanted: u64,
    /// Whether its first attempt has come to an end.
    pub(super) settled: bool,
    /// Whether it has left and is to come back.
    pub(super) returns: bool,
    pub(super) stream: Option<Stream>,
    /// A frame of which a part has come.
    partial: Vec<u8>,
    /// A message of which some fragments have come.
    fragments: Option<Vec<u8>>,
    /// To be sent.
    pub(super) out: Vec<u8>,
    /// The kernel takes no more of it.
    pub(super) blocked: bool,
}

impl Peer {
    pub(super) fn new(number: u32, role: Role) -> Self {
        Self {
            number,
            role,
            stage: Stage::Absent,
            since: 0,
            wanted: 0,
            settled: false,
            returns: false,
            stream: None,
            partial: Vec::new(),
            fragments: None,
            out: Vec::new(),
            blocked: false,
        }
    }

    /// Forgets the connection.
    pub(super) fn clear(&mut self) {
        self.stream = None;
        self.stage = Stage::Absent;
        self.partial = Vec::new();
        self.fragments = None;
        self.out = Vec::new();
        self.blocked = false;
    }

    /// Reads once, or under TLS what there is, and handles what has come. `buffer` is for all connections of the thread
    /// and longer than any frame.
    pub(super) fn read(&mut self, buffer: &mut [u8], desk: &mut Desk<'_>) -> Result<(), End> {
        loop {
            let Some(stream) = &mut self.stream else { return Ok(()) };
            let held = self.partial.len();
            buffer[..held].copy_from_slice(&self.partial);
            let read = match stream.read(&mut buffer[held..]) {
                Ok(0) => return Err(End::Cut),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(End::Broken(error)),
            };
            let reads_on = stream.reads_on();
            desk.arrived();
            let mut rest = &buffer[..held + read];
            let outcome = self.digest(&mut rest, desk);
            self.partial.clear();
            match rest.is_empty() && self.partial.capacity() > KEPT {
                true => self.partial = Vec::new(),
                false => self.partial.extend_from_slice(rest),
            }
            outcome?;
            if !reads_on {
                return Ok(());
            }
        }
    }

    /// Handles what is whole; `bytes` keep the rest.
    fn digest(&mut self, bytes: &mut &[u8], desk: &mut Desk<'_>) -> Result<(), End> {
        if self.stage == Stage::Upgrading {
            match handshake::answer(bytes) {
                Ok(None) => return Ok(()),
                Err(reason) => return Err(End::Refused(reason)),
                Ok(Some(end)) => {
                    *bytes = &bytes[end..];
                    self.upgraded(desk);
                }
            }
        }
        while let Some(frame) = frames::take(bytes, desk.longest).map_err(End::Torn)? {
            self.frame(frame, desk)?;
        }
        Ok(())
    }

    fn upgraded(&mut self, desk: &mut Desk<'_>) {
        desk.tally.connect.saturating_record(desk.now.saturating_sub(self.wanted));
        let answers = match &mut self.role {
            Role::Subscriber(subscriber) => subscriber.enter(self.number, desk, &mut self.out),
            Role::Publisher(_) => 0,
        };
        self.stage = Stage::Entering(answers);
        self.entered(desk);
    }

    /// Goes on where all answers have come.
    fn entered(&mut self, desk: &mut Desk<'_>) {
        if self.stage == Stage::Entering(0) {
            self.stage = match &mut self.role {
                Role::Subscriber(subscriber) => subscriber.ready(desk),
                Role::Publisher(publisher) => publisher.ready(desk),
            };
            self.settle(desk);
        }
    }

    /// It was not made.
    pub(super) fn refused(&mut self, desk: &mut Desk<'_>) {
        desk.told.refused += u64::from(!self.settled);
        self.settle(desk);
    }

    /// The first attempt is at its end.
    fn settle(&mut self, desk: &mut Desk<'_>) {
        if !std::mem::replace(&mut self.settled, true) {
            desk.told.settled += 1;
        }
    }

    fn frame(&mut self, frame: Frame<'_>, desk: &mut Desk<'_>) -> Result<(), End> {
        match (frame.kind, self.fragments.take()) {
            (Kind::Close, _) => {
                let (code, reason) = match frame.payload {
                    [high, low, reason @ ..] => (Some(u16::from_be_bytes([*high, *low])), reason),
                    _ => (None, &[][..]),
                };
                Err(End::Closed(code, String::from_utf8_lossy(reason).into_owned()))
            }
            (Kind::Ping, fragments) => {
                self.fragments = fragments;
                frames::put(&mut self.out, Say::Pong, frame.payload);
                Ok(())
            }
            (Kind::Pong, fragments) => {
                self.fragments = fragments;
                Ok(())
            }
            (Kind::Data, None) if frame.fin => self.message(frame.payload, desk),
            (Kind::Data, None) => {
                self.fragments = Some(frame.payload.to_vec());
                Ok(())
            }
            (Kind::Continuation, Some(mut message)) => {
                message.extend_from_slice(frame.payload);
                if message.len() > desk.longest {
                    return Err(End::Torn(Broken::TooLong));
                }
                if frame.fin {
                    return self.message(&message, desk);
                }
                self.fragments = Some(message);
                Ok(())
            }
            (Kind::Data, Some(_)) | (Kind::Continuation, None) => Err(End::Torn(Broken::Fragments)),
        }
    }

    fn message(&mut self, message: &[u8], desk: &mut Desk<'_>) -> Result<(), End> {
        let answer = match &mut self.role {
            Role::Subscriber(subscriber) => subscriber.hear(message, self.stage, desk, &mut self.out),
            Role::Publisher(publisher) => {
                publisher.hear(message, desk);
                None
            }
        };
        if let (Stage::Entering(left), Some(answer)) = (self.stage, answer) {
            answer.map_err(|reason| End::Refused(format!("not let into its rooms: {reason}")))?;
            self.stage = Stage::Entering(left.saturating_sub(1));
            self.entered(desk);
        }
        Ok(())
    }

    /// Whether something waits that was not tried to be sent yet.
    pub(super) fn has_to_send(&self) -> bool {
        !self.blocked && (!self.out.is_empty() || self.stream.as_ref().is_some_and(Stream::has_to_send))
    }

    /// Sends what is to be sent, as far as it is taken.
    pub(super) fn flush(&mut self) -> Result<(), End> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        self.blocked = !stream.send(&mut self.out).map_err(End::Broken)?;
        if !self.blocked && self.out.capacity() > KEPT && matches!(self.role, Role::Subscriber(_)) {
            self.out = Vec::new();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_session_to_session_tells_no_reasons_apart() {
        let reason = |text: &str| End::Closed(Some(1012), text.into()).reason();
        assert_eq!(reason(r#"{"retry_after_ms":1234}"#), r#"1012 {"retry_after_ms":…}"#);
        assert_eq!(reason("restart 7"), "1012 restart 7");
        assert_eq!(reason(""), "1012");
    }
}
