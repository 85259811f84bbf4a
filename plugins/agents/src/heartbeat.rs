//! Signs of life, and what becomes of agents that give none.

use tidegate_plugin::Result;

use crate::model::{Agent, Counters, Record, Status};
use crate::notice::Notice;
use crate::registry::Known;
use crate::service::Service;
use crate::time::{Moment, Timestamp};
use crate::validate::Heartbeat;
use crate::world::World;

/// Agents that are given up in one turn, so that requests need not wait for all of a large group.
const PER_TURN: usize = 100;

impl Heartbeat {
    /// Notes what the agent says. It counts as an update only where it says something new.
    fn apply(&self, record: &mut Record, now: Moment) {
        let before = record.agent.clone();
        if record.agent.status == Status::Lost {
            record.set_status(Status::Active, now.wall);
        }
        record.heard_at = now.wall;
        let Agent { health, load, energia, counters, .. } = &mut record.agent;
        *health = self.health.unwrap_or(*health);
        *load = self.load.unwrap_or(*load);
        *energia = self.energia.unwrap_or(*energia);
        *counters = Counters {
            deteccoes_total: self.deteccoes_total.unwrap_or(counters.deteccoes_total),
            neutralizacoes_total: self.neutralizacoes_total.unwrap_or(counters.neutralizacoes_total),
            falsos_positivos: self.falsos_positivos.unwrap_or(counters.falsos_positivos),
        };
        if record.agent != before {
            record.agent.updated_at = now.wall;
        }
    }
}

impl<W: World> Service<W> {
    /// Takes a sign of life. A lost agent that gives one is active again. Where it has changed the agent, that is an
    /// `agent_updated`, so that whoever judges agents by their health and load learns of it.
    ///
    /// # Errors
    /// 404.
    pub(crate) async fn heartbeat(&self, id: &str, beat: &Heartbeat) -> Result<Agent> {
        let turn = self.turn().await;
        let change = self.change(id, |record, now| beat.apply(record, now)).await?;
        let (before, after) = (change.before, change.after);
        let mut notices = Vec::new();
        if before != after {
            notices.push(Notice::updated(&after)?);
        }
        notices.extend(Notice::status_changed(&after, before.status)?);
        let (was, is) = (before.counters, after.counters);
        let detected = more(was.deteccoes_total, is.deteccoes_total);
        let neutralized = more(was.neutralizacoes_total, is.neutralizacoes_total);
        self.settle(&turn, notices, |ledger, now| ledger.report(detected, neutralized, now)).await?;
        Ok(after)
    }

    /// Gives up the agents that have been silent for too long, and judges the homeostatic state, which changes with time too.
    pub(crate) async fn sweep(&self) -> Result<()> {
        loop {
            let turn = self.turn().await;
            let silent = self.silent();
            let mut notices = Vec::new();
            let outcome = self.give_up(&silent, &mut notices).await;
            // Those that were given up before one failed are told of all the same.
            self.settle(&turn, notices, |_, _| ()).await?;
            outcome?;
            if silent.len() < PER_TURN {
                return Ok(());
            }
        }
    }

    /// Some of the agents whose time is over, with the sign of life that was their last.
    fn silent(&self) -> Vec<(String, Timestamp)> {
        let index = self.registry.index();
        let (now, patience) = (self.world.now().steady, self.settings.heartbeat_timeout.as_millis());
        let is_silent = |known: &&Known| {
            let silence = u128::try_from(now.saturating_sub(known.heard)).unwrap_or(0);
            known.record.agent.status == Status::Active && silence >= patience
        };
        let silent = index.iter().filter(is_silent).take(PER_TURN);
        silent.map(|known| (known.record.agent.agent_id.clone(), known.record.heard_at)).collect()
    }

    async fn give_up(&self, silent: &[(String, Timestamp)], notices: &mut Vec<Notice>) -> Result<()> {
        for (id, last) in silent {
            let lose = |record: &mut Record, now: Moment| {
                // Another node may have heard of it meanwhile.
                if record.agent.status == Status::Active && record.heard_at == *last {
                    record.set_status(Status::Lost, now.wall);
                }
            };
            if let Some(change) = self.registry.update(&self.world, id, lose).await? {
                notices.extend(Notice::status_changed(&change.after, change.before.status)?);
            }
        }
        Ok(())
    }
}

