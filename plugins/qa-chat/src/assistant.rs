//! The assistant: all that questions share.

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tidegate_plugin::{Error, Health, Host, Result, Status};

use crate::admission::Admission;
use crate::backend::{Backend, Failure};
use crate::breaker::{Breaker, Change, Leave, Position};
use crate::conversation::Conversations;
use crate::figures::Figures;
use crate::notice::Notices;
use crate::settings::Settings;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Assistant {
    pub(crate) host: Host,
    pub(crate) settings: Settings,
    pub(crate) backend: Backend,
    pub(crate) admission: Admission,
    pub(crate) conversations: Conversations,
    pub(crate) figures: Figures,
    pub(crate) notices: Rc<Notices>,
    breaker: Breaker,
}

impl Assistant {
    /// # Errors
    /// What is wrong with the settings, for the operator.
    pub(crate) async fn open(host: Host, settings: Settings) -> Result<Self> {
        Ok(Self {
            backend: Backend::open(&host, &settings).await?,
            admission: Admission::new(&settings.limits),
            conversations: Conversations::new(&host, &settings.conversations),
            figures: Figures::new(&host)?,
            notices: Notices::begin(&host, settings.tell)?,
            breaker: Breaker::new(&settings.breaker),
            settings,
            host,
        })
    }

    /// Leave to ask the back end.
    ///
    /// # Errors
    /// `BUSY` where it is down.
    pub(crate) fn leave(&self) -> Result<Leave> {
        let leave = self.breaker.enter();
        self.figures.breaker(self.breaker.position());
        leave.map_err(|wait| {
            let seconds = wait.as_secs_f64().ceil();
            Error::busy(format!("The assistant is down; it is tried again in {seconds} s")).retry_after(wait)
        })
    }

    /// The back end has begun to answer: where that was a try, it has shown that it works, and others may ask.
    pub(crate) fn begun(&self, leave: Leave) -> Option<Leave> {
        if !leave.tries() {
            return Some(leave);
        }
        self.works(leave);
        self.breaker.enter().ok()
    }

    /// The back end has answered.
    pub(crate) fn works(&self, leave: Leave) {
        self.change(leave.succeeded(), None);
    }

    /// The back end has not answered, or not wholly.
    pub(crate) fn fails(&self, leave: Leave, failure: &Failure) {
        self.host.log().warn(format_args!("the back end '{}': {failure}", self.backend.name()));
        let change = if failure.is_outage() { leave.failed() } else { leave.succeeded() };
        self.change(change, Some(failure));
    }

    fn change(&self, change: Option<Change>, failure: Option<&Failure>) {
        self.figures.breaker(self.breaker.position());
        let Some(change) = change else { return };
        let name = self.backend.name();
        match change {
            Change::WentDown => self.host.log().error(format_args!("the back end '{name}' is down")),
            Change::CameBack => self.host.log().info(format_args!("the back end '{name}' is back")),
        }
        self.notices.changed(name, change, failure.map(Failure::public).as_deref());
    }

    /// How it is.
    pub(crate) fn health(&self) -> Health {
        let (running, waiting) = self.admission.load();
        let (passages, trouble) = self.backend.library().map(|library| library.condition()).unzip();
        let trouble = trouble.flatten();
        let position = self.breaker.position();
        let details = json!({
            "backend": self.backend.name(),
            "breaker": match position {
                Position::Closed => "closed",
                Position::HalfOpen => "half open",
                Position::Open => "open",
            },
            "running": running,
            "waiting": waiting,
            "passages": passages,
            "trouble": trouble,
        });
        match position {
            Position::Open => Health::unhealthy(details),
            Position::HalfOpen => Health::degraded(details),
            Position::Closed if trouble.is_some() => Health::degraded(details),
            Position::Closed => Health { details, ..Health::healthy() },
        }
    }

    /// Ends what runs, once nothing is asked any more.
    pub(crate) async fn close(&self) {
        self.notices.end().await;
        self.backend.close().await;
    }
}

/// What who asked gets to know.
pub(crate) fn error(failure: &Failure) -> Error {
    let status = match failure {
        Failure::Slow(_) => Status::TIMEOUT,
        _ => Status::BUSY,
    };
    let error = Error::new(status, format!("The assistant cannot answer: {}", failure.public()));
    match failure.pause() {
        Duration::ZERO => error,
        pause => error.retry_after(pause),
    }
}
