//! Groups of agents: what is known of all together, and clones.

mod clones;
mod homeostasis;
mod ledger;

pub(crate) use clones::Cloned;
pub(crate) use homeostasis::{State, Temperature};
pub(crate) use ledger::{Ledger, LedgerKeeper};

use serde::Serialize;

use crate::service::Service;
use crate::world::World;

/// The answer of `GET /lymphnode/metrics`.
#[derive(Debug, Serialize)]
pub(crate) struct Metrics<'a> {
    lymphnode_id: &'a str,
    /// What kind of lymph node it is; this one is over a region.
    nivel: &'static str,
    area_responsabilidade: &'a str,
    homeostatic_state: State,
    temperatura_regional: Temperature,
    agentes_ativos: usize,
    /// All that are not active.
    agentes_dormindo: usize,
    total_ameacas_detectadas: u64,
    total_neutralizacoes: u64,
    total_clones_criados: u64,
    total_clones_destruidos: u64,
}

/// The answer of `GET /lymphnode/homeostatic-state`.
#[derive(Debug, Serialize)]
pub(crate) struct Homeostasis {
    homeostatic_state: State,
    temperatura_regional: Temperature,
    description: &'static str,
    recommended_action: &'static str,
}

impl<W: World> Service<W> {
    /// What is known of all agents together.
    pub(crate) fn metrics(&self) -> Metrics<'_> {
        let (census, ledger) = (self.registry.index().census(), self.ledger.now());
        let temperature = ledger.temperature(census, self.world.now().wall);
        Metrics {
            lymphnode_id: &self.settings.lymphnode_id,
            nivel: "regional",
            area_responsabilidade: &self.settings.area_responsabilidade,
            homeostatic_state: temperature.state(),
            temperatura_regional: temperature,
            agentes_ativos: census.active,
            agentes_dormindo: census.total - census.active,
            total_ameacas_detectadas: ledger.detections,
            total_neutralizacoes: ledger.neutralizations,
            total_clones_criados: ledger.clones_created,
            total_clones_destruidos: ledger.clones_destroyed,
        }
    }

    /// How the agents are, all together.
    pub(crate) fn homeostasis(&self) -> Homeostasis {
        let census = self.registry.index().census();
        let temperature = self.ledger.now().temperature(census, self.world.now().wall);
        let state = temperature.state();
        Homeostasis {
            homeostatic_state: state,
            temperatura_regional: temperature,
            description: state.description(),
            recommended_action: state.recommended_action(),
        }
    }
}

#[cfg(test)]
mod tests;
