//! What can be done to an agent by name.

use serde::Serialize;
use tidegate_plugin::{Error, Result};

use crate::model::Status;
use crate::notice::Notice;
use crate::service::Service;
use crate::world::World;

/// An action. Each is allowed in every status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    Stop,
    Pause,
    Resume,
    Restart,
}

/// The answer of `POST /agents/{id}/actions`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Done {
    pub(crate) agent_id: String,
    pub(crate) action: &'static str,
    /// Always: what cannot be done is an error.
    success: bool,
    message: &'static str,
    new_status: Status,
}

impl Action {
    const ALL: [Self; 5] = [Self::Start, Self::Stop, Self::Pause, Self::Resume, Self::Restart];

    /// The action of that name.
    ///
    /// # Errors
    /// 400 that names them all.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|action| action.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::problem(400, format!("Invalid action. Valid actions: {names}"))
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Restart => "restart",
        }
    }

    /// What is said of it when it is done.
    fn message(self) -> &'static str {
        match self {
            Self::Start => "Agent started",
            Self::Stop => "Agent stopped",
            Self::Pause => "Agent paused",
            Self::Resume => "Agent resumed",
            Self::Restart => "Agent restarted",
        }
    }

    /// Where it leaves an agent.
    fn leads_to(self) -> Status {
        match self {
            Self::Start | Self::Resume | Self::Restart => Status::Active,
            Self::Stop => Status::Inactive,
            Self::Pause => Status::Paused,
        }
    }
}

impl<W: World> Service<W> {
    /// Does `action` to an agent.
    ///
    /// # Errors
    /// 404.
    pub(crate) async fn act(&self, id: &str, action: Action) -> Result<Done> {
        let turn = self.turn().await;
        let change = self.change(id, |record, now| record.set_status(action.leads_to(), now.wall)).await?;
        let done = Done {
            agent_id: change.after.agent_id.clone(),
            action: action.name(),
            success: true,
            message: action.message(),
            new_status: change.after.status,
        };
        let mut notices = vec![Notice::action(&done)?];
        notices.extend(Notice::status_changed(&change.after, change.before.status)?);
        self.settle(&turn, notices, |_, _| ()).await?;
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::tests::service;

    #[tokio::test]
    async fn each_action_leads_to_its_status_and_says_so() {
        let service = service(&["a"]).await;
        let cases = [
            (
                "start",
                r#"{"agent_id":"a","action":"start","success":true,"message":"Agent started","new_status":"active"}"#,
            ),
            (
                "pause",
                r#"{"agent_id":"a","action":"pause","success":true,"message":"Agent paused","new_status":"paused"}"#,
            ),
            (
                "resume",
                r#"{"agent_id":"a","action":"resume","success":true,"message":"Agent resumed","new_status":"active"}"#,
            ),
            (
                "stop",
                r#"{"agent_id":"a","action":"stop","success":true,"message":"Agent stopped","new_status":"inactive"}"#,
            ),
            (
                "restart",
                r#"{"agent_id":"a","action":"restart","success":true,"message":"Agent restarted","new_status":"active"}"#,
            ),
        ];
        for (name, expected) in cases {
            let done = service.act("a", Action::named(name).unwrap()).await.unwrap();
            assert_eq!(serde_json::to_string(&done).unwrap(), expected);
            let heard = service.world.heard();
            assert_eq!(
                heard[0],
                format!(r#"agent_action {{"agent_id":"a","action":"{name}","result":{expected}}}"#)
            );
            assert!(
                heard[1].starts_with(r#"agent_status_changed {"agent_id":"a","old_status":"#),
                "{heard:?}"
            );
        }
    }

    #[tokio::test]
    async fn an_action_again_is_done_again_but_changes_no_status() {
        let service = service(&["a"]).await;
        service.act("a", Action::Start).await.unwrap();
        service.world.kinds();
        service.act("a", Action::Restart).await.unwrap();
        assert_eq!(service.world.kinds(), ["agent_action"]);
        assert_eq!(service.act("b", Action::Start).await.unwrap_err().to_string(), "Agent 'b' not found");
    }

    #[test]
    fn an_action_that_there_is_not_names_those_that_there_are() {
        let error = Action::named("Start").unwrap_err();
        assert_eq!(error.http_status(), 400);
        assert_eq!(error.to_string(), "Invalid action. Valid actions: start, stop, pause, resume, restart");
    }
}
