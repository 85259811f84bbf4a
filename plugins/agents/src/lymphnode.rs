//! Groups of agents: clones of a parent, and the region's temperature.

use serde_json::{Map, Number, Value, json};
use tidegate_plugin::{HttpRequest, HttpResponse, Result};

use crate::World;
use crate::body::{Body, Range};
use crate::changes::Changes;
use crate::model::{Record, Seed, Status};
use crate::registry::Totals;
use crate::routes::not_found;

pub(crate) async fn clone(world: &World, request: &HttpRequest) -> Result<HttpResponse> {
    let mut body = Body::of(request)?;
    let parent = body.required("agent_id");
    let especializacao = body.name("especializacao");
    let count = body.integer("num_clones", 1, 10).unwrap_or(1);
    let mutate = body.boolean("mutate").unwrap_or(true);
    let rate = body.number("mutation_rate", Range(0.0, 1.0)).unwrap_or(0.1);
    body.check()?;
    let mut registry = world.registry.lock().await;
    let parent = registry.find(&parent).cloned().ok_or_else(|| not_found(&parent))?.agent;
    let tag = especializacao.unwrap_or_else(|| format!("clone_{}", parent.agent_id));
    let now = world.now();
    let mut changes = Changes::default();
    let mut clone_ids = Vec::new();
    for _ in 0..count {
        let config = if mutate { mutated(&parent.config, rate) } else { parent.config.clone() };
        let agent_id = uuid::Uuid::new_v4().to_string();
        let agent_type = parent.agent_type.clone();
        let seed = Seed { agent_id: agent_id.clone(), agent_type, config, especializacao: Some(tag.clone()) };
        let record = Record::new(seed, registry.next_order(), now);
        changes.add("agent_created", &agent_id, &record.agent)?;
        registry.put(record).await?;
        clone_ids.push(agent_id);
    }
    let totals = registry.totals();
    registry.set_totals(Totals { created: totals.created + count, ..totals }).await?;
    let answer = json!({
        "parent_id": parent.agent_id,
        "clone_ids": clone_ids,
        "num_clones": count,
        "especializacao": tag,
        "created_at": now,
    });
    changes.add("agent_cloned", &parent.agent_id, &answer)?;
    world.tell(&registry, changes).await?;
    HttpResponse::json(201, &answer)
}

/// Each number varied by at most `rate` of itself; whole numbers stay whole.
fn mutated(config: &Map<String, Value>, rate: f64) -> Map<String, Value> {
    config.iter().map(|(name, value)| (name.clone(), varied(value, rate))).collect()
}

fn varied(value: &Value, rate: f64) -> Value {
    match value {
        Value::Number(number) => vary(number, rate).map_or_else(|| value.clone(), Value::Number),
        Value::Array(items) => items.iter().map(|item| varied(item, rate)).collect(),
        Value::Object(fields) => Value::Object(mutated(fields, rate)),
        other => other.clone(),
    }
}

fn vary(number: &Number, rate: f64) -> Option<Number> {
    let change = number.as_f64()? * rate * chance();
    match number.as_i64() {
        Some(whole) => Some(whole.saturating_add(change.trunc() as i64).into()),
        None => Number::from_f64(number.as_f64()? + change),
    }
}

/// Evenly from -1 to 1.
fn chance() -> f64 {
    let random = uuid::Uuid::new_v4().as_u64_pair().1 as u32;
    f64::from(random) / f64::from(u32::MAX) * 2.0 - 1.0
}

pub(crate) async fn destroy(world: &World, request: &HttpRequest) -> Result<HttpResponse> {
    let tag = request.param("especializacao");
    let mut registry = world.registry.lock().await;
    let clones: Vec<String> = registry
        .all()
        .filter(|record| record.especializacao.as_deref() == Some(tag))
        .map(|record| record.agent.agent_id.clone())
        .collect();
    let mut changes = Changes::default();
    for agent_id in &clones {
        registry.remove(agent_id).await?;
        changes.add("agent_deleted", agent_id, &json!({ "agent_id": agent_id }))?;
    }
    let totals = registry.totals();
    registry.set_totals(Totals { destroyed: totals.destroyed + clones.len() as u64, ..totals }).await?;
    world.tell(&registry, changes).await?;
    HttpResponse::json(
        200,
        &json!({
            "especializacao": tag,
            "num_destroyed": clones.len(),
            "message": format!("Destroyed {} clones", clones.len()),
        }),
    )
}

pub(crate) async fn metrics(world: &World) -> Result<HttpResponse> {
    let registry = world.registry.lock().await;
    let (homeostasis, now) = (world.homeostasis.borrow(), world.now());
    let active = registry.all().filter(|record| record.agent.status == Status::Active).count();
    let sum = |part: fn(&Record) -> u64| registry.all().map(part).sum::<u64>();
    HttpResponse::json(
        200,
        &json!({
            "lymphnode_id": world.config.lymphnode_id,
            "nivel": "regional",
            "area_responsabilidade": world.config.area_responsabilidade,
            "homeostatic_state": homeostasis.level(&registry, now).name,
            "temperatura_regional": homeostasis.temperature(&registry, now),
            "agentes_ativos": active,
            "agentes_dormindo": registry.all().count() - active,
            "total_ameacas_detectadas": sum(|record| record.agent.counters.deteccoes_total),
            "total_neutralizacoes": sum(|record| record.agent.counters.neutralizacoes_total),
            "total_clones_criados": registry.totals().created,
            "total_clones_destruidos": registry.totals().destroyed,
        }),
    )
}

pub(crate) async fn state(world: &World) -> Result<HttpResponse> {
    let registry = world.registry.lock().await;
    let (homeostasis, now) = (world.homeostasis.borrow(), world.now());
    let level = homeostasis.level(&registry, now);
    HttpResponse::json(
        200,
        &json!({
            "homeostatic_state": level.name,
            "temperatura_regional": homeostasis.temperature(&registry, now),
            "description": level.description,
            "recommended_action": level.recommended_action,
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_vary_within_the_rate_and_whole_ones_stay_whole() {
        let config = json!({ "n": 100, "f": 0.5, "text": "x", "deep": { "list": [10.0, true] } });
        let config = config.as_object().cloned().unwrap_or_default();
        for _ in 0..200 {
            let new = mutated(&config, 0.1);
            assert!((90..=110).contains(&new["n"].as_i64().expect("whole")), "{new:?}");
            assert!((0.45..=0.55).contains(&new["f"].as_f64().expect("a number")), "{new:?}");
            assert!((9.0..=11.0).contains(&new["deep"]["list"][0].as_f64().expect("a number")));
            assert_eq!((&new["text"], &new["deep"]["list"][1]), (&json!("x"), &json!(true)));
        }
        assert_eq!(mutated(&config, 0.0), config);
    }
}
