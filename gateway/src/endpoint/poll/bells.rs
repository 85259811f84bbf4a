//! What wakes the requests of a shard that wait for events: one bell for each room, so that a publish costs the same
//! however many wait.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};

use crate::frame::{Cursor, Posted};
use crate::hub::{BadName, Follow, Hub, Watch};

/// Those of a shard.
#[derive(Default)]
pub(super) struct Bells(RefCell<HashMap<Arc<str>, Weak<Bell>>>);

/// Rings for each event of a room.
pub(super) struct Bell {
    watch: Watch,
    /// For those of this shard.
    rung: Rc<Notify>,
    relay: AbortHandle,
}

/// What a publisher touches.
#[derive(Default)]
struct Rope(Notify);

impl Follow for Rope {
    fn offer(&self, _: &Arc<Posted>) {
        self.0.notify_one();
    }
}

impl Bells {
    /// The bell of `room`.
    pub(super) fn of(&self, hub: &Hub, room: &Arc<str>) -> Result<Rc<Bell>, BadName> {
        if let Some(bell) = self.0.borrow().get(room).and_then(Weak::upgrade) {
            return Ok(bell);
        }
        let bell = Rc::new(Bell::new(hub, room)?);
        let mut all = self.0.borrow_mut();
        if all.len() >= 64 && all.len() == all.capacity() {
            all.retain(|_, bell| bell.strong_count() > 0);
        }
        all.insert(Arc::clone(room), Rc::downgrade(&bell));
        Ok(bell)
    }
}

impl Bell {
    fn new(hub: &Hub, room: &str) -> Result<Self, BadName> {
        let (rope, rung) = (Arc::<Rope>::default(), Rc::<Notify>::default());
        let watch = hub.watch(room, Arc::clone(&rope) as _)?;
        let ring = Rc::clone(&rung);
        let relay = spawn_local(async move {
            loop {
                rope.0.notified().await;
                ring.notify_waiters();
            }
        });
        Ok(Self { watch, rung, relay: relay.abort_handle() })
    }

    /// The last event of the room.
    pub(super) fn cursor(&self) -> Cursor {
        self.watch.cursor()
    }

    /// Whether the room keeps history.
    pub(super) fn keeps(&self) -> bool {
        self.watch.keeps()
    }

    /// Ends with the next event, if that comes after this was called.
    pub(super) fn rings(&self) -> impl Future<Output = ()> {
        self.rung.notified()
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.relay.abort();
    }
}
