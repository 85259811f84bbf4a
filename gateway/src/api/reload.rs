//! `POST /admin/reload`: the configuration, read again.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::answer::Json;
use super::{Api, Request};
use crate::audit::{Audit, Deed, Entry, Source};
use crate::documents::{Operation, Tag};
use crate::identity::Principal;
use crate::web::{Invalid, Problem};

/// Takes who asks for a reload.
pub type Reloads = mpsc::Sender<Ask>;

/// What a reload has changed.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "changed": ["cors.origins", "room.news:.join"], "needs_restart": ["limits.message"], "warnings": []
}]))]
pub struct Reloaded {
    /// Settings that hold from now on, by their keys. Files that they name were read again. A room that is
    /// there goes on with the `history` that it was made with.
    pub changed: Vec<String>,
    /// Settings that were changed and hold from the next start on.
    pub needs_restart: Vec<String>,
    /// What is legal in the configuration and worth a look.
    pub warnings: Vec<String>,
}

/// Why the configuration that is there now cannot be used; the one before is in effect, all of it.
#[derive(Debug)]
pub struct NotReloaded(pub Vec<Invalid>);

pub(super) fn told() -> Operation {
    Operation::new("reload", Tag::Gateway, "Read the configuration again")
        .more(
            "Keys, origins, limits, rules for rooms, certificates and the log's level are replaced, all or none, without a \
             dropped connection; SIGHUP does the same. All else needs a restart, and is listed.",
        )
        .good("It is in effect")
        .problem(StatusCode::CONFLICT, "The configuration cannot be used, and nothing has changed; `errors` says why")
        .problem(StatusCode::SERVICE_UNAVAILABLE, "Another reload is going on, or the gateway is stopping")
}

/// Somebody asks for a reload.
pub struct Ask {
    by: (Source, Arc<Principal>),
    answer: oneshot::Sender<Result<Reloaded, NotReloaded>>,
}

impl Ask {
    /// Says who has asked.
    pub fn tell(&self, entry: Entry) -> Entry {
        let (source, principal) = &self.by;
        entry.from(source).by(principal)
    }

    /// Answers, where that is still waited for.
    pub fn answer(self, outcome: Result<Reloaded, NotReloaded>) {
        let _gone_meanwhile = self.answer.send(outcome);
    }
}

impl Reloaded {
    /// Has the audit log tell it: a line for each setting that is another now. `by`: who has asked for it.
    pub fn record(&self, audit: &Audit, by: impl Fn(Entry) -> Entry) {
        for key in &self.changed {
            audit.record(Deed::ConfigurationChanged, |entry| by(entry).target(key));
        }
        for key in &self.needs_restart {
            audit.record(Deed::ConfigurationChanged, |entry| by(entry).target(key).outcome("needs_restart"));
        }
    }
}

pub(super) async fn reload(api: &Api, request: &Request) -> Result<Json<Reloaded>, Problem> {
    let busy = || Problem::busy("another reload is going on, or the gateway is stopping", 1);
    let (answer, outcome) = oneshot::channel();
    let by = (request.source.clone(), Arc::clone(&request.principal));
    api.reloads.try_send(Ask { by, answer }).map_err(|_| busy())?;
    match outcome.await.map_err(|_| busy())? {
        Ok(reloaded) => Ok(Json(reloaded)),
        Err(NotReloaded(errors)) => {
            let detail = "the configuration cannot be used; nothing has changed";
            let mut problem = Problem::new(StatusCode::CONFLICT, detail);
            problem.errors = errors;
            Err(problem)
        }
    }
}
