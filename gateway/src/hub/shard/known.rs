//! What others in a room know of a session: the rooms are told when it comes, leaves, or says something else of itself.

use std::rc::Rc;
use std::sync::Arc;

use super::super::member::Membership;
use super::super::moments::Change;
use super::super::order::Order;
use super::super::presence::Present;
use super::super::room::{Room, State};
use super::{Guest, Shard};

impl<G: Guest> Shard<G> {
    /// A session has come into `room`.
    pub(super) fn came(&self, room: &Arc<Room>, state: &mut State, guest: &Rc<G>, said: Option<&Arc<str>>) {
        guest.tell_change(Change::Join(Arc::clone(&room.id.name)));
        if let Some(comings) = &mut state.comings {
            comings.joined(guest.present().with(said));
            self.hub.registry.stirred.list(room, comings);
        }
    }

    /// A session has left a room.
    pub(super) fn went(&self, state: &mut State, guest: &Rc<G>, membership: &Membership) {
        guest.tell_change(Change::Leave(Arc::clone(&membership.room.id.name)));
        if let Some(comings) = &mut state.comings {
            comings.left(guest.present().with(membership.info.as_deref()));
            self.hub.registry.stirred.list(&membership.room, comings);
        }
    }

    /// A member says something of itself, in place of what it said before.
    pub(super) fn says(&self, guest: &Rc<G>, at: usize, said: Arc<str>) {
        let mut rooms = guest.seat().rooms.borrow_mut();
        let Membership { room, info, .. } = &mut rooms[at];
        let was = guest.present().with(info.as_deref());
        let now = guest.present().with(Some(&said));
        *info = Some(Box::new(said));
        self.changed(room, was, now);
    }

    /// A session, which was there as `was`, is by another principal: whoever is told who is in its rooms is told so.
    pub fn introduce(&self, guest: &Rc<G>, was: &Present) {
        for Membership { room, info, .. } in guest.seat().rooms.borrow().iter() {
            let said = info.as_deref();
            self.changed(room, was.clone().with(said), guest.present().with(said));
        }
    }

    /// What members of the room have been told of each other so far.
    pub(super) fn told(state: &State) -> u64 {
        state.comings.as_ref().map_or(0, |comings| comings.told())
    }

    /// A member has read to the end of a history, and is in the walk from here on, behind `told`: it is told where it has
    /// not heard of other members meanwhile, so that it can ask who is there.
    pub(super) fn hears_again(&self, guest: &Rc<G>, room: &Room, heard: u64, told: u64) {
        if told > heard {
            let epoch = room.lock().history.cursor().epoch;
            let (from, to) = (room.id.beside(epoch, heard).1, room.id.beside(epoch, told).1);
            Rc::clone(guest).order(Order::Unheard(Arc::clone(&room.id.name), from, to));
        }
    }

    fn changed(&self, room: &Arc<Room>, was: Present, now: Present) {
        if let Some(comings) = &mut room.lock().comings
            && was != now
        {
            comings.changed(was, now);
            self.hub.registry.stirred.list(room, comings);
        }
    }
}
