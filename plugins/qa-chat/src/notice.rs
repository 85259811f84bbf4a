//! Telling others: who else is a user of what was asked and answered, and operators of a back end that goes down or comes back. It
//! waits for nobody: what cannot be told soon enough is counted.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;
use serde_json::json;
use tidegate_plugin::{Counter, Event, Host, Result};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::answer::Answer;
use crate::asker::Asker;
use crate::breaker::Change;
use crate::question::Question;
use crate::settings::Tell;

/// Notices that wait for the gateway to take them, at most.
const MOST: usize = 1000;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Notices {
    host: Host,
    tell: Tell,
    /// None once it has stopped.
    queue: RefCell<Option<mpsc::Sender<Notice>>>,
    task: RefCell<Option<JoinHandle<()>>>,
    lost: Counter,
}

#[derive(Debug)]
enum Notice {
    /// To its rooms.
    Publish(Event),
    /// To the sessions of a user, but the one of that connection id.
    Send { event: Event, user: String, but: Option<String> },
}

impl Notices {
    /// Begins to tell, in order.
    pub(crate) fn begin(host: &Host, tell: Tell) -> Result<Rc<Self>> {
        let lost =
            host.metrics().counter("chat_notices_lost", "Events of the chat that could not be told", &[])?;
        if tell == Tell::Others {
            host.log().info(
                "tell = \"others\": a user's other sessions are told; one without a user has no others",
            );
        }
        let (queue, waiting) = mpsc::channel(MOST);
        let task = tokio::task::spawn_local(tell_all(host.clone(), waiting, lost.clone()));
        let (queue, task) = (RefCell::new(Some(queue)), RefCell::new(Some(task)));
        Ok(Rc::new(Self { host: host.clone(), tell, queue, task, lost }))
    }

    /// Ends when all that waits is told.
    pub(crate) async fn end(&self) {
        self.queue.take();
        let task = self.task.take();
        if let Some(task) = task {
            // It panics only with a panic of ours, which is told elsewhere.
            drop(task.await);
        }
    }

    /// A question was asked.
    pub(crate) fn asked(&self, asker: &Asker, question: &Question) {
        let data = json!({
            "content": question.content,
            "metadata": { "conversation": question.conversation, "attachments": question.attachments.len() },
            "timestamp": self.now(),
        });
        self.tell_user(asker, "chat_message", &data);
    }

    /// It was answered.
    pub(crate) fn answered(&self, asker: &Asker, answer: &Answer) {
        self.tell_user(asker, "agent_response", answer);
    }

    /// The back end went down, or came back.
    pub(crate) fn changed(&self, backend: &str, change: Change, reason: Option<&str>) {
        let status = match change {
            Change::WentDown => "down",
            Change::CameBack => "up",
        };
        let data = json!({ "status": status, "backend": backend, "reason": reason, "timestamp": self.now() });
        if let Ok(event) =
            Event::new("assistant_status").room("system").key(self.host.name().to_owned()).data(&data)
        {
            self.put(Notice::Publish(event));
        }
    }

    fn tell_user<T: Serialize>(&self, asker: &Asker, kind: &'static str, data: &T) {
        let (Some(user), Ok(event)) = (asker.user(), Event::new(kind).data(data)) else { return };
        match self.tell {
            Tell::Nobody => {}
            Tell::Room => self.put(Notice::Publish(event.room(format!("user:{user}")))),
            Tell::Others => {
                let but = asker.connection.clone();
                self.put(Notice::Send { event, user: user.to_owned(), but });
            }
        }
    }

    fn put(&self, notice: Notice) {
        let put = self.queue.borrow().as_ref().is_some_and(|queue| queue.try_send(notice).is_ok());
        if !put {
            self.lost.add(1);
        }
    }

    fn now(&self) -> String {
        let ms = u64::try_from(self.host.clock().now_ms()).unwrap_or(0);
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
        humantime::format_rfc3339_millis(time).to_string()
    }
}

async fn tell_all(host: Host, mut waiting: mpsc::Receiver<Notice>, lost: Counter) {
    while let Some(notice) = waiting.recv().await {
        let told = match notice {
            Notice::Publish(event) => host.publish(event).await.map(|_| ()),
            Notice::Send { event, user, but } => send(&host, &event, &user, but.as_deref()),
        };
        if let Err(error) = told {
            lost.add(1);
            host.log().debug(format_args!("an event of the chat is not told: {error}"));
        }
    }
}

fn send(host: &Host, event: &Event, user: &str, but: Option<&str>) -> Result<()> {
    let sessions = host.sessions();
    let asking = but.and_then(|connection| sessions.find(connection).ok());
    let mut told = Ok(());
    for session in sessions.of_user(user)?.into_iter().filter(|session| Some(*session) != asking) {
        // One that is gone, or is slow, keeps no other from being told.
        told = told.and(sessions.send(session, event));
    }
    told
}