/// What came since: an agent that counts less than before has begun anew.
fn more(before: u64, now: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::actions::Action;
    use crate::service::tests::service;
    use crate::settings::Settings;

    fn beat(body: &str) -> Heartbeat {
        Heartbeat::parse(body.as_bytes()).unwrap()
    }

    #[tokio::test]
    async fn an_active_agent_that_is_silent_for_the_whole_time_is_lost() {
        let service = service(&["a", "quiet"]).await;
        service.act("a", Action::Start).await.unwrap();
        service.world.pass(89_999);
        service.world.kinds();
        service.sweep().await.unwrap();
        assert!(service.world.kinds().is_empty());
        service.world.pass(1);
        service.sweep().await.unwrap();
        let heard = service.world.heard();
        let lost = r#"agent_status_changed {"agent_id":"a","old_status":"active","new_status":"lost"}"#;
        assert_eq!(heard[0], lost);
        assert!(heard[1].starts_with("homeostatic_state_changed "));
        service.sweep().await.unwrap();
        assert!(service.world.kinds().is_empty());
    }

    #[tokio::test]
    async fn a_heartbeat_is_a_sign_of_life_and_alone_is_no_event() {
        let service = service(&["a"]).await;
        service.act("a", Action::Start).await.unwrap();
        service.world.kinds();
        for _ in 0..5 {
            service.world.pass(80_000);
            service.heartbeat("a", &Heartbeat::default()).await.unwrap();
            service.sweep().await.unwrap();
        }
        assert!(service.world.kinds().is_empty());
    }

    #[tokio::test]
    async fn what_a_heartbeat_says_is_kept_and_told() {
        let service = service(&["a"]).await;
        let all = beat(
            r#"{"health":0.9,"load":2,"energia":40,"counters":{"deteccoes_total":3,"falsos_positivos":1}}"#,
        );
        let agent = service.heartbeat("a", &all).await.unwrap();
        assert_eq!(
            (agent.health, agent.load, agent.energia, agent.status),
            (0.9, 2.0, 40.0, Status::Inactive)
        );
        assert_eq!((agent.counters.deteccoes_total, agent.counters.falsos_positivos), (3, 1));
        assert_eq!(service.world.kinds()[0], "agent_updated");
        service.heartbeat("a", &all).await.unwrap();
        assert!(service.world.kinds().is_empty());
        assert_eq!(service.heartbeat("b", &all).await.unwrap_err().to_string(), "Agent 'b' not found");
    }

    #[tokio::test]
    async fn a_lost_agent_that_is_heard_again_is_active_again() {
        let service = service(&["a"]).await;
        service.act("a", Action::Start).await.unwrap();
        service.world.pass(90_000);
        service.sweep().await.unwrap();
        service.world.kinds();
        assert_eq!(service.heartbeat("a", &beat("{}")).await.unwrap().status, Status::Active);
        assert_eq!(service.world.kinds()[..2], ["agent_updated", "agent_status_changed"]);
    }

    #[tokio::test]
    async fn silence_goes_on_over_a_restart() {
        let before = service(&["a"]).await;
        before.act("a", Action::Start).await.unwrap();
        before.world.pass(90_000);
        before.world.kinds();
        let after = Service::open(before.world, Settings::default()).await.unwrap();
        after.sweep().await.unwrap();
        assert_eq!(after.world.kinds()[0], "agent_status_changed");
    }

    #[tokio::test]
    async fn an_agent_that_another_node_has_heard_is_not_lost() {
        let service = service(&["a"]).await;
        service.act("a", Action::Start).await.unwrap();
        service.world.pass(90_000);
        let heard = serde_json::to_value(service.world.now().wall).unwrap();
        service.world.meddle("shared/agent/a", |agent| agent["heard_at"] = heard);
        service.world.kinds();
        service.sweep().await.unwrap();
        assert!(service.world.kinds().is_empty());
    }

    #[tokio::test]
    async fn a_large_group_is_lost_in_several_turns_and_none_is_forgotten() {
        let ids: Vec<String> = (0..250).map(|n| format!("a{n}")).collect();
        let service = service(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
        for id in &ids {
            service.act(id, Action::Start).await.unwrap();
        }
        service.world.pass(90_000);
        service.world.kinds();
        service.sweep().await.unwrap();
        let lost = service.world.kinds().into_iter().filter(|kind| *kind == "agent_status_changed").count();
        assert_eq!(lost, 250);
    }

    #[tokio::test]
    async fn reports_are_totals_so_far_and_one_that_is_less_has_begun_anew() {
        let service = service(&["a", "b"]).await;
        for (id, total) in [("a", 5), ("a", 7), ("b", 1), ("a", 2)] {
            let body =
                json!({"counters": {"deteccoes_total": total, "neutralizacoes_total": total}}).to_string();
            service.heartbeat(id, &beat(&body)).await.unwrap();
        }
        let ledger = service.ledger.now();
        assert_eq!((ledger.detections, ledger.neutralizations), (10, 10));
    }
}
