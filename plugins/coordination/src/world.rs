//! What the plugin needs of the world: its clock, the store, what another plugin keeps there, the hub. The gateway gives it, and
//! in tests a small one.

use tidegate_plugin::{Error, Event, Host, Op, Outcome, Page, PublishError, Result, Status};
use uuid::Uuid;

use crate::notice::Notice;
use crate::shelf::PAGE;
use crate::time::{Moment, Timestamp};

/// Source of all events.
const SOURCE: &str = "coordination_service";
/// The plugin that keeps agents, and where.
const AGENTS: (&str, &str) = ("agents", "shared/agent/");

/// The world. All futures stay on the plugin's thread.
pub(crate) trait World {
    /// What time it is.
    fn now(&self) -> Moment;

    /// An id that nobody else has.
    fn new_id(&self) -> String;

    /// Runs operations on the store in order, each for itself.
    async fn store(&self, ops: Vec<Op>) -> Result<Vec<Result<Outcome>>>;

    /// What the plugin `agents` keeps of some agents, as JSON, after that key.
    async fn agents(&self, after: String) -> Result<Page>;

    /// Publishes in order, and waits until all is as safe as the rooms promise. An event that the hub finds wrong would be found
    /// wrong for ever: it is told to the operator and left out.
    async fn publish(&self, notices: Vec<Notice>) -> Result<()>;

    /// Tells the operator.
    fn warn(&self, message: &str);
}

impl World for Host {
    fn now(&self) -> Moment {
        let clock = self.clock();
        // A stopped gateway has no clock, and nothing is due any more.
        let steady = clock.monotonic().unwrap_or_default().as_millis();
        Moment { wall: Timestamp(clock.now_ms()), steady: i64::try_from(steady).unwrap_or(i64::MAX) }
    }

    fn new_id(&self) -> String {
        Uuid::new_v4().to_string()
    }

    async fn store(&self, ops: Vec<Op>) -> Result<Vec<Result<Outcome>>> {
        self.store().run(ops).await
    }

    async fn agents(&self, after: String) -> Result<Page> {
        let (plugin, prefix) = AGENTS;
        self.store().of(plugin).list(prefix, after, PAGE).await
    }

    async fn publish(&self, notices: Vec<Notice>) -> Result<()> {
        let mut rest = notices.into_iter().map(event).collect();
        loop {
            match self.publish_all(rest).await {
                Ok(_) => return Ok(()),
                Err(PublishError { status: Status::INVALID, reason, rest: mut refused, .. })
                    if !refused.is_empty() =>
                {
                    self.log().error(format_args!("an event was refused and is left out: {reason}"));
                    refused.remove(0);
                    rest = refused;
                }
                Err(error) => return Err(Error::from(error)),
            }
        }
    }

    fn warn(&self, message: &str) {
        self.log().warn(message);
    }
}

fn event(notice: Notice) -> Event {
    let data: Box<str> = notice.data.into();
    Event::new(notice.kind)
        .source(SOURCE)
        .room(notice.room)
        .id(notice.id)
        .time(notice.at.0)
        .raw(data.into_boxed_bytes().into_vec())
}

#[cfg(test)]
pub(crate) mod tests;
