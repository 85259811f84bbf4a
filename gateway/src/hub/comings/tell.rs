//! Telling the members of rooms who came and left: a moment later, so that many changes are one event.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use std::time::Duration;

use super::News;
use crate::frame::{Event, Timestamp};
use crate::hub::Hub;
use crate::hub::own::{Came, Left, MemberJoined, MemberLeft, MembersChanged};
use crate::hub::presence::Present;
use crate::hub::room::Room;

/// For how long changes are put together.
const TICK: Duration = Duration::from_millis(250);
/// Changes that have an event each; more have one together.
const MOST_SINGLE: usize = 8;
/// Sessions that such an event names at most, of those who came and of those who left.
const MOST_NAMED: usize = 50;
/// Bytes of what they say of themselves, for each of the two.
const MOST_BYTES: usize = 32 * 1024;

/// A room with events that its members have not been told yet.
pub(super) struct Untold {
    room: Arc<Room>,
    events: VecDeque<Event>,
}

impl Hub {
    /// Tells members who came and left, where rooms' rules say so; never ends.
    pub async fn tell_members(&self) {
        let mut untold = Vec::new();
        loop {
            if untold.is_empty() {
                self.registry.stirred.wake.notified().await;
            }
            tokio::time::sleep(TICK).await;
            untold = self.tell_once(untold);
        }
    }

    /// Tells what there is. Answers what found no space in a mailbox: it is told the next time, and what happens
    /// meanwhile after it.
    pub(super) fn tell_once(&self, mut untold: Vec<Untold>) -> Vec<Untold> {
        let rooms = std::mem::take(&mut *self.registry.stirred.rooms.lock());
        let before = untold.iter().enumerate().map(|(index, one)| (one.room.id.number, index));
        let before: HashMap<u64, usize> = before.collect();
        for room in rooms {
            let (news, count) = {
                let mut state = room.lock();
                let count = state.total();
                let Some(comings) = &mut state.comings else { continue };
                comings.listed = false;
                (comings.take(), count)
            };
            let events = if count > 0 { self.events(&room.id.name, news, count) } else { Vec::new() };
            match before.get(&room.id.number).and_then(|index| untold.get_mut(*index)) {
                Some(before) => before.events.extend(events),
                None => untold.push(Untold { room, events: events.into() }),
            }
        }
        for Untold { room, events } in &mut untold {
            while let Some(event) = events.front()
                && self.dispatch.tell_beside(room, event).is_ok()
            {
                events.pop_front();
            }
        }
        untold.retain(|one| !one.events.is_empty());
        untold
    }

    /// One for each, or one for all where they are many.
    fn events(&self, room: &str, news: News, count: usize) -> Vec<Event> {
        let News { joined, left } = news;
        if joined.len() + left.len() > MOST_SINGLE {
            let (joined_count, left_count) = (joined.len(), left.len());
            let joined = named(joined).map(|(member, first)| Came { member, first }).collect();
            let left = named(left).map(|(member, last)| Left { member, last }).collect();
            let all = MembersChanged { room, count, joined_count, left_count, joined, left };
            return self.event("members_changed", &all).into_iter().collect();
        }
        let joined = joined.into_iter().filter_map(|(member, first)| {
            self.event("member_joined", &MemberJoined { room, came: Came { member, first }, count })
        });
        let left = left.into_iter().filter_map(|(member, last)| {
            self.event("member_left", &MemberLeft { room, left: Left { member, last }, count })
        });
        joined.chain(left).collect()
    }

    fn event(&self, kind: &str, data: &impl serde::Serialize) -> Option<Event> {
        let (kind, data) = (self.types().find(kind)?, serde_json::to_vec(data).ok()?);
        let (source, time) = ("gateway".into(), Timestamp::now());
        Some(Event::new(kind, data.into(), source, time))
    }
}

/// The first of them, as many as one event names.
fn named(members: Vec<(Present, bool)>) -> impl Iterator<Item = (Present, bool)> {
    let mut bytes = 0;
    members.into_iter().take(MOST_NAMED).take_while(move |(member, _)| {
        bytes += member.bytes();
        bytes <= MOST_BYTES
    })
}
