//! What each wire says: how a subscriber comes into its rooms, and what comes back.
//!
//! This is the seam for further dialects: a module that implements [`Dialect`], and an entry in [`ALL`]. All else (frames,
//! pace, ledgers, report) is the same for each of them. Events are found by their mark (`marker.rs`) and never
//! reach a dialect. Publishers speak `rooms` whatever the subscribers do: no other wire has clients publish events of any type.

mod rooms;
mod socketio;
mod topics;

/// Every dialect, the default first.
pub static ALL: &[&dyn Dialect] = &[&rooms::Rooms, &topics::Topics, &socketio::SocketIo];

/// What a message is that bears no event of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The answer to a request; they come in order. Where it was refused, why.
    Answer(Result<(), String>),
    /// So many events were dropped and are not going to come.
    Gap(u64),
    /// This is to be said for the connection to stay.
    Ask(&'static str),
    /// Something that a load tester has no use for.
    Other,
    /// Nothing that this dialect says.
    Unreadable,
}

impl Heard {
    /// A request was refused, for this reason if one was given.
    fn refused(reason: Option<String>) -> Self {
        Self::Answer(Err(reason.unwrap_or_else(|| "no reason given".into())))
    }
}

/// A wire's language, over WebSocket's messages.
pub trait Dialect: Sync {
    /// What `--dialect` calls it.
    fn name(&self) -> &'static str;

    /// The path that a URL without one means.
    fn path(&self) -> &'static str;

    /// Whether publishers speak it, too.
    fn publishes(&self) -> bool {
        false
    }

    /// Whether subscribers can say which types of events they want.
    fn filters(&self) -> bool {
        false
    }

    /// Says what a subscriber sends behind the handshake, message by message. Answers how many answers come.
    fn enter(
        &self,
        rooms: &mut dyn Iterator<Item = String>,
        filter: &[String],
        say: &mut dyn FnMut(&str),
    ) -> u32;

    /// Reads a message in which no event was found.
    fn read(&self, message: &[u8]) -> Heard;
}

/// What publishers speak.
pub(super) use rooms::Rooms as Publishing;

/// The path that publishers connect to where subscribers do not speak what they do.
pub const PUBLISH_PATH: &str = Publishing::PATH;
/// The type of events to publish where none is given.
pub const EVENT_TYPE: &str = Publishing::EVENT_TYPE;

/// The dialect of this name.
pub fn by_name(name: &str) -> Option<&'static dyn Dialect> {
    ALL.iter().copied().find(|dialect| dialect.name() == name)
}
