//! Clones: agents made after another one.

use serde::Serialize;
use serde_json::{Map, Number, Value};
use tidegate_plugin::Result;

use crate::model::{Agent, Seed};
use crate::notice::Notice;
use crate::service::{Service, not_found};
use crate::time::Timestamp;
use crate::validate::Clone as Wanted;
use crate::world::World;

/// The answer of `POST /lymphnode/clone`.
#[derive(Debug, Serialize)]
pub(crate) struct Cloned {
    pub(crate) parent_id: String,
    pub(crate) clone_ids: Vec<String>,
    num_clones: usize,
    especializacao: String,
    created_at: Timestamp,
}

/// The answer of `DELETE /lymphnode/clones/{especializacao}`.
#[derive(Debug, Serialize)]
pub(crate) struct Destroyed {
    especializacao: String,
    num_destroyed: u64,
    message: String,
}

impl<W: World> Service<W> {
    /// Makes clones of an agent: all that were asked for, or none.
    ///
    /// # Errors
    /// 404, 503 where there would be too many agents.
    pub(crate) async fn clone_agent(&self, wanted: Wanted) -> Result<Cloned> {
        let turn = self.turn().await;
        if !self.registry.find(&self.world, &wanted.agent_id).await? {
            return Err(not_found(&wanted.agent_id));
        }
        self.check_room(wanted.num_clones)?;
        let especializacao = wanted.especializacao.unwrap_or_else(|| format!("clone_{}", wanted.agent_id));
        let (mut clones, mut notices) = (Vec::new(), Vec::new());
        for _ in 0..wanted.num_clones {
            let seed = self.seed(&wanted.agent_id, &especializacao, wanted.mutation_rate)?;
            match self.registry.create(&self.world, seed).await {
                Ok(agent) => clones.push(agent),
                Err(error) => return Err(self.undo(&clones, error).await),
            }
        }
        for clone in &clones {
            notices.push(Notice::created(clone)?);
        }
        let cloned = Cloned {
            parent_id: wanted.agent_id,
            num_clones: clones.len(),
            clone_ids: clones.into_iter().map(|clone| clone.agent_id).collect(),
            especializacao,
            created_at: self.world.now().wall,
        };
        notices.push(Notice::cloned(&cloned)?);
        let made = cloned.num_clones as u64;
        self.settle(&turn, notices, |ledger, _| ledger.clones_created += made).await?;
        Ok(cloned)
    }

    /// Removes the clones with that tag.
    pub(crate) async fn destroy_clones(&self, especializacao: &str) -> Result<Destroyed> {
        let turn = self.turn().await;
        let ids: Vec<String> = {
            let index = self.registry.index();
            let of_it = index.iter().filter(|k| k.record.especializacao.as_deref() == Some(especializacao));
            of_it.map(|known| known.record.agent.agent_id.clone()).collect()
        };
        let (mut notices, mut outcome) = (Vec::new(), Ok(()));
        for id in &ids {
            match self.registry.remove(&self.world, id).await {
                Ok(true) => notices.push(Notice::deleted(id)?),
                Ok(false) => {}
                // Those that are gone are told of all the same.
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        let num_destroyed = notices.len() as u64;
        self.settle(&turn, notices, |ledger, _| ledger.clones_destroyed += num_destroyed).await?;
        outcome?;
        let message = format!("Destroyed {num_destroyed} clones");
        Ok(Destroyed { especializacao: especializacao.to_owned(), num_destroyed, message })
    }

    /// What the next clone of `parent` is made of.
    fn seed(&self, parent: &str, especializacao: &str, rate: Option<f64>) -> Result<Seed> {
        let index = self.registry.index();
        let Agent { agent_type, config, .. } =
            &index.get(parent).ok_or_else(|| not_found(parent))?.record.agent;
        let config =
            rate.map_or_else(|| config.clone(), |rate| vary_all(config, rate, &|| self.world.swing()));
        Ok(Seed {
            agent_id: self.world.new_id(),
            agent_type: agent_type.clone(),
            config,
            especializacao: Some(especializacao.to_owned()),
        })
    }

    /// Takes back clones that nobody has heard of yet; what cannot be taken back is told to the operator.
    async fn undo(&self, clones: &[Agent], error: tidegate_plugin::Error) -> tidegate_plugin::Error {
        for clone in clones {
            if let Err(again) = self.registry.remove(&self.world, &clone.agent_id).await {
                self.world.warn(&format!("clone '{}' was not taken back: {again}", clone.agent_id));
            }
        }
        error
    }
}

/// An object with its numbers varied, however deep they lie, each by at most its share `rate`; `swing` is from -1 to 1.
fn vary_all(object: &Map<String, Value>, rate: f64, swing: &dyn Fn() -> f64) -> Map<String, Value> {
    object.iter().map(|(key, value)| (key.clone(), vary(value, rate, swing))).collect()
}

fn vary(value: &Value, rate: f64, swing: &dyn Fn() -> f64) -> Value {
    match value {
        Value::Number(number) => Value::Number(vary_number(number, rate * swing())),
        Value::Array(values) => values.iter().map(|value| vary(value, rate, swing)).collect(),
        Value::Object(object) => Value::Object(vary_all(object, rate, swing)),
        _ => value.clone(),
    }
}

/// A number varied by a share of it. An integer stays one, and what would leave the range of numbers stays as it is.
fn vary_number(number: &Number, share: f64) -> Number {
    let varied = match (number.as_i64(), number.as_f64()) {
        // Towards the number itself, so that the share is kept.
        (Some(integer), _) => integer.checked_add((integer as f64 * share).trunc() as i64).map(Number::from),
        (None, Some(float)) if number.is_f64() => Number::from_f64(float + float * share),
        _ => None,
    };
    varied.unwrap_or_else(|| number.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_vary_wherever_they_lie_and_nothing_else_does() {
        let config = json!({"n": 100, "f": 1.5, "deep": [{"x": -40}], "s": "10", "b": true, "z": null, "big": u64::MAX});
        let varied = Value::Object(vary_all(config.as_object().unwrap(), 0.1, &|| 1.0));
        let expected = json!({"n": 110, "f": 1.65, "deep": [{"x": -44}], "s": "10", "b": true, "z": null, "big": u64::MAX});
        assert_eq!(varied, expected);
        assert_eq!(Value::Object(vary_all(config.as_object().unwrap(), 0.0, &|| 1.0)), config);
    }

    proptest! {
        #[test]
        fn no_number_varies_by_more_than_its_share(
            n in -1_000_000_000_i64..1_000_000_000, f in -1e9_f64..1e9, rate in 0.0_f64..=1.0, swing in -1.0_f64..=1.0
        ) {
            let share = rate * swing;
            let varied = vary_number(&n.into(), share);
            prop_assert!(varied.is_i64());
            prop_assert!((varied.as_i64().unwrap() - n).unsigned_abs() as f64 <= n.unsigned_abs() as f64 * rate);
            let varied = vary_number(&Number::from_f64(f).unwrap(), share).as_f64().unwrap();
            prop_assert!((varied - f).abs() <= f.abs() * rate * (1.0 + 1e-9) + 1e-12);
        }
    }
}
