//! Who is in a room: asked of one shard after the other, each of which answers in the room's own turn, so that whoever
//! joined before the question is among the answer. What is looked at grows with what is shown, not with the room.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::Hub;
use super::mailbox::Letter;
use super::room::Room;
use crate::frame::json::raw;

/// Bytes of members, as they will be written, that one page holds; one that has more goes on with the next.
const MOST_BYTES: usize = 256 * 1024;
/// Bytes of what is written around a member's values.
const AROUND: usize = 64;

/// A session in a room, as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Member", extend("examples" = [{
    "connection_id": "ws_b24d33ea36ef", "user_id": "u-17", "info": { "name": "Ada" }
}]))]
pub struct Present {
    /// The session's id.
    pub connection_id: Arc<str>,
    /// Who authenticated.
    pub user_id: Option<Arc<str>>,
    /// What its token says for others to see, and what it said when it joined; null: nothing.
    #[serde(serialize_with = "raw")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub info: Option<Arc<str>>,
}

impl Present {
    /// With what it said of itself when it joined. What its token says holds where both say something; where that is no
    /// object, it holds alone.
    pub(super) fn with(mut self, said: Option<&Arc<str>>) -> Self {
        let Some(said) = said else { return self };
        self.info = match &self.info {
            None => Some(Arc::clone(said)),
            Some(token) => merged(said, token).or(self.info),
        };
        self
    }

    pub(super) fn bytes(&self) -> usize {
        let texts = [Some(&self.connection_id), self.user_id.as_ref(), self.info.as_ref()];
        texts.into_iter().flatten().map(|text| text.len()).sum::<usize>() + AROUND
    }
}

/// Two objects as one; where both have a key, the second's.
fn merged(first: &str, second: &str) -> Option<Arc<str>> {
    let mut first: Map<String, Value> = serde_json::from_str(first).ok()?;
    let second: Map<String, Value> = serde_json::from_str(second).ok()?;
    first.extend(second);
    Some(Value::Object(first).to_string().into())
}

/// Who is in a room, or a page of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// How many there are on all pages.
    pub count: usize,
    /// Those of this page, in no particular order.
    pub members: Vec<Present>,
}

/// A question to one shard.
pub(crate) struct Look {
    page: Page,
    done: oneshot::Sender<(Presence, Page)>,
}

/// What of the members is still wanted.
#[derive(Clone, Copy)]
struct Page {
    skip: usize,
    limit: usize,
    bytes: usize,
}

impl Look {
    /// Answers it, of a shard that has so many members.
    pub(super) fn answer(self, count: usize, member: impl Fn(usize) -> Option<Present>) {
        let Self { mut page, done } = self;
        let skipped = page.skip.min(count);
        page.skip -= skipped;
        let mut shown = Vec::new();
        for member in (skipped..count).take(page.limit).filter_map(member) {
            let bytes = member.bytes();
            if bytes > page.bytes {
                page.limit = 0; // nobody behind it either, so that the next page begins with it
                break;
            }
            page.bytes -= bytes;
            shown.push(member);
        }
        page.limit = page.limit.saturating_sub(shown.len());
        let _nobody_waits = done.send((Presence { count, members: shown }, page));
    }
}

impl Hub {
    /// Who is in the room `name`: of its members those behind the first `skip`, `limit` at most. Who comes or goes
    /// between two pages may be missing, or be there twice.
    pub async fn presence(&self, name: &str, skip: usize, limit: usize) -> Presence {
        let mut all = Presence::default();
        let Some(room) = self.registry.find(name) else { return all };
        let mut page = Page { skip, limit, bytes: MOST_BYTES };
        for mailbox in self.mailboxes() {
            let (done, answer) = oneshot::channel();
            mailbox.push(Letter::Look(Arc::clone(&room), Look { page, done }));
            // A shard that answers no more is ending, and its sessions with it.
            let Ok((here, rest)) = answer.await else { continue };
            all.count += here.count;
            all.members.extend(here.members);
            page = rest;
        }
        all
    }
}

impl Room {
    /// Members on one shard, those among them who are not in its walk yet.
    pub(super) fn members_on(&self, shard: usize) -> usize {
        self.lock().members[shard] as usize
    }
}
