//! The routes on agents; those on groups are in [`lymphnode`].

use serde_json::{Map, Value, json};
use tidegate_plugin::{Error, HttpRequest, HttpResponse, Result};

use crate::body::{Body, Range, page};
use crate::changes::Changes;
use crate::model::{Record, Seed, Status};
use crate::{TYPES, World, lymphnode, stats};

/// No upper bound.
const ENDLESS: f64 = 9e15;

/// Answers a request; the numbers are the places of the routes in the manifest.
pub(crate) async fn answer(world: &World, request: &HttpRequest) -> Result<HttpResponse> {
    match request.route {
        0 => create(world, request).await,
        1 => list(world, request).await,
        2 => show(world, request).await,
        3 => patch(world, request).await,
        4 => delete(world, request).await,
        5 => statistics(world, request).await,
        6 => act(world, request).await,
        7 => heartbeat(world, request).await,
        8 => HttpResponse::json(200, &TYPES),
        9 => lymphnode::clone(world, request).await,
        10 => lymphnode::destroy(world, request).await,
        11 => lymphnode::metrics(world).await,
        12 => lymphnode::state(world).await,
        other => Err(Error::internal(format!("the manifest has a route {other} that nobody answers"))),
    }
}

fn id(request: &HttpRequest) -> &str {
    request.param("id")
}

pub(crate) fn not_found(id: &str) -> Error {
    Error::not_found(format!("Agent '{id}' not found"))
}

async fn create(world: &World, request: &HttpRequest) -> Result<HttpResponse> {
    let mut body = Body::of(request)?;
    let agent_type = body.required("agent_type").to_lowercase();
    let config = body.object("config").unwrap_or_default();
    let agent_id = body.name("agent_id");
    if !agent_type.is_empty() && !world.config.agent_types.contains(&agent_type) {
        let known = world.config.agent_types.join(", ");
        body.wrong("agent_type", format!("not a known type; known are: {known}"), "enum");
    }
    body.check()?;
    let mut registry = world.registry.lock().await;
    let agent_id = agent_id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    if registry.find(&agent_id).is_some() {
        return Err(Error::conflict(format!("Agent '{agent_id}' already exists")));
    }
    let seed = Seed { agent_id, agent_type, config, especializacao: None };
    let record = Record::new(seed, registry.next_order(), world.now());
    let agent = record.agent.clone();
    registry.put(record).await?;
    let mut changes = Changes::default();
    changes.add("agent_created", &agent.agent_id, &agent)?;
    world.tell(&registry, changes).await?;
    HttpResponse::json(201, &agent)
}

async fn list(world: &World, request: &HttpRequest) -> Result<HttpResponse> {
    let (skip, limit) = page(request)?;
    let (wanted_type, wanted_status) = (request.query.get("agent_type"), request.query.get("status"));
    let registry = world.registry.lock().await;
    let wanted: Vec<_> = registry
        .all()
        .map(|record| &record.agent)
        .filter(|agent| wanted_type.is_none_or(|name| agent.agent_type == name))
        .filter(|agent| wanted_status.is_none_or(|name| agent.status.name() == name))
        .collect();
    let agents: Vec<_> = wanted.iter().skip(skip).take(limit).collect();
    HttpResponse::json(
        200,
        &json!({
            "total": wanted.len(),
            "agents": agents,
            "by_type": count(wanted.iter().map(|agent| agent.agent_type.as_str())),
            "by_status": count(wanted.iter().map(|agent| agent.status.name())),
        }),
    )
}

fn count<'a>(names: impl Iterator<Item = &'a str>) -> Map<String, Value> {
    let mut counts = std::collections::BTreeMap::<&str, u64>::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect()
}

async fn show(world: &World, request: &HttpRequest) -> Result<HttpResponse> {
    let registry = world.registry.lock().await;
    let record = registry.find(id(request)).ok_or_else(|| not_found(id(request)))?;
    HttpResponse::json(200, &record.agent)
}

async fn patch(world: &World, request: &HttpRequest) -> Result<HttpResponse> {
    let mut body = Body::of(request)?;
    let status = body.string("status").map(|name| Status::named(&name));
    if status == Some(None) {
        let known: Vec<_> = Status::ALL.iter().map(|status| status.name()).collect();
        body.wrong("status", format!("not a status; known are: {}", known.join(", ")), "enum");
    }
    let (health, load) = (body.number("health", Range(0.0, 1.0)), body.number("load", Range(0.0, 1.0)));
    let config = body.object("config");
    body.check()?;
    let mut registry = world.registry.lock().await;
    let mut record = registry.find(id(request)).cloned().ok_or_else(|| not_found(id(request)))?;
    let (before, now) = (record.agent.status, world.now());
    record.agent.updated_at = now;
    record.agent.health = health.unwrap_or(record.agent.health);
    record.agent.load = load.unwrap_or(record.agent.load);
    record.agent.config.extend(config.unwrap_or_default());
    if let Some(Some(status)) = status {
        record.set_status(status, now);
    }
    let agent = record.agent.clone();
    registry.put(record).await?;
    let mut changes = Changes::default();
    changes.add("agent_updated", &agent.agent_id, &agent)?;
    changes.status(&agent, before);
    world.tell(&registry, changes).await?;
    HttpResponse::json(200, &agent)
}

