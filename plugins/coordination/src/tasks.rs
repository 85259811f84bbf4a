//! Tasks: made, moved from status to status by actions and by the clock, listed, removed.

mod model;

pub(crate) use model::{Card, Status, Step, Task};

use std::collections::BTreeMap;

use serde::Serialize;
use tidegate_plugin::{Error, Result};

use crate::collection::Record;
use crate::kept::Kept;
use crate::notice::TASKS;
use crate::service::{Service, Turn, agent_not_found};
use crate::time::{Moment, Timestamp};
use crate::validate::{Action, NewTask, TaskList};
use crate::world::World;

/// What a task says of itself when its time is up.
const TIMED_OUT: &str = "timeout";

/// The answer of `GET /coordination/tasks`: a page, and the sums over all that the filters let through.
#[derive(Debug, Serialize)]
pub(crate) struct TaskPage {
    total: usize,
    tasks: Vec<Task>,
    by_status: BTreeMap<Status, usize>,
    by_type: BTreeMap<String, usize>,
}

/// How many tasks are where, as the status shows it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OpenTasks {
    tasks_pending: usize,
    tasks_assigned: usize,
    tasks_running: usize,
}

impl<W: World> Service<W> {
    /// Makes a task.
    ///
    /// # Errors
    /// 503 where there are too many.
    pub(crate) async fn create_task(&self, wanted: &NewTask) -> Result<Task> {
        let _turn = self.turn().await;
        if let Some(oldest) = self.tasks.oldest_to_forget()? {
            self.tasks.forget(&self.world, &oldest).await?;
        }
        let (number, now) = (self.tasks.next_number(&self.world).await?, self.world.now());
        let mut kept = Kept::new(Task::new(wanted, number, now.wall));
        kept.say(("task_created", TASKS), now, Task::clone)?;
        self.tasks.place(&self.world, kept).await?.tell(&self.world).await
    }

    /// The task of that id.
    ///
    /// # Errors
    /// 404.
    pub(crate) async fn task(&self, id: &str) -> Result<Task> {
        self.catch_up().await;
        self.tasks.get(&self.world, id).await?.ok_or_else(|| task_not_found(id))
    }

    /// The page of tasks that `list` asks for.
    pub(crate) async fn list_tasks(&self, list: &TaskList<'_>) -> Result<TaskPage> {
        self.catch_up().await;
        let (mut total, mut names) = (0, Vec::new());
        let (mut by_status, mut by_type) = (BTreeMap::new(), BTreeMap::new());
        for entry in self.tasks.index().iter().filter(|entry| list.wants(&entry.card)) {
            if list.page.holds(total) {
                names.push(entry.name.to_string());
            }
            total += 1;
            *by_status.entry(entry.card.status).or_default() += 1;
            match by_type.get_mut(&*entry.card.task_type) {
                Some(count) => *count += 1,
                None => drop(by_type.insert(entry.card.task_type.to_string(), 1)),
            }
        }
        let tasks = self.tasks.get_all(&self.world, &names).await?;
        Ok(TaskPage { total, tasks, by_status, by_type })
    }

    /// Does an action to a task.
    ///
    /// # Errors
    /// 404 for the task, then for an agent; 409 where the task does not allow it, or there is no agent to assign it to.
    pub(crate) async fn act(&self, id: &str, action: &Action) -> Result<Task> {
        let _turn = self.turn().await;
        let change = |kept: &mut Kept<Task>, now: Moment| {
            let step = self.step(action, &kept.value)?;
            kept.value.take(&step, now.wall)?;
            kept.say((step.event(), TASKS), now, Task::clone)?;
            Ok(true)
        };
        let changed = self.tasks.revise(&self.world, id, change).await?;
        changed.ok_or_else(|| task_not_found(id))
    }

    /// Cancels a task and removes it. One that was cancelled before is only removed.
    ///
    /// # Errors
    /// 404; 400 where it is completed or failed.
    pub(crate) async fn delete_task(&self, id: &str) -> Result<()> {
        let _turn = self.turn().await;
        let change = |kept: &mut Kept<Task>, now: Moment| {
            match kept.value.status {
                status @ (Status::Completed | Status::Failed) => {
                    return Err(Error::problem(400, format!("Cannot cancel task in status '{status}'")));
                }
                Status::Cancelled => {}
                Status::Pending | Status::Assigned | Status::Running => {
                    kept.value.take(&Step::Cancel, now.wall)?;
                    kept.say((Step::Cancel.event(), TASKS), now, Task::clone)?;
                }
            }
            kept.gone = true;
            Ok(true)
        };
        let gone = self.tasks.revise(&self.world, id, change).await?;
        gone.map(|_| ()).ok_or_else(|| task_not_found(id))
    }

    /// Fails a task whose time was up at `expiry`, unless something else has become of it.
    pub(crate) async fn time_out_task(&self, _turn: &Turn<'_>, id: &str, expiry: Timestamp) -> Result<()> {
        let change = |kept: &mut Kept<Task>, now: Moment| {
            if kept.value.expiry() != Some(expiry) {
                return Ok(false);
            }
            let step = Step::Fail(Some(TIMED_OUT));
            kept.value.take(&step, expiry)?;
            kept.say((step.event(), TASKS), now, Task::clone)?;
            Ok(true)
        };
        self.tasks.revise(&self.world, id, change).await.map(|_| ())
    }

    /// What an action comes to for a task: `assign` without an agent takes the one at work that has the least to do.
    fn step<'a>(&self, action: &'a Action, task: &Task) -> Result<Step<'a>> {
        let roster = self.roster.borrow();
        Ok(match action {
            Action::Assign(Some(id)) if !roster.knows(id) => return Err(agent_not_found(id)),
            Action::Assign(Some(id)) => Step::Assign(id.into()),
            Action::Assign(None) => {
                task.allows(Status::Assigned)?;
                let idlest = roster.idlest().ok_or_else(|| Error::conflict("There is no active agent"))?;
                Step::Assign(idlest.to_owned().into())
            }
            Action::Start => Step::Start,
            Action::Complete(result) => Step::Complete(result),
            Action::Fail(error) => Step::Fail(error.as_deref()),
            Action::Retry => Step::Retry,
            Action::Cancel => Step::Cancel,
        })
    }

    /// How many tasks are where.
    pub(crate) fn open_tasks(&self) -> OpenTasks {
        let mut open = OpenTasks::default();
        for entry in self.tasks.index().iter() {
            match entry.card.status {
                Status::Pending => open.tasks_pending += 1,
                Status::Assigned => open.tasks_assigned += 1,
                Status::Running => open.tasks_running += 1,
                Status::Completed | Status::Failed | Status::Cancelled => {}
            }
        }
        open
    }
}

/// 404 for a task.
fn task_not_found(id: &str) -> Error {
    Error::not_found(format!("Task '{id}' not found"))
}

#[cfg(test)]
mod tests;
