//! The coordination's service: all that requests, agents and the clock change goes through here, one change at a time.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidegate_plugin::{Error, Expect, FollowedEvent, Result};
use tokio::sync::{Mutex, MutexGuard};

use crate::collection::{Collection, Leftover};
use crate::consensus::Motion;
use crate::election;
use crate::kept;
use crate::roster::{News, Roster};
use crate::settings::Settings;
use crate::shelf;
use crate::status::SystemHealth;
use crate::tasks::Task;
use crate::world::World;

/// Where this node's id is kept.
const NODE: &str = "node";
/// What was due and could not be done is tried again after so many milliseconds.
const AGAIN: i64 = 1000;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Service<W> {
    pub(crate) world: W,
    pub(crate) tasks: Collection<Task>,
    pub(crate) proposals: Collection<Motion>,
    /// The agents that are known.
    pub(crate) roster: RefCell<Roster>,
    /// How they were judged last.
    pub(crate) health: Cell<SystemHealth>,
    /// This node's coordinator, who leads and votes where no agent is at work.
    pub(crate) coordinator: String,
    /// What the life before this one has left untold; told by whoever has the first turn.
    left: RefCell<Vec<Leftover>>,
    /// How often something has happened to agents after which the leader may be gone; and the last of these times after which
    /// it was looked whether it is. What happens meanwhile is another time.
    doubts: Cell<u64>,
    looked_after: Cell<u64>,
    /// Who has the turn may change something. It is given up when the events of the change are published, so that they come in
    /// the order of the changes.
    turn: Mutex<()>,
}

/// Whose turn it is.
pub(crate) type Turn<'a> = MutexGuard<'a, ()>;

/// This node, as the store keeps it.
#[derive(Serialize, Deserialize)]
struct Node {
    id: String,
}

impl<W: World> Service<W> {
    /// The service over what the store keeps.
    pub(crate) async fn open(world: W, settings: &Settings) -> Result<Self> {
        let (tasks, mut left) = Collection::load(&world, settings.max_tasks).await?;
        let (proposals, more) = Collection::load(&world, settings.max_proposals).await?;
        left.extend(more);
        left.extend(election::leftover(&world).await?);
        // In the order in which it happened.
        left.sort();
        let coordinator = format!("coordinator:{}", node(&world).await?.id);
        let roster = Roster::read(&world).await?;
        Ok(Self {
            tasks,
            proposals,
            health: Cell::new(SystemHealth::of(&roster)),
            roster: RefCell::new(roster),
            coordinator,
            left: RefCell::new(left),
            doubts: Cell::new(1),
            looked_after: Cell::new(0),
            turn: Mutex::new(()),
            world,
        })
    }

    /// Waits for the turn, in the order of asking, and first does what is due.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let turn = self.turn.lock().await;
        let left = self.left.take();
        for (_, key) in left {
            if let Err(error) = kept::retell(&self.world, &key).await {
                self.world.warn(&format!("what '{key}' has left untold is told at the next start: {error}"));
            }
        }
        self.expire(&turn).await;
        let doubts = self.doubts.get();
        if doubts > self.looked_after.get() {
            match self.replace_leader(&turn).await {
                Ok(()) => self.looked_after.set(doubts),
                Err(error) => {
                    self.world.warn(&format!("whether the leader is gone is not known yet: {error}"))
                }
            }
        }
        turn
    }

    /// Does what is due, so that no answer shows what should be over.
    pub(crate) async fn catch_up(&self) {
        if self.doubts > self.looked_after || self.due_in().is_some_and(|left| left.is_zero()) {
            drop(self.turn().await);
        }
    }

    /// How long until something is due by the clock.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        let next =
            self.tasks.index().next_due().into_iter().chain(self.proposals.index().next_due()).min()?;
        let left = next.saturating_sub(self.world.now().steady);
        Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }

    /// Takes in an event on agents, and does what follows from it.
    pub(crate) async fn follow(&self, event: &FollowedEvent) -> Result<()> {
        let Some(news) = News::read(event) else { return Ok(()) };
        let agent = news.agent_id().to_owned();
        self.roster.borrow_mut().hear(news);
        if self.roster.borrow().has_lost(&agent) {
            self.doubts.update(|doubts| doubts + 1);
        }
        let _turn = self.turn().await;
        self.judge_health().await
    }

    /// Reads anew what is kept of agents: some events on them were missed.
    pub(crate) async fn reread(&self) -> Result<()> {
        let roster = Roster::read(&self.world).await?;
        self.roster.replace(roster);
        self.doubts.update(|doubts| doubts + 1);
        let _turn = self.turn().await;
        self.judge_health().await
    }

    /// Ends what has had its time. What cannot be ended now is not asked for again at once.
    async fn expire(&self, turn: &Turn<'_>) {
        let later = |now: crate::time::Moment| now.steady.saturating_add(AGAIN);
        let now = self.world.now();
        while let Some((id, expiry)) = self.tasks.overdue(now) {
            if let Err(error) = self.time_out_task(turn, &id, expiry).await {
                self.world.warn(&format!("task '{id}' is over its time, and is not failed yet: {error}"));
                self.tasks.postpone(&id, later(now));
            }
        }
        while let Some((id, expiry)) = self.proposals.overdue(now) {
            if let Err(error) = self.time_out_proposal(turn, &id, expiry).await {
                self.world.warn(&format!("proposal '{id}' is over its time, and not decided yet: {error}"));
                self.proposals.postpone(&id, later(now));
            }
        }
    }
}

/// This node, which is made where the store has none.
async fn node(world: &impl World) -> Result<Node> {
    for _ in 0..shelf::TRIES {
        if let Some((node, _)) = shelf::get(world, NODE.into()).await? {
            return Ok(node);
        }
        shelf::put(world, NODE.into(), &Node { id: world.new_id() }, Expect::Absent).await?;
    }
    Err(shelf::contended("This node's id"))
}

/// 404 for an agent.
pub(crate) fn agent_not_found(id: &str) -> Error {
    Error::not_found(format!("Agent '{id}' not found"))
}

#[cfg(test)]
pub(crate) mod tests;
