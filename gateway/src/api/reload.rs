//! `POST /admin/reload`: the configuration, read again.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::answer::Json;
use super::{Api, Request};
use crate::documents::{Operation, Tag};
use crate::web::{Invalid, Problem};

/// Takes who asks for a reload, and answers how it went.
pub type Reloads = mpsc::Sender<oneshot::Sender<Result<Reloaded, NotReloaded>>>;

/// What a reload has changed.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "changed": ["cors.origins", "room.news:.join"], "needs_restart": ["limits.message"], "warnings": []
}]))]
pub struct Reloaded {
    /// Settings that hold from now on, by their keys. Files that they name were read again.
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

pub(super) async fn reload(api: &Api, _: &Request) -> Result<Json<Reloaded>, Problem> {
    let busy = || Problem::busy("another reload is going on, or the gateway is stopping", 1);
    let (answer, outcome) = oneshot::channel();
    api.reloads.try_send(answer).map_err(|_| busy())?;
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
