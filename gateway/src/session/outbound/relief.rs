//! Sessions that give way: where the node holds more for slow sessions than it may, those go first that are
//! furthest behind.

use std::rc::Rc;

use super::Way;
use crate::session::{Common, Session};
use crate::transport::close::CloseReason;

/// Sessions that give way before others of the shard have their turn.
const AT_ONCE: usize = 32;

/// Has the shard's sessions give way when they have to; never ends.
pub async fn relieve(common: Rc<Common>) {
    loop {
        common.ledger.called().await;
        while relieve_some(&common) {
            tokio::task::yield_now().await;
        }
    }
}

/// Answers whether more may have to.
fn relieve_some(common: &Common) -> bool {
    for _ in 0..AT_ONCE {
        let Some(slot) = common.ledger.furthest() else { return false };
        let Some(session) = common.shard.guest(slot) else { return false };
        session.give_way();
    }
    true
}

impl Session {
    /// The node holds more than it may, and this session is furthest behind.
    fn give_way(&self) {
        if self.outbound.give_way() == Way::Close {
            self.end(CloseReason::SlowConsumer);
        }
    }
}