async fn delete(world: &World, request: &HttpRequest) -> Result<HttpResponse> {
    let mut registry = world.registry.lock().await;
    let agent_id = id(request);
    registry.find(agent_id).ok_or_else(|| not_found(agent_id))?;
    registry.remove(agent_id).await?;
    let mut changes = Changes::default();
    changes.add("agent_deleted", agent_id, &json!({ "agent_id": agent_id }))?;
    world.tell(&registry, changes).await?;
    Ok(HttpResponse::empty(204))
}

async fn statistics(world: &World, request: &HttpRequest) -> Result<HttpResponse> {
    let registry = world.registry.lock().await;
    let record = registry.find(id(request)).ok_or_else(|| not_found(id(request)))?;
    HttpResponse::json(200, &stats::of(record, world.now()))
}

/// What each action leads to, and how it is told.
const ACTIONS: [(&str, Status, &str); 5] = [
    ("start", Status::Active, "Agent started"),
    ("stop", Status::Inactive, "Agent stopped"),
    ("pause", Status::Paused, "Agent paused"),
    ("resume", Status::Active, "Agent resumed"),
    ("restart", Status::Active, "Agent restarted"),
];

async fn act(world: &World, request: &HttpRequest) -> Result<HttpResponse> {
    let mut body = Body::of(request)?;
    let action = body.required("action");
    body.object("parameters");
    body.check()?;
    let Some((action, status, message)) = ACTIONS.iter().find(|(name, ..)| *name == action) else {
        return Err(Error::problem(
            400,
            "Invalid action. Valid actions: start, stop, pause, resume, restart",
        ));
    };
    let mut registry = world.registry.lock().await;
    let mut record = registry.find(id(request)).cloned().ok_or_else(|| not_found(id(request)))?;
    let before = record.agent.status;
    record.set_status(*status, world.now());
    let agent = record.agent.clone();
    registry.put(record).await?;
    let result = json!({
        "agent_id": agent.agent_id,
        "action": action,
        "success": true,
        "message": message,
        "new_status": agent.status,
    });
    let mut changes = Changes::default();
    let told = json!({ "agent_id": agent.agent_id, "action": action, "result": result });
    changes.add("agent_action", &agent.agent_id, &told)?;
    changes.status(&agent, before);
    world.tell(&registry, changes).await?;
    HttpResponse::json(200, &result)
}

/// A sign of life, with what the agent says of itself; other values than before are told as an update.
async fn heartbeat(world: &World, request: &HttpRequest) -> Result<HttpResponse> {
    let mut body = Body::of(request)?;
    let (health, load) = (body.number("health", Range(0.0, 1.0)), body.number("load", Range(0.0, ENDLESS)));
    let energia = body.number("energia", Range(0.0, 100.0));
    let mut counters = [None; 3];
    if let Some(mut nested) = body.nested("counters") {
        let names = ["deteccoes_total", "neutralizacoes_total", "falsos_positivos"];
        counters = names.map(|name| nested.integer(name, 0, ENDLESS as u64));
        body.absorb(nested);
    }
    body.check()?;
    let mut registry = world.registry.lock().await;
    let mut record = registry.find(id(request)).cloned().ok_or_else(|| not_found(id(request)))?;
    let (before, now) = (record.agent.clone(), world.now());
    let agent = &mut record.agent;
    agent.health = health.unwrap_or(agent.health);
    agent.load = load.unwrap_or(agent.load);
    agent.energia = energia.unwrap_or(agent.energia);
    agent.counters.deteccoes_total = counters[0].unwrap_or(agent.counters.deteccoes_total);
    agent.counters.neutralizacoes_total = counters[1].unwrap_or(agent.counters.neutralizacoes_total);
    agent.counters.falsos_positivos = counters[2].unwrap_or(agent.counters.falsos_positivos);
    let more = agent.counters.deteccoes_total.saturating_sub(before.counters.deteccoes_total);
    let mut changes = Changes::default();
    if *agent != before {
        agent.updated_at = now;
        changes.add("agent_updated", &agent.agent_id, &agent)?;
    }
    record.heard_at = now;
    let agent = record.agent.clone();
    registry.put(record).await?;
    world.homeostasis.borrow_mut().detected(more, now);
    world.tell(&registry, changes).await?;
    HttpResponse::json(200, &agent)
}
