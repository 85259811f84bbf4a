//! The routes of the manifest: what is asked for is validated, then done, then answered.

use tidegate_plugin::{Error, HttpResponse, Query, Result};

use crate::service::Service;
use crate::validate::{Action, Ballot, NewProposal, NewTask, ProposalList, TaskList};
use crate::world::World;

/// What a request asks, but for the route.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// The parameter of the path; empty where it has none.
    pub(crate) name: &'a str,
    pub(crate) query: &'a Query,
    pub(crate) body: &'a [u8],
}

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    CreateTask,
    ListTasks,
    GetTask,
    DeleteTask,
    TaskAction,
    GetElection,
    TriggerElection,
    Propose,
    ListProposals,
    GetProposal,
    Vote,
    Status,
}

impl Route {
    /// As the manifest lists them.
    const ALL: [Self; 12] = [
        Self::CreateTask,
        Self::ListTasks,
        Self::GetTask,
        Self::DeleteTask,
        Self::TaskAction,
        Self::GetElection,
        Self::TriggerElection,
        Self::Propose,
        Self::ListProposals,
        Self::GetProposal,
        Self::Vote,
        Self::Status,
    ];

    /// The route of that index in the manifest.
    pub(crate) fn at(index: usize) -> Result<Self> {
        Self::ALL.get(index).copied().ok_or_else(|| Error::internal(format!("there is no route {index}")))
    }
}

/// Answers a request.
pub(crate) async fn answer<W: World>(
    service: &Service<W>,
    route: Route,
    ask: &Ask<'_>,
) -> Result<HttpResponse> {
    match route {
        Route::CreateTask => HttpResponse::json(201, &service.create_task(&NewTask::parse(ask.body)?).await?),
        Route::ListTasks => HttpResponse::json(200, &service.list_tasks(&TaskList::parse(ask.query)?).await?),
        Route::GetTask => HttpResponse::json(200, &service.task(ask.name).await?),
        Route::DeleteTask => service.delete_task(ask.name).await.map(|()| HttpResponse::empty(204)),
        Route::TaskAction => {
            HttpResponse::json(200, &service.act(ask.name, &Action::parse(ask.body)?).await?)
        }
        Route::GetElection => HttpResponse::json(200, &service.election().await?),
        Route::TriggerElection => HttpResponse::json(200, &service.trigger().await?),
        Route::Propose => HttpResponse::json(201, &service.propose(&NewProposal::parse(ask.body)?).await?),
        Route::ListProposals => {
            HttpResponse::json(200, &service.list_proposals(&ProposalList::parse(ask.query)?).await?)
        }
        Route::GetProposal => HttpResponse::json(200, &service.proposal(ask.name).await?),
        Route::Vote => HttpResponse::json(200, &service.vote(ask.name, &Ballot::parse(ask.body)?).await?),
        Route::Status => HttpResponse::json(200, &service.report().await?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tidegate_plugin::Plugin;

    use super::*;

    #[test]
    fn the_manifest_lists_the_routes_in_this_order() {
        let manifest: Value = serde_json::from_str(crate::Coordination::manifest().json()).unwrap();
        let listed = manifest["routes"].as_array().unwrap();
        let listed: Vec<_> =
            listed.iter().map(|r| format!("{} {}", r["method"], r["path"]).replace('"', "")).collect();
        let expected = Route::ALL.map(|route| match route {
            Route::CreateTask => "POST /coordination/tasks",
            Route::ListTasks => "GET /coordination/tasks",
            Route::GetTask => "GET /coordination/tasks/{id}",
            Route::DeleteTask => "DELETE /coordination/tasks/{id}",
            Route::TaskAction => "POST /coordination/tasks/{id}/actions",
            Route::GetElection => "GET /coordination/election",
            Route::TriggerElection => "POST /coordination/election/trigger",
            Route::Propose => "POST /coordination/consensus/propose",
            Route::ListProposals => "GET /coordination/consensus/proposals",
            Route::GetProposal => "GET /coordination/consensus/proposals/{id}",
            Route::Vote => "POST /coordination/consensus/proposals/{id}/votes",
            Route::Status => "GET /coordination/status",
        });
        assert_eq!(listed, expected);
        assert!(Route::at(expected.len()).is_err());
    }
}
