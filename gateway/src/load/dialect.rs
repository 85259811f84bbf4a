//! What each wire says: how a subscriber comes into its rooms, how an event is published, what comes back.
//!
//! This is the seam for further dialects: a module that implements [`Dialect`], and an entry in [`ALL`]. All else (frames,
//! pace, ledgers, report) is the same for each of them. Events are found by their mark (`marker.rs`) and never
//! reach a dialect.

mod rooms;

/// Every dialect, the default first.
pub static ALL: &[&dyn Dialect] = &[&rooms::Rooms];

/// What a message is that bears no event of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The answer to a request; they come in order. Where it was refused, why.
    Answer(Result<(), String>),
    /// So many events were dropped and are not going to come.
    Gap(u64),
    /// Something that a load tester has no use for.
    Other,
    /// Nothing that this dialect says.
    Unreadable,
}

/// A wire's language, over WebSocket's messages.
pub trait Dialect: Sync {
    /// What `--dialect` calls it.
    fn name(&self) -> &'static str;

    /// The path that a URL without one means.
    fn path(&self) -> &'static str;

    /// The type of events to publish where none is given: one that every gateway lets through.
    fn event_type(&self) -> &'static str;

    /// Whether a subscriber with this filter gets events of this type. No filter lets all through.
    fn lets(&self, filter: &[String], event_type: &str) -> bool;

    /// Says what a subscriber sends behind the handshake, message by message. Answers how many answers come.
    fn enter(
        &self,
        rooms: &mut dyn Iterator<Item = String>,
        filter: &[String],
        say: &mut dyn FnMut(&str),
    ) -> u32;

    /// Appends the message that publishes an event, whose payload needs no escapes; one answer comes.
    fn publish(&self, room: &str, event_type: &str, payload: &[u8], out: &mut Vec<u8>);

    /// Reads a message in which no event was found.
    fn read(&self, message: &[u8]) -> Heard;
}

/// The dialect of this name.
pub fn by_name(name: &str) -> Option<&'static dyn Dialect> {
    ALL.iter().copied().find(|dialect| dialect.name() == name)
}
