//! What is known of a session beside its rooms: what few sessions have, and what those are told who watch it.

use std::sync::Arc;

use super::{Session, Shown};
use crate::audit::Source;
use crate::frame::Timestamp;
use crate::hub::moments::{Change, Moment};

/// What few sessions have: it costs the others a pointer.
pub(super) struct Particulars {
    /// The id that the client asked for, where it did.
    pub(super) client_id: Option<Arc<str>>,
    /// What the request that opened its connection has shown, where it has to be entered.
    pub(super) shown: Option<Box<Shown>>,
    /// From where it was opened; none where nobody writes that down.
    pub(super) source: Option<Box<Source>>,
}

impl Particulars {
    /// None where there are none.
    pub(super) fn of(
        client_id: Option<Arc<str>>,
        shown: Option<Box<Shown>>,
        source: Option<Box<Source>>,
    ) -> Option<Box<Self>> {
        let any = client_id.is_some() || shown.is_some() || source.is_some();
        any.then(|| Box::new(Self { client_id, shown, source }))
    }
}

impl Session {
    /// The id that the client asked for, where it did.
    pub(super) fn client_id(&self) -> Option<Arc<str>> {
        self.particulars.as_ref().and_then(|own| own.client_id.clone())
    }

    /// Tells those who watch sessions what happened to this one, if anybody wants that.
    pub(super) fn tell_watchers(&self, change: Change) {
        let moments = self.common.shard.hub().moments();
        let (true, Some(slot)) = (moments.want(&change), self.seat.slot()) else { return };
        moments.tell(Moment {
            change,
            slot,
            connection_id: Arc::clone(&self.id),
            endpoint: Arc::clone(&self.endpoint.path),
            principal: self.principal(),
            time: Timestamp::now(),
        });
    }
}
