//! The agents' service: all that requests and the clock change goes through here, one change at a time.

use tidegate_plugin::{Error, Result};
use tokio::sync::{Mutex, MutexGuard};

use crate::lymphnode::{Ledger, LedgerKeeper};
use crate::model::Record;
use crate::notice::Notice;
use crate::registry::{Change, Registry};
use crate::settings::Settings;
use crate::time::{Moment, Timestamp};
use crate::world::World;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Service<W> {
    pub(crate) world: W,
    pub(crate) settings: Settings,
    pub(crate) registry: Registry,
    pub(crate) ledger: LedgerKeeper,
    /// Who has the turn may change something. It is given up when the events of the change are published, so that they come in
    /// the order of the changes.
    turn: Mutex<()>,
}

/// Whose turn it is.
pub(crate) type Turn<'a> = MutexGuard<'a, ()>;

impl<W: World> Service<W> {
    /// The service over what the store keeps.
    pub(crate) async fn open(world: W, settings: Settings) -> Result<Self> {
        let registry = Registry::load(&world).await?;
        let ledger = LedgerKeeper::load(&world).await?;
        Ok(Self { world, settings, registry, ledger, turn: Mutex::new(()) })
    }

    /// Waits for the turn, in the order of asking.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        self.turn.lock().await
    }

    /// Refuses more agents than there may be.
    pub(crate) fn check_room(&self, more: usize) -> Result<()> {
        let most = self.settings.max_agents;
        if self.registry.index().census().total + more > most {
            return Err(Error::busy(format!("There may be at most {most} agents")));
        }
        Ok(())
    }

    /// Changes an agent.
    ///
    /// # Errors
    /// 404.
    pub(crate) async fn change(&self, id: &str, change: impl Fn(&mut Record, Moment)) -> Result<Change> {
        let change = self.registry.update(&self.world, id, change).await?;
        change.ok_or_else(|| not_found(id))
    }

    /// Ends a turn: notes in the ledger what there is to note, judges the homeostatic state by what is now, and publishes.
    /// What has happened to agents is published even where the ledger could not be kept.
    pub(crate) async fn settle(
        &self,
        _turn: &Turn<'_>,
        mut notices: Vec<Notice>,
        note: impl Fn(&mut Ledger, Timestamp),
    ) -> Result<()> {
        let census = self.registry.index().census();
        let noted = |ledger: &mut Ledger, now| {
            note(ledger, now);
            ledger.judge(census, now);
        };
        let kept = self.ledger.update(&self.world, noted).await;
        if let Ok((before, after)) = &kept
            && before.state != after.state
        {
            let temperature = after.temperature(census, self.world.now().wall);
            notices.push(Notice::homeostatic(before.state, after.state, temperature)?);
        }
        if !notices.is_empty() {
            self.world.publish(notices).await?;
        }
        kept.map(|_| ())
    }
}

/// 404 for an agent.
pub(crate) fn not_found(id: &str) -> Error {
    Error::not_found(format!("Agent '{id}' not found"))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::Map;

    use super::*;
    use crate::validate::Create;
    use crate::world::tests::Small;

    /// A service in a small world, with agents of those ids; what was published of them is forgotten.
    pub(crate) async fn service(ids: &[&str]) -> Service<Small> {
        let service = Service::open(Small::default(), Settings::default()).await.unwrap();
        for id in ids {
            let agent_id = Some((*id).into());
            let wanted = Create { agent_type: "b_cell".into(), agent_id, config: Map::new() };
            service.create(wanted).await.unwrap();
        }
        service.world.published.take();
        service
    }

    #[tokio::test]
    async fn what_happened_to_an_agent_is_published_even_where_the_ledger_is_not_kept() {
        let service = service(&["a"]).await;
        let turn = service.turn().await;
        service.world.broken.set(true);
        let notices = vec![Notice::deleted("a").unwrap()];
        assert!(service.settle(&turn, notices, |ledger, _| ledger.clones_destroyed += 1).await.is_err());
        assert_eq!(service.world.kinds(), ["agent_deleted"]);
    }
}
